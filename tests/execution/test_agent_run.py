"""One run to all of its tables: stopped or killed anywhere, they are those of a straight run."""

import contextlib
import json
import math
import shutil

import pandas as pd
import pytest
import torch

from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.execution import agent_run
from glam_eval.execution.agent_run import AgentRun
from glam_eval.execution.evaluation import load_evaluation
from glam_eval.execution.progress import StoppedError
from glam_eval.results import load_results, table_names
from glam_eval.statistics.curves import settled_updates
from glam_eval.training.checkpoints import read_checkpoint

PROTOCOLS = (
    {"name": "sample-efficiency", "scenes": 4},
    {"name": "generalization", "scenes": 4, "conditions": ["none", "none@en", "invented_nouns"]},
    {"name": "probes", "tasks": ["goto", "pickup"], "conditions": ["none", "none@fr"]},
)


def plan(config, protocols=PROTOCOLS):
    asked = tuple(ProtocolConfig.parse(each, "test") for each in protocols)
    return PlannedRun("test", config, asked, replayed=True)


def carry_out(plan, out, after=None):
    """Carry a run out; with ``after``, stop at the n-th time that the run asks."""
    asked = []

    def stop():
        asked.append(None)
        return after is not None and len(asked) > after

    AgentRun(plan, plan.config, out, "cpu", lambda _: None, stop).carry_out()


def tables(out):
    volatile = ("seconds", "started", "finished")
    read = {name: load_results(out, name) for name in table_names(out)}
    read = {name: t.astype(dict.fromkeys(t.select_dtypes("category"), str)) for name, t in read.items()}
    return {
        name: table[[c for c in table if not c.startswith(volatile)]].reset_index(drop=True)
        for name, table in read.items()
    }


@pytest.fixture(scope="module")
def straight(tmp_path_factory, tiny_run):
    out = tmp_path_factory.mktemp("straight")
    carry_out(plan(tiny_run()), out)
    return out


def assert_equal_tables(one, two):
    one, two = tables(one), tables(two)
    assert one.keys() == two.keys()
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, two[name], check_exact=True)


def test_a_run_leaves_every_table(straight):
    assert table_names(straight) == ["runs", "training", "episodes", "steps", "probes"]
    probes = load_results(straight, "probes")
    assert probes.groupby(["shift", "frames"], sort=False).size().to_dict() == {
        (shift, frames): 8 * 6 for frames in (0, 80, 160, 240) for shift in ("none", "none@fr")
    }


def test_a_run_stopped_again_and_again_ends_with_the_same_tables(straight, tiny_run, tmp_path):
    for _ in range(20):
        try:
            carry_out(plan(tiny_run()), tmp_path, after=6)
        except StoppedError:
            continue
        break
    else:
        raise AssertionError("the run never ends")
    assert_equal_tables(straight, tmp_path)
    assert kept(straight) == kept(tmp_path)


def kept(out):
    """What the checkpoints that are left are ranked by."""
    checkpoints = [read_checkpoint(each) for each in out.glob("checkpoints/*/*")]
    return {each.frames: (each.score, each.temporary) for each in checkpoints}


def test_the_best_checkpoint_is_kept_whenever_a_run_is_stopped(tiny_run, tmp_path, monkeypatch):
    """The success of each point is 1, 3, 0 and 2 quarters of what it was: the best is no recent one."""
    shares = {0: 0.25, 80: 0.75, 160: 0.0, 240: 0.5}
    evaluate = AgentRun._evaluate_on_curve

    def scored(run):
        evaluate(run)
        return shares[run._run.frames]

    monkeypatch.setattr(AgentRun, "_evaluate_on_curve", scored)
    monkeypatch.setattr(agent_run, "CHECKPOINT_SECONDS", 0.0)
    planned = plan(tiny_run(evaluations=3), PROTOCOLS[:1])
    for stops in range(20):
        try:
            carry_out(planned, tmp_path, after=4 + stops)
        except StoppedError:
            continue
        break
    assert 1 < stops < 19
    assert kept(tmp_path) == {frames: (shares[frames], False) for frames in (80, 160, 240)}


