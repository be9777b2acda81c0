"""Probes along training: the policy's own distributions, from before the first gradient step on."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from glam_eval.config.protocols import ProtocolConfig
from glam_eval.core.answer_records import ProbeRecord
from glam_eval.environments.probes import probes
from glam_eval.policies import score_actions
from glam_eval.protocols import Prober, probe_situations
from glam_eval.training.run import TrainingRun


def protocol(**values):
    return ProtocolConfig.parse({"name": "probes", **values}, "test")


def frame(records):
    return pd.DataFrame([{name: getattr(r, name) for name in ProbeRecord.__slots__} for r in records])


def trained(config, settings, cut=None):
    """The rows of a whole run; at ``cut`` updates everything is saved as JSON and another prober goes on."""
    run = TrainingRun(config)
    prober = Prober(run.policy, config, settings)
    prober.ask(run.update)
    while not run.finished:
        run.advance()
        prober.ask(run.update)
        prober.ask(run.update)
        if run.update == cut:
            state = json.loads(json.dumps(prober.state()))
            prober = Prober(run.policy, config, settings).restored(state)
    return frame(prober.records())


@pytest.fixture(scope="module")
def table(tiny_run):
    return trained(tiny_run(), protocol())


def test_every_update_has_every_probe(table):
    assert list(table["frames"].unique()) == [0, 80, 160, 240]
    assert list(table["probe"].unique()) == [probe.name for probe in probes()]
    assert (table.groupby(["frames", "probe"]).size() == 6).all()
    expected = table.groupby(["frames", "probe"])["expected"].sum()
    assert (expected == [len(p.expected) for p in sorted(probes(), key=lambda p: p.name)] * 4).all()


def test_distributions_sum_to_one_and_their_measures_follow_from_them(table):
    for _, part in table.groupby(["frames", "probe"]):
        assert part["probability"].sum() == pytest.approx(1, abs=1e-6)
        assert part["entropy"].iloc[0] == pytest.approx(stats.entropy(part["probability"]), abs=1e-6)
        first = table[(table["frames"] == 0) & (table["probe"] == part["probe"].iloc[0])]
        divergence = stats.entropy(part["probability"].to_numpy(), first["probability"].to_numpy())
        assert part["kl"].iloc[0] == pytest.approx(divergence, abs=1e-6)
    assert (table.loc[table["frames"] == 0, "kl"] == 0).all()
    assert (table.loc[table["frames"] > 0, "kl"] > 0).all()


def test_the_first_rows_are_of_the_policy_before_any_gradient_step(table, tiny_run):
    """By hand: the untrained model's actions scored on the prompts as stored."""
    policy = TrainingRun(tiny_run()).policy
    first = table[table["frames"] == 0]
    prompts = list(first["prompt"].unique())
    actions = list(first["action"].iloc[:6])
    with torch.no_grad():
        scores = score_actions(policy.model, policy.tokenizer, prompts, actions)
    by_hand = scores.softmax(dim=1).flatten().numpy()
    assert np.allclose(first["probability"], by_hand, atol=1e-6)


def test_rows_follow_the_policy_of_their_update(table, tiny_run):
    run = TrainingRun(tiny_run())
    run.advance()
    situations = [each.situation for each in probe_situations(tiny_run(), protocol())]
    with torch.no_grad():
        output = run.policy.evaluate([run.policy.prepare(each) for each in situations])
    rows = table[table["frames"] == 80]
    assert rows["probability"].tolist() == np.exp(output.log_probabilities.double().numpy()).ravel().tolist()
    assert rows["value"].tolist() == np.repeat(output.values.double().numpy(), 6).tolist()  # reward scale 1


@pytest.mark.parametrize("cut", [1, 2])
def test_a_resumed_prober_equals_a_straight_one(table, tiny_run, cut):
    pd.testing.assert_frame_equal(trained(tiny_run(), protocol(), cut), table, check_exact=True)


def test_asking_changes_no_training(tiny_run):
    asked, plain = TrainingRun(tiny_run()), TrainingRun(tiny_run())
    prober = Prober(asked.policy, tiny_run(), protocol())
    for _ in range(2):
        prober.ask(asked.update)
        assert asked.advance().policy_loss == plain.advance().policy_loss


def test_some_updates_can_be_passed_over(tiny_run):
    assert list(trained(tiny_run(), protocol(every=2))["frames"].unique()) == [0, 160, 240]


def test_probes_are_told_under_every_condition(tiny_run):
    settings = protocol(conditions=["none", "synonym_actions", "none@fr"], tasks=["goto"])
    prompted = probe_situations(tiny_run(), settings)
    assert [each.condition for each in prompted] == [
        name for name in ("none", "synonym_actions", "none@fr") for _ in range(5)
    ]
    assert "turn left" in prompted[0].situation.actions
    assert "rotate left" in prompted[5].situation.actions
    assert "Goal" not in prompted[10].situation.prompt
    assert len({each.situation.prompt for each in prompted}) == 15


def test_an_action_set_is_asked_what_it_can_do(tiny_run):
    world = {"level": "GoToLocalS5N2", "remembered": 3, "actions": "restricted"}
    prompted = probe_situations(tiny_run(environment=world), protocol())
    assert {each.probe.name for each in prompted} >= {
        "go_to_left",
        "pick_up_aside",
        "sequence_told_backwards",
    }
    assert all(each.probe.expected <= {0, 1, 2} and not each.probe.taken for each in prompted)
    whole = probe_situations(tiny_run(environment={**world, "actions": "augmented"}), protocol())
    assert len(whole) == len(probes())
    carried = next(each for each in whole if each.probe.name == "put_next_drop").situation.prompt
    assert carried.count("Observation") == 3


def test_an_agent_of_another_kind_is_probed(tiny_run):
    rows = trained(tiny_run("drrn", frames=80), protocol(tasks=["goto"]))
    assert list(rows["frames"].unique()) == [0, 80]
    assert rows["value"].notna().all()


def test_an_agent_that_never_learns_is_probed_once_without_a_critic(tiny_run):
    rows = trained(tiny_run(agent="zero-shot"), protocol())
    assert list(rows["frames"].unique()) == [0]
    assert rows["value"].isna().all()
