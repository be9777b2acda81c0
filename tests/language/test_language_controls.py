"""The control languages: English in cipher, and one language for the goal, another for observations."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.core.errors import UserError
from glam_eval.core.world import GoTo, Reference, Sighting, Thing, View
from glam_eval.language import ACTION_SETS, CONTROLS, LANGUAGES, shift_names, speaker
from glam_eval.language.cipher import Cipher
from glam_eval.language.speakers import english_cipher

VIEW = View(Thing("ball", "red"), (Sighting(None, 2, 0), Sighting(Thing("door", "blue", "open"), -1, 1)))
GOAL = GoTo(Reference(None, "green", False))


@pytest.mark.parametrize("shift", shift_names())
def test_the_cipher_of_all_english_is_invertible_and_leaves_no_english_word(shift):
    cipher, plain, secret = english_cipher(), speaker("en", shift), speaker("cipher", shift)
    assert [cipher.decode(text) for text in secret.texts()] == plain.texts()
    assert len(secret.words()) == len(plain.words())
    assert not {word.lower() for word in secret.words()} & {word.lower() for word in plain.words()}


def test_the_cipher_keeps_numbers_capitals_and_structure():
    def shape(sentences):
        return [re.sub(r"[A-Z]", "X", re.sub(r"[a-z]+", "x", sentence)) for sentence in sentences]

    hidden = speaker("cipher").observation(VIEW)
    assert shape(hidden) == shape(speaker("en").observation(VIEW))
    assert shape(hidden) == ["Xx x x x x", "Xx x x x 2 x x", "Xx x x x x x 1 x x x 1 x x"]


@given(st.sets(st.text("abcdefghij", min_size=1, max_size=6), min_size=1, max_size=60))
def test_a_cipher_is_one_to_one_on_any_vocabulary(words):
    text = " ".join(sorted(words))
    cipher = Cipher(words)
    assert len(set(cipher.encode(text).split())) == len(words)
    assert cipher.decode(cipher.encode(text)) == text


def test_a_words_cipher_does_not_depend_on_the_other_words():
    assert Cipher(["key", "ball"]).encode("key") == Cipher(["key", "turn", "left"]).encode("key")


@pytest.mark.parametrize("goal", [*LANGUAGES, "cipher"])
@pytest.mark.parametrize("observations", [*LANGUAGES, "cipher"])
def test_mixed_speaks_each_half_in_its_language(goal, observations):
    mixed = speaker(f"mixed-{goal}-{observations}")
    assert mixed.goal(GOAL) == speaker(goal).goal(GOAL)
    assert mixed.observation(VIEW) == speaker(observations).observation(VIEW)
    assert mixed.actions() == speaker(goal).actions()
    assert mixed.phrases("paper") == speaker(goal).phrases("paper")


def test_mixed_alone_is_english_goals_and_french_observations():
    assert CONTROLS == ("cipher", "mixed")
    assert speaker("mixed") is speaker("mixed-en-fr")
    shifted = speaker("mixed", "invented_nouns")
    assert shifted.goal(GoTo(Reference("ball", "red", True))) == "go to the red xolo"
    assert shifted.observation(VIEW)[0] == "Tu portes un xolo rouge"


@pytest.mark.parametrize("language", [*LANGUAGES, "cipher", "mixed"])
def test_action_sets_extend_one_another_and_have_no_synonyms_within(language):
    sets = [speaker(language).actions(name) for name in ("restricted", "canonical", "augmented")]
    assert [len(phrases) for phrases in sets] == [3, 6, 9]
    assert sets[2][:6] == sets[1] and sets[1][:3] == sets[0]
    assert len(set(sets[2])) == 9


def test_the_papers_actions():
    assert speaker("en").actions("augmented") == (
        *("turn left", "turn right", "go forward", "pick up", "drop", "toggle"),
        *("sleep", "do nothing", "think"),
    )
    assert speaker("fr").actions("augmented") == (
        *("tourner à gauche", "tourner à droite", "aller tout droit", "attraper", "lâcher", "basculer"),
        *("dormir", "ne rien faire", "penser"),
    )
    with pytest.raises(UserError, match="unknown action set 'canonicals': did you mean 'canonical'"):
        speaker("en").actions("canonicals")
    assert list(ACTION_SETS) == ["restricted", "canonical", "augmented"]
