"""Sentences checked by hand: ``golden/<language>.toml`` holds, for each shift, English and what is said."""

import tomllib
from pathlib import Path

import pytest
from english_parser import parse_goal, parse_observation

from glam_eval.core.world import Thing, View
from glam_eval.language import LANGUAGES, Speaker, speaker

GOLDEN = Path(__file__).parent / "golden"


def table(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((GOLDEN / f"{language}.toml").read_text(encoding="utf-8"))


def say(voice: Speaker, english: str) -> str:
    if not english.startswith("You "):
        return voice.goal(parse_goal(english))
    told = parse_observation(english)
    (sentence,) = voice.observation(View(told, ()) if isinstance(told, Thing) else View(None, (told,)))
    return sentence


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_golden_sentence_is_said_exactly(language):
    for shift, sentences in table(language).items():
        voice = speaker(language, shift)
        assert {english: say(voice, english) for english in sentences} == sentences


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_at_least_forty_sentences(language):
    assert len(table(language)["none"]) >= 40


def test_the_examples_of_the_world_are_good_grammar():
    both = "pick up the red key, then go to the blue box"
    assert say(speaker("fr"), both) == "ramasse la clef rouge puis va à la boîte bleue"
    assert say(speaker("de"), "go to the green ball") == "gehe zum grünen Ball"
    assert say(speaker("ro"), "go to the green ball") == "mergi la mingea verde"
    assert say(speaker("fr", "infinitive_goal"), "go to a red key") == "aller à une clef rouge"
