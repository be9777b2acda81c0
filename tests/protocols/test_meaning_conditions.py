"""Goals in words that nothing seen repeats: who matches words walks, who knows what they mean goes on."""

import pytest
from handmade_agents import Ignorer, Matcher
from test_goal_controls import asked, mean

from glam_eval.config.protocols import ConditionConfig, condition_sets
from glam_eval.language import LANGUAGES, speaker
from glam_eval.protocols.scenes import environment_of
from glam_eval.statistics.comparison.families import LANGUAGES as OF_LANGUAGES
from glam_eval.statistics.comparison.families import WORDS, question_of

SCENES = 60
BY_COLOR = "synonym_colors_in_goal+invented_nouns_in_goal"
CONDITIONS = ["none", "none~swapped", "@meaning", f"{BY_COLOR}~swapped"]


@pytest.fixture(scope="module")
def run(tiny_run):
    return tiny_run(agent="random", environment={"level": "StrictPickupLocalS5N2"})


@pytest.fixture(scope="module")
def ignorer(run):
    return asked(run, Ignorer(), SCENES, CONDITIONS)


def test_who_matches_words_walks_where_none_can_be_matched(run, ignorer):
    matcher = asked(run, Matcher(), SCENES, CONDITIONS)
    assert mean(matcher["none"], "success") == 1 and mean(matcher["none~swapped"], "success") == 0
    nothing = [BY_COLOR, "invented_nouns_and_colors_in_goal", "none@goal-fr", f"{BY_COLOR}~swapped"]
    for label in nothing:
        assert [each.actions for each in matcher[label]] == [each.actions for each in ignorer[label]]
    by_noun = [mean(matcher[f"{kind}_colors_in_goal"], "success") for kind in ("synonym", "invented")]
    assert by_noun[0] == by_noun[1] > mean(ignorer["none"], "success")


def test_who_knows_the_synonyms_follows_them_where_colours_differ(run, ignorer):
    plain, rare = (
        speaker("en", shift).goal_voice.grammar.lexicon.colors for shift in ("none", "synonym_colors")
    )
    knower = asked(run, Matcher({rare[color]: color for color in plain}), SCENES, CONDITIONS)
    assert mean(knower["synonym_colors_in_goal"], "success") == 1
    told, swapped = (mean(knower[label], "first_meant") for label in (BY_COLOR, f"{BY_COLOR}~swapped"))
    assert told > 0.8 and swapped < 0.2  # the rest are scenes of two things of one colour
    unknown = "invented_nouns_and_colors_in_goal"
    assert [each.actions for each in knower[unknown]] == [each.actions for each in ignorer[unknown]]


def test_the_goal_alone_changes_and_that_is_a_question_of_words_or_of_languages(run):
    labels = condition_sets()["meaning"]
    worlds = {label: environment_of(run, ConditionConfig.model_validate(label)) for label in labels}
    for label, world in worlds.items():
        assert world.model_dump() == {**run.environment.model_dump(), "shift": label}
        assert question_of(label) == (OF_LANGUAGES if "@" in label else WORDS)
    asked_in = {label.removeprefix("none@goal-") for label in worlds if "@" in label}
    assert asked_in == {*LANGUAGES} - {"en"}
