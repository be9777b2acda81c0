"""Questions on consequences: true by the world itself, at chance for who reads a part, never trained on."""

import re
from collections import Counter, defaultdict

import pytest

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import CONSEQUENCES, ProtocolConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import TEST_SCENE_BIT
from glam_eval.environments.expert import bot_length
from glam_eval.execution.agent_run import AgentRun
from glam_eval.execution.evaluation import load_evaluation
from glam_eval.execution.owed import lacking
from glam_eval.protocols.consequences import check_consequences, make_items
from glam_eval.protocols.consequences.goals import _TwoGoals
from glam_eval.results import load_results

SMALL = {"level": "StrictPickupLocalS5N2", "remembered": 1}
WORLDS = {
    "small": SMALL,
    "several observations": {"level": "GoToLocalS5N2", "remembered": 3, "template": "tags"},
    "French, in one of two prompts": SMALL | {"language": "fr", "template": "paper+paraphrase"},
    "all kinds of task": {"level": "MixedTrainLocal", "remembered": 2},
}
SEEN = re.compile(r"You see a (\w+ \w+) ([^,]+?)(?:, |$)")


def world(**values):
    return EnvironmentConfig.parse(values, "test")


@pytest.fixture(scope="module", params=WORLDS.values(), ids=WORLDS.keys())
def items(request):
    return make_items(world(**request.param), 12)


def groups(items):
    found = defaultdict(list)
    for item in items:
        found[item.kind, item.scene].append(item)
    return found


def words(text):
    return set(re.findall(r"\w+", text))


# Who answers by these sees all of the prompt but what it means: the place, the length, the words in common.
BASELINES = {
    "the first": lambda item, text: -item.candidates.index(text),
    "the last": lambda item, text: item.candidates.index(text),
    "the longest": lambda item, text: len(text),
    "the shortest": lambda item, text: -len(text),
    "most words of the prompt": lambda item, text: len(words(text) & words(item.prompt)),
    "most numbers": lambda item, text: len(re.findall(r"\d", text)),
    "the first in the alphabet": lambda item, text: -sorted(item.candidates).index(text),
}


@pytest.mark.parametrize("likes", BASELINES.values(), ids=BASELINES.keys())
def test_who_reads_no_meaning_is_at_chance_in_every_group(items, likes):
    for (kind, _), group in groups(items).items():
        right = 0.0
        for item in group:
            values = [likes(item, text) for text in item.candidates]
            best = [place for place, value in enumerate(values) if value == max(values)]
            right += (item.answer in best) / len(best)
        assert right == pytest.approx(len(group) / len(group[0].candidates)), kind


def test_answers_are_balanced_and_prompts_tell_none(items):
    assert Counter(item.kind for item in items).keys() == set(CONSEQUENCES)
    for (kind, scene), group in groups(items).items():
        assert scene & TEST_SCENE_BIT, "no training scene has this bit"
        counted = Counter(item.answer for item in group)
        assert len(set(counted.values())) == 1
        assert set(counted) == set(range(len(group[0].candidates)))
        assert all(len(set(item.candidates)) == len(item.candidates) >= 2 for item in group)
        assert len({item.prompt for item in group}) == len(group)
        if kind == "observation":
            assert {item.candidates for item in group} == {group[0].candidates}
            assert len({item.asked for item in group}) == len(group)
            assert not any(text in item.prompt for item in group for text in item.candidates)
        assert all(item.asked in item.prompt for item in group)
        # Without the situation prompts are equal, but that two goals are named in two orders.
        assert len({item.bare for item in group}) == (2 if kind == "shorter" else 1)


def test_items_are_the_same_again_and_others_of_another_world():
    make_items.__globals__["_made"].cache_clear()
    first = make_items(world(**SMALL), 8)
    make_items.__globals__["_made"].cache_clear()
    assert make_items(world(**SMALL), 8) == first != make_items(world(**SMALL | {"remembered": 2}), 8)


def places(told):
    """Where things are by an observation's words: (right, forward) of each."""
    found = {}
    for name, where in SEEN.findall(told):
        steps = {side: int(n) for n, side in re.findall(r"(\d+) steps? (left|right|forward)", where)}
        if "wall" not in name:
            found[name] = (steps.get("right", 0) - steps.get("left", 0), steps.get("forward", 0))
    return found


