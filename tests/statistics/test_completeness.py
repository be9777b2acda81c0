"""Hand-made studies with something wrong: each says so, and the other agents' numbers do not move."""

import json

import numpy as np
import pandas as pd
import pytest

from glam_eval.statistics import compare, complete

NANO = "gflan/t5-nano"
OTHERS = ["gflan/t5-pico", "random", "bot"]


@pytest.fixture
def whole(studies):
    return studies(seeds=6, scenes=60)


@pytest.fixture
def expected(whole):
    return compare(whole, np.random.default_rng(0))


def _alone(table, name, measure="success", protocol="sample-efficiency"):
    rows = table[(table["a"] == name) & (table["b"] == "") & (table["measure"] == measure)]
    return rows[rows["protocol"] == protocol].set_index("shift")


def _runs(episodes, **status):
    """A runs table in which every run planned its agent's last point; ``status`` by run_id with _ for -."""
    runs = episodes.drop_duplicates("run_id")[["run_id", "agent", "model", "seed"]]
    learned = runs["agent"] == "gflan"
    state = [status.get(run.replace("-", "_"), "finished") for run in runs["run_id"]]
    planned = np.where(learned, 100_000, 0)
    configs = [json.dumps({"frames": int(frames)}) for frames in planned]
    return runs.assign(frames=planned, config=configs, status=state, level="Local", language="en")


def _unmoved(table, expected, measures=("success", "area_under_curve")):
    """Whether the rows of all other agents are what they are in the whole study."""
    for measure in measures:
        for name in OTHERS:
            ours, theirs = (_alone(t, name, measure) for t in (table, expected))
            columns = ["estimate", "low", "high", "n_seeds"]
            pd.testing.assert_frame_equal(ours[columns], theirs[columns])


@pytest.mark.parametrize("told_by", ["the runs table", "the others of its kind", "a run that never ended"])
def test_a_run_that_stopped_halfway_is_left_out_and_nobody_else_moves(whole, expected, told_by):
    stopped = whole.query(
        "not (run_id == 'gflan-t5-nano-2' and (frames > 50000 or protocol == 'generalization'))"
    )
    runs = {
        "the runs table": _runs(stopped, gflan_t5_nano_2="running"),
        "the others of its kind": None,
        "a run that never ended": _runs(stopped).query("run_id != 'gflan-t5-nano-2'"),
    }[told_by]
    table = compare(stopped, np.random.default_rng(0), runs=runs)
    finished = compare(whole.query("run_id != 'gflan-t5-nano-2'"), np.random.default_rng(0))
    for measure in ("success", "area_under_curve"):
        row = _alone(table, NANO, measure).loc["none"]
        assert row["estimate"] == _alone(finished, NANO, measure).loc["none", "estimate"]
        assert row["n_seeds"] == 5
        assert "seed 2 stopped at 50,000 of 100,000 steps: left out" in row["note"]
    _unmoved(table, expected)


def test_an_agent_whose_runs_all_stopped_is_left_out_whole(whole, expected):
    early = whole.query("not (model == 't5-nano' and (frames > 25000 or protocol == 'generalization'))")
    states = {f"gflan_t5_nano_{seed}": "running" for seed in range(6)}
    table = compare(early, np.random.default_rng(0), runs=_runs(early, **states))
    assert NANO not in set(table["a"])
    _unmoved(table, expected)  # above all their areas, which ended at 25,000 steps with it


def test_a_failed_run_is_left_out_and_named(whole, expected):
    known = complete(whole, _runs(whole, gflan_t5_nano_4="failed"))
    assert known.left_out == {"gflan-t5-nano-4"}
    assert [gap.sentence for gap in known.gaps] == [f"{NANO}: seed 4 failed: left out"]
    _unmoved(compare(whole, np.random.default_rng(0), runs=_runs(whole, gflan_t5_nano_4="failed")), expected)


