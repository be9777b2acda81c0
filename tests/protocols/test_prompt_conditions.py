"""Other prompts as conditions: who reads one layout alone shows the drop, and a mixture is drawn by scene."""

import pytest
from handmade_agents import Ignorer, LayoutReader, Reader
from test_goal_controls import asked, mean
from tiny_suite import TINY_SUITE

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.loading import load_suite
from glam_eval.config.protocols import ConditionConfig, condition_rank, condition_sets
from glam_eval.core.errors import UserError
from glam_eval.language import template_names
from glam_eval.protocols.scenes import environment_of
from glam_eval.suites.validation import validate

SCENES = 60
PROMPTS = ["none", "none~swapped", "@prompts", "@prompt-controls"]


@pytest.fixture(scope="module")
def run(tiny_run):
    return tiny_run(environment={"level": "StrictPickupLocalS5N2"})


def follows(played, words):
    """What the goal changes: how much more often the thing meant comes first when it is told."""
    return mean(played[words], "first_meant") - mean(played[f"{words}~swapped"], "first_meant")


def test_who_reads_the_papers_layout_alone_shows_the_drop(run):
    layout, any_layout, none = (
        asked(run, policy, SCENES, PROMPTS) for policy in (LayoutReader(), Reader(), Ignorer())
    )
    for words in ("none", "none.paper"):
        assert mean(layout[words], "success") == follows(layout, words) == 1
    for words in ("none.goal_first", "none.tags", "none.paraphrase"):
        assert follows(layout, words) == 0
        assert [each.actions for each in layout[words]] == [each.actions for each in none[words]]
        assert follows(any_layout, words) == 1


def test_prompts_change_nothing_but_the_prompt(run):
    names = ("none", "none.tags", "none@fr.tags~absent")
    conditions = [ConditionConfig.model_validate(name) for name in names]
    worlds = [environment_of(run, condition) for condition in conditions]
    assert worlds[1].model_dump() == {**worlds[0].model_dump(), "template": "tags"}
    changed = {"template": "tags", "language": "fr", "shift": "none@fr", "goal": "absent"}
    assert worlds[2].model_dump() == {**worlds[0].model_dump(), **changed}
    scenes = [[each.scene_seed for each in told] for told in asked(run, Ignorer(), 10, PROMPTS).values()]
    assert all(each == scenes[0] for each in scenes)


def test_an_agent_trained_on_a_mixture_is_told_a_scene_in_one_prompt(tiny_run):
    mixed = tiny_run(environment={"level": "StrictPickupLocalS5N2", "template": "paper+tags"})
    assert environment_of(mixed, ConditionConfig()).template == "paper+tags"
    played = asked(mixed, LayoutReader(), SCENES, ["none", "none.paper", "none.tags"])
    read = [episode.actions for episode in played["none.paper"]]
    ignored = [episode.actions for episode in played["none.tags"]]
    drawn = [episode.actions for episode in played["none"]]
    assert all(own in (one, other) for own, one, other in zip(drawn, read, ignored, strict=True))
    assert read != drawn != ignored


def test_names_of_conditions_and_mixtures():
    assert ConditionConfig.model_validate("new_nouns@fr.tags~swapped").label == "new_nouns@fr.tags~swapped"
    assert ConditionConfig(name="mine", template="paper+tags").label == "mine.paper+tags"
    named = ("none~swapped", "new_nouns", "none.tags~swapped", "none.tags", "none")
    ranked = sorted(named, key=condition_rank)
    assert ranked.index("none") < ranked.index("none.tags") < ranked.index("none.tags~swapped")
    assert EnvironmentConfig(template=["paper", "tags"]).template == "paper+tags"


@pytest.mark.parametrize("name", ["none.tag", "none.", "none.paper+", "none.paper+paper"])
def test_prompts_that_do_not_exist_are_named_before_anything_starts(tiny_suite, name):
    asked_too = f'[[protocols]]\nname = "generalization"\nscenes = 2\nconditions = ["none", "{name}"]\n'
    before, _, _ = TINY_SUITE.partition("[[protocols]]")
    tiny_suite.write_text(before + asked_too)
    with pytest.raises(UserError, match="template"):
        validate(load_suite(str(tiny_suite)))


def test_the_named_set_asks_every_prompt_but_prose():
    templates = {ConditionConfig.model_validate(each).template for each in condition_sets()["prompts"]}
    assert templates == {*template_names()} - {"prose"}