MOVED = {
    "turn left": lambda right, forward: (forward, -right),
    "turn right": lambda right, forward: (-forward, right),
    "go forward": lambda right, forward: (right, forward - 1),
}


def test_the_right_observation_follows_by_geometry():
    checked = 0
    for item in make_items(world(**SMALL), 40):
        if item.kind != "observation" or item.asked not in MOVED:
            continue
        now = places(re.search(r"Observation 0: (.*?)\n", item.prompt)[1])
        expected = {name: MOVED[item.asked](*place) for name, place in now.items()}
        shown = {n: p for n, p in expected.items() if abs(p[0]) <= 3 and 0 <= p[1] <= 6 and p != (0, 0)}
        follows = places(item.candidates[item.answer])
        assert shown.items() <= follows.items()
        checked += bool(shown)
    assert checked > 10


def test_whether_a_goal_is_reached_is_as_the_words_say():
    asked = [item for item in make_items(world(**SMALL), 40) if item.kind == "reached"]
    for item in asked:
        carried = re.search(r"You carry a (\w+ \w+)", item.prompt)[1]
        assert (item.asked == f"pick up the {carried}") == (item.candidates[item.answer] == "yes")


def test_the_shorter_goal_is_the_bots():
    told = world(**SMALL)
    simulator = _TwoGoals(told)
    for scene in range(TEST_SCENE_BIT, TEST_SCENE_BIT + 20):
        if simulator.begin(scene) and (end := simulator.pursue("told", ())):
            assert end.steps == bot_length(told.level, scene)
    for item in make_items(told, 40):
        if item.kind == "shorter":
            now = places(re.search(r"Observation 0: (.*?)\n", item.prompt)[1])
            steps = [sum(map(abs, now[text.removeprefix("pick up the ")])) for text in item.candidates]
            assert steps[item.answer] <= min(steps) + 1  # turns cost steps, too


def test_a_level_with_nothing_to_tell_apart_is_refused():
    with pytest.raises(
        UserError, match=r"level GoToLocalS5N1 has too few scenes .* consequences .* 'reached'"
    ):
        check_consequences(world(level="GoToLocalS5N1"))


@pytest.fixture(scope="module")
def stored(tiny_run, tmp_path_factory):
    """What a run of one update stores, asked four items of each kind."""
    out = tmp_path_factory.mktemp("consequences")
    asked = ProtocolConfig.parse({"name": "consequences", "items": 4}, "test")
    config = tiny_run(frames=80)
    planned = PlannedRun("test", config, (asked,))
    execution = AgentRun(planned, config, out, "cpu", lambda _: None, lambda: False)
    execution.carry_out()
    (last,) = (out / "checkpoints").glob("*/frames-*80")
    return load_results(out, "consequences"), load_evaluation(last, "consequences", {}, "cpu"), planned


def test_answers_before_and_after_training_are_the_models(stored):
    rows, evaluation, _ = stored
    assert set(rows["frames"]) == {0, 80}
    before, after = (rows[rows["frames"] == frames].reset_index() for frames in (0, 80))
    assert list(before["prompt"]) == list(after["prompt"])
    by_prompt = {(row["prompt"], row["answer"]): row for row in after.to_dict("records")}
    for record in evaluation.measure(None):
        row = by_prompt[record.prompt, record.answer]
        assert list(row["scores"]) == record.scores
        assert row["right"] == (record.scores[record.answer] == max(record.scores))
        assert row["right_per_token"] == _best_is(record, lambda r, i: r.scores[i] / r.tokens[i])
        assert row["right_calibrated"] == _best_is(record, lambda r, i: r.scores[i] - r.priors[i])
        assert row["chance"] == 1 / len(record.candidates)
    assert any(list(a) != list(b) for a, b in zip(before["scores"], after["scores"], strict=True))


def _best_is(record, value):
    values = [value(record, place) for place in range(len(record.candidates))]
    return max(range(len(values)), key=values.__getitem__) == record.answer


def test_a_run_owes_both_moments(stored):
    rows, _, planned = stored
    training = {"training": rows.assign(update=1)}
    assert lacking(planned, {**training, "consequences": rows}.get) == ""
    assert lacking(planned, {**training, "consequences": rows[rows["frames"] == 0]}.get) == "consequences"
