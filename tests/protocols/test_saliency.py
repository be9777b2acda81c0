"""Parts of prompts left out: exact divergences, 0 for who ignores a part, and nothing else is left out."""

import math
import re

import numpy as np
import pytest
import torch
from tiny_learners import LEARNERS

from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.execution.agent_run import AgentRun
from glam_eval.execution.evaluation import load_evaluation
from glam_eval.execution.owed import lacking
from glam_eval.policies.base import PolicyOutput
from glam_eval.protocols.saliency import saliency_records
from glam_eval.results import load_results

ASKED = ProtocolConfig.parse({"name": "saliency", "items": 12}, "test")
PARTS = {
    *("possible actions", "goal", "actions taken"),
    *("observation now", "observation 1 before", "observation 2 before"),
}


class Told:
    """An agent whose policy is made of its prompt by a function: logits of six actions."""

    memory_size = 0
    cost_at_once = 100

    def __init__(self, logits):
        self._logits = logits

    def prepare(self, situation):
        return situation.prompt

    def cost(self, prepared):
        return len(prepared)

    def key(self, prepared):
        return prepared

    def evaluate(self, inputs, memory=None):
        scores = torch.tensor([self._logits(prompt) for prompt in inputs]).log_softmax(1)
        return PolicyOutput(scores, torch.zeros(len(inputs)))


def run(template="paper", agent="zero-shot", **environment):
    world = {"level": "StrictPickupLocalS5N2", "remembered": 3, "template": template, **environment}
    return RunConfig.parse({"agent": agent, "model": "t5-pico", "environment": world}, "test")


def by_part(records):
    return {part: [each for each in records if each.part == part] for part in {r.part for r in records}}


@pytest.mark.parametrize("template", ["paper", "goal_first", "tags", "paraphrase", "prose", "paper+tags"])
def test_a_part_is_left_out_and_nothing_else(template):
    asked = []

    def note(prompt):
        asked.append(prompt)
        return [0.0] * 6

    records = saliency_records(Told(note), run(template), 0, ASKED)
    assert {each.part for each in records} == PARTS
    for each in records:
        if each.part == "actions taken":  # in between observations: not one stretch of the prompt
            continue
        assert each.left_out
        places = [place.start() for place in re.finditer(re.escape(each.left_out), each.prompt)]
        rests = [each.prompt[:place] + each.prompt[place + len(each.left_out) :] for place in places]
        assert set(rests) & set(asked)
        assert bool(re.search("pick up (the|a) ", each.left_out)) == (each.part == "goal")


def test_whoever_ignores_a_part_has_zero_and_others_their_divergence():
    """Who reads the goal alone: half the probability on one action where it is told, all equal without."""
    policy = {True: [math.log(5.0), *[0.0] * 5], False: [0.0] * 6}
    found = by_part(saliency_records(Told(lambda prompt: policy["Goal of" in prompt]), run(), 0, ASKED))
    p, q = np.array([0.5, *[0.1] * 5]), np.full(6, 1 / 6)
    for part, records in found.items():
        for each in records:
            expected = float(np.sum(p * np.log(p / q))) if part == "goal" else 0.0
            assert each.kl == pytest.approx(expected, abs=1e-6)
            assert each.distance == pytest.approx(0.5 - 1 / 6 if part == "goal" else 0.0, abs=1e-6)
            assert not each.changed
    exact = [each.kl for part in PARTS - {"goal"} for each in found[part]]
    assert exact == [0.0] * len(exact)


def test_who_looks_at_now_alone_changes_its_action_without_it():
    def sees_wall_near(prompt):
        now = prompt.rpartition("Observation")[2]
        return [float("wall" in now) * 3, 1.0, 0.0, 0.0, 0.0, 0.0]

    found = by_part(saliency_records(Told(sees_wall_near), run(remembered=1), 0, ASKED))
    assert set(found) == {"possible actions", "goal", "observation now"}
    assert all(each.changed and each.kl > 0.1 for each in found["observation now"] if "wall" in each.left_out)
    assert all(each.kl == 0 for each in found["goal"] + found["possible actions"])


def test_an_impossible_action_is_infinitely_far():
    certain = [0.0, *[-math.inf] * 5]
    sure = saliency_records(
        Told(lambda prompt: certain if "Goal of" in prompt else certain[::-1]), run(), 0, ASKED
    )
    assert {(each.kl, each.distance, each.changed) for each in sure if each.part == "goal"} == {
        (math.inf, 1.0, True)
    }


@pytest.fixture(scope="module")
def stored(tiny_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("saliency")
    plans = [
        PlannedRun("test", tiny_run(agent, frames=80, learner=LEARNERS["gflan"]), (ASKED,))
        for agent in ("gflan", "blind")
    ]
    for planned in plans:
        AgentRun(planned, planned.config, out, "cpu", lambda _: None, lambda: False).carry_out()
    (last,) = (out / "checkpoints").glob("gflan*/frames-*80")
    return load_results(out, "saliency"), load_evaluation(last, "saliency", {}, "cpu"), plans[0]


def test_who_is_told_no_goal_has_zero_for_it_and_who_is_told_has_not(stored):
    rows, _, _ = stored
    goal = rows[rows["part"] == "goal"]
    assert set(goal["frames"]) == {0, 80}
    blind = goal[goal["agent"] == "blind"]
    assert (blind["kl"] == 0).all()
    assert (blind["left_out"] == "").all()
    assert (goal.loc[goal["agent"] == "gflan", "kl"] > 0).all()


def test_rows_are_those_of_the_policy_at_that_moment(stored):
    rows, evaluation, planned = stored
    after = rows[(rows["frames"] == 80) & (rows["agent"] == "gflan")].set_index(["part", "scene_seed"])
    for record in evaluation.measure(None):
        assert after.loc[(record.part, record.scene_seed), "kl"] == pytest.approx(record.kl, abs=1e-9)
    training = rows.assign(update=1)
    assert lacking(planned, {"training": training, "saliency": rows}.get) == ""
    assert lacking(planned, {"training": training, "saliency": rows[rows["frames"] == 80]}.get) == "saliency"