def test_episodes_stored_twice_count_once(whole, expected):
    copied = whole.query("run_id == 'gflan-t5-nano-1' and shift == 'none' and frames == 100000")
    other = copied.assign(success=~copied["success"].astype(bool))
    for extra, words in ((copied, "episodes were stored twice: "), (other, "with another outcome: ")):
        table = compare(pd.concat([whole, extra]), np.random.default_rng(0))
        row, before = (_alone(t, NANO).loc["none"] for t in (table, expected))
        assert (row["estimate"], row["n_episodes"]) == (before["estimate"], before["n_episodes"])
        assert f"{words}the first counts" in row["note"]
        assert "120 episodes" in row["note"]
        _unmoved(table, expected)


def test_a_missing_shift_is_said_once_for_all_seeds_that_miss_it(whole, expected):
    partial = whole.query("not (model == 't5-nano' and shift != 'none' and seed in (1, 5))")
    known = complete(partial)
    text = "seeds 1, 5 not played under invented_nouns, none@fr in generalization"
    assert [gap.sentence for gap in known.gaps] == [f"{NANO}: {text}"]
    table = compare(partial, np.random.default_rng(0))
    assert text in _alone(table, NANO, protocol="generalization").loc["none@fr", "note"]
    _unmoved(table, expected)


def test_a_missing_point_and_a_longer_curve_are_said(whole):
    holey = whole.query("not (model == 't5-nano' and seed == 3 and frames == 50000)")
    texts = [gap.text for gap in complete(holey).gaps]
    assert texts == ["seed 3 not played at 50,000 steps in sample-efficiency"]
    longer = whole[whole["model"] == "t5-pico"].assign(frames=lambda f: 2 * f["frames"])
    texts = [gap.text for gap in complete(pd.concat([whole[whole["model"] != "t5-pico"], longer])).gaps]
    assert texts == [
        "its curve in sample-efficiency goes on to 200,000 steps, areas are compared up to 100,000"
    ]


def test_a_run_that_a_protocol_was_not_asked_of_at_the_end_is_left_out_there_alone(whole):
    early = whole.query(
        "not (run_id == 'gflan-t5-pico-0' and protocol == 'sample-efficiency' and frames == 100000)"
    )
    known = complete(early)
    rows = known.episodes[known.episodes["run_id"] == "gflan-t5-pico-0"]
    assert set(rows["protocol"]) == {"generalization"}
    assert known.left_out == frozenset()
    assert known.gaps[0].text == "seed 0 not asked at the end of training, and left out, in sample-efficiency"


def test_a_collapsed_seed_is_said_and_its_agent_has_the_interval_that_always_holds(whole, expected):
    fallen = whole.copy()
    fallen["success"] = whole["success"] & ~((whole["run_id"] == "gflan-t5-nano-0") & (whole["frames"] > 0))
    table = compare(fallen, np.random.default_rng(0))
    row = _alone(table, NANO).loc["none"]
    assert "1 seed collapsed: interval for any distribution of seeds" in row["note"]
    assert "seed 0 collapsed in sample-efficiency (success 0.00, the median seed's" in row["note"]
    assert row["low"] < 0.55 < row["estimate"] < row["high"]
    pair = table[(table["a"] == NANO) & (table["b"] == "random") & (table["shift"] == "none")].iloc[0]
    assert np.isnan([pair["low"], pair["high"]]).all()
    assert pair["p_value"] == pair["p_exact"]
    assert "no interval, exact permutation test of seeds" in pair["note"]
    _unmoved(table, expected)


def test_a_run_that_failed_before_any_episode_is_named_and_nobody_moves(whole, expected):
    runs = _runs(whole, gflan_t5_nano_2="failed")
    rest = whole[whole["run_id"] != "gflan-t5-nano-2"]
    text = "seed 2 failed before an episode was stored: left out"
    gap = next(gap for gap in complete(rest, runs).gaps if gap.text == text)
    assert (gap.agent, gap.model) == ("gflan", "t5-nano")
    table = compare(rest, np.random.default_rng(0), runs=runs)
    _unmoved(table, expected)
    assert text in _alone(table, NANO)["note"].iloc[0]
    assert not [gap for gap in complete(rest, _runs(rest)).gaps if "failed before" in gap.text]