def test_rows_written_before_a_crash_are_written_again_the_same(straight, tiny_run, tmp_path):
    """The files of an evaluation point are there, its checkpoint is not: killed between the two."""
    out = tmp_path / "out"
    shutil.copytree(straight, out)
    [run] = (out / "checkpoints").iterdir()
    shutil.rmtree(run / "frames-0000000240")
    shutil.rmtree(out / "runs")
    carry_out(plan(tiny_run()), out)
    assert_equal_tables(straight, out)


def _all_nan(policy):
    for parameter in policy.parameters():
        torch.nn.init.constant_(parameter, math.nan)


@pytest.mark.parametrize("asked", [PROTOCOLS[:1], PROTOCOLS[1:2], PROTOCOLS[2:]])
def test_a_policy_that_is_nan_is_a_failed_run_whatever_it_is_asked(asked, tiny_run, tmp_path):
    planned = plan(tiny_run("zero-shot"), asked)
    run = AgentRun(planned, planned.config, tmp_path, "cpu", lambda _: None, lambda: False)
    _all_nan(run._run.policy.model)
    with pytest.raises((RunFailedError, UserError), match=r"NaN or infinite|not finite"):
        run.carry_out()
    assert table_names(tmp_path) == []


def test_a_policy_that_diverges_in_its_last_update_is_a_failed_run(tiny_run, tmp_path):
    """One epoch of one minibatch: every loss is finite, the weights have 38 digits, the logits overflow."""
    learner = {"preset": "small", "environments": 8, "steps": 10, "minibatch": 80, "epochs": 1}
    config = tiny_run(frames=80, evaluations=1, learner=learner | {"learning_rate": 1e38})
    with pytest.raises(RunFailedError, match=r"NaN or infinite.*learning.rate"):
        carry_out(plan(config, PROTOCOLS[:1]), tmp_path)
    assert "runs" not in table_names(tmp_path)
    assert set(load_results(tmp_path)["frames"]) == {0}


def test_a_shift_that_changes_nothing_makes_a_difference_of_exactly_zero(straight):
    from glam_eval.core.seeds import stream
    from glam_eval.statistics import compare

    episodes = load_results(straight, "episodes")
    played = episodes[episodes["protocol"] == "generalization"]
    other = played.assign(seed=1, run_id="other")  # a second seed, without which there is no interval
    found = compare(pd.concat([played, other]), stream(0, "test"))
    same = found[(found["shift"] == "none@en") & (found["b"] == "none") & (found["measure"] == "success")]
    assert same["estimate"].tolist() == [0.0]
    pairs = played.pivot_table(
        index="scene_seed", columns="shift", values="actions", aggfunc="first", observed=True
    )
    assert (pairs["none"] == pairs["none@en"]).all()


def test_a_checkpoint_repeats_its_rows(straight, tmp_path):
    [run] = (straight / "checkpoints").iterdir()
    checkpoint = run / "frames-0000000240"
    for name in ("generalization", "probes"):
        evaluation = load_evaluation(checkpoint, name, {}, "cpu")
        _ = evaluation.probe(tmp_path) if name == "probes" else evaluation.episodes(tmp_path)
    again, stored = tables(tmp_path), tables(straight)
    for name, protocol in (("episodes", "generalization"), ("probes", None)):
        rows = stored[name][stored[name]["frames"] == 240]
        rows = rows[rows["protocol"] == protocol] if protocol else rows
        pd.testing.assert_frame_equal(again[name], rows.reset_index(drop=True), check_exact=True)


def test_other_probes_can_be_asked_of_a_checkpoint(straight):
    [run] = (straight / "checkpoints").iterdir()
    settings = {"conditions": ["none", "synonym_actions"], "tasks": ["goto"]}
    rows = load_evaluation(run / "frames-0000000240", "probes", settings, "cpu").probe(None)
    known = {row.shift: row.kl for row in rows}
    assert known["none"] > 0
    assert math.isnan(known["synonym_actions"])  # the run was not asked these before it learned


