"""Which action an answer names: none but one that it writes as its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.chat.answers import named_action

ACTIONS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle")
FRENCH = ("tourner à gauche", "aller tout droit")


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("go forward", 2),
        (" Go  Forward.\n", 2),
        ('"pick up"', 3),
        ("**turn left**", 0),
        ("Action: toggle", 5),
        ("<think>left or right?\nright</think>\nturn right", 1),
        ("<think>go forward", None),  # it never came to an answer
        ("I will go forward", None),
        ("go forward\nbecause the ball is ahead", None),
        ("go forward, turn left", None),
        ("go", None),
        ("", None),
        ("...", None),
    ],
)
def test_without_reasoning_the_whole_answer_is_the_action(text, action):
    assert named_action(text, ACTIONS, reasoning=False) == action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("The ball is on my left.\nAction: turn left", 0),
        ("I could turn left.\n\n**Action:** go forward", 2),
        ("Action: drop\nNo, that is wrong.\nAction: pick up", 3),
        ("Action: drop\nI am done.", 4),
        ("The key is ahead.\ngo forward", 2),
        ("toggle", 5),
        ("The best action: go forward", 2),
        ("Action: jump\nturn left", 0),
        ("I turn left, then go forward.", None),
        ("Action: turn left or right", None),
    ],
)
def test_with_reasoning_the_label_or_the_last_line_counts(text, action):
    assert named_action(text, ACTIONS, reasoning=True) == action


def test_letters_of_any_language_in_any_of_their_codings():
    assert named_action("Tourner a\u0300 gauche", FRENCH, reasoning=False) == 0  # a with a combining accent
    assert named_action("«aller tout droit»", FRENCH, reasoning=True) == 1


def test_of_two_actions_with_one_phrase_the_first_is_named():
    assert named_action("wait", ("drop", "wait", "wait"), reasoning=False) == 1


@given(st.integers(0, 5), st.text(st.sampled_from(" *_`\"'.\n"), max_size=6), st.booleans(), st.booleans())
def test_dressing_changes_nothing(index, marks, upper, reasoning):
    phrase = ACTIONS[index].upper() if upper else ACTIONS[index]
    assert named_action(f"{marks}{phrase}{marks}", ACTIONS, reasoning) == index


@given(st.text(max_size=200), st.booleans())
def test_any_text_names_an_action_that_it_holds_or_none(text, reasoning):
    action = named_action(text, ACTIONS, reasoning)
    if action is not None:
        assert (
            set(ACTIONS[action].split()) <= set(text.casefold().replace(":", " ").split())
            or not text.isascii()
        )