def test_a_protocol_refuses_an_agent_that_it_cannot_ask(tiny_run, tmp_path):
    config = tiny_run("random")
    carry_out(plan(config, PROTOCOLS[:2]), tmp_path)
    checkpoint = tmp_path / "checkpoints" / config.run_id / "frames-0000000000"
    with pytest.raises(UserError, match="protocol probes takes agents that read text, not 'random'"):
        load_evaluation(checkpoint, "probes", {}, "cpu")


def test_values_are_told_with_what_came_of_them(straight, tiny_run):
    episodes = load_results(straight, "episodes")
    discounted = 0.99 ** (episodes["length"] - 1) * episodes["return"]
    pd.testing.assert_series_equal(episodes["discounted_return"], discounted, check_names=False)
    first = episodes[episodes["protocol"] == "sample-efficiency"].groupby("frames")["value"].mean()
    assert first.notna().all()
    assert first.nunique() == len(first)


def test_agents_without_a_critic_have_no_values(tiny_run, tmp_path):
    carry_out(plan(tiny_run("zero-shot")), tmp_path)
    episodes = load_results(tmp_path, "episodes")
    assert episodes[["value", "discounted_return"]].isna().all(axis=None)
    assert load_results(tmp_path, "probes")["frames"].unique().tolist() == [0]


def test_an_agent_that_never_learns_stores_no_weights_and_is_evaluated_all_the_same(tiny_run, tmp_path):
    config = tiny_run("zero-shot")
    carry_out(plan(config, PROTOCOLS[:2]), tmp_path)
    [checkpoint] = (tmp_path / "checkpoints" / config.run_id).iterdir()
    assert {file.name for file in checkpoint.iterdir()} == {"checkpoint.json"}
    again = load_evaluation(checkpoint, "generalization", {}, "cpu").episodes(None)
    stored = load_results(tmp_path, "episodes")
    for shift, episodes in again.items():
        rows = stored[(stored["shift"] == shift) & (stored["protocol"] == "generalization")]
        assert rows["actions"].tolist() == [episode.actions for episode in episodes]


def test_the_best_checkpoint_outlives_a_stop_right_after_its_evaluation(tiny_run, tmp_path):
    """Resumed where it was evaluated, a run keeps the score by which its best checkpoint is kept."""
    config, protocols = tiny_run(), PROTOCOLS[:1]
    scores = {}
    for after in range(1, 60):
        with contextlib.suppress(StoppedError):
            carry_out(plan(config, protocols), tmp_path, after=after)
        for file in (tmp_path / "checkpoints" / config.run_id).glob("frames-*/checkpoint.json"):
            manifest = json.loads(file.read_text())
            if manifest["score"] is not None:
                scores.setdefault(manifest["frames"], manifest["score"])
            else:
                assert manifest["frames"] not in scores, "a ranked checkpoint lost its rank"
        if (tmp_path / "runs").exists():
            break
    assert len(scores) >= 3


def test_success_is_told_once_as_many_episodes_ended_as_run_at_once(tmp_path, tiny_run):
    """The episodes that end first are the quick and lucky ones."""
    told = []
    learner = {"preset": "small", "environments": 16, "steps": 4, "minibatch": 32}
    planned = plan(tiny_run(frames=640, evaluations=1, learner=learner), PROTOCOLS[:1])
    AgentRun(planned, planned.config, tmp_path, "cpu", told.append, lambda: False).carry_out()
    training = load_results(tmp_path, "training")
    ended = training.set_index("frames")["episodes"]
    shown = {message.frames: message.success for message in told if message.phase == "training"}
    early = [frames for frames in shown if ended[frames] < 16]
    assert early and all(math.isnan(shown[frames]) for frames in early)
    assert any(not math.isnan(shown[frames]) for frames in shown if ended[frames] >= 16)
    kept = settled_updates(training, load_results(tmp_path, "runs"))  # what curves are made of
    assert set(ended.index) - set(kept["frames"]) == set(ended.index[ended < 16])
