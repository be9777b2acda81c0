"""Properties of every sentence, against independent accounts: a parser of English, and MiniGrid's words."""

import re
from functools import cache

import pytest
from english_parser import parse_goal, parse_observation
from hypothesis import given
from hypothesis import strategies as st
from minigrid.envs.babyai.core import verifier

from glam_eval.core.errors import UserError
from glam_eval.core.world import (
    Both,
    GoTo,
    Instruction,
    Open,
    PickUp,
    PutNext,
    Reference,
    Sighting,
    Then,
    Thing,
    View,
)
from glam_eval.language import LANGUAGES, shift_names, speaker
from glam_eval.language.inventory import COLORS, LOCATIONS, NOUNS, instructions, sightings

# Words that English and another language truly share, and the invented ones, which all languages do.
SHARED = {
    "fr": {"a", "action", "actions", "agent", "cyan", "jade", "observation", "table", "vermilion", "violet"},
    "de": {"agent", "ball", "in", "lava", "was"},
    "ro": {"a", "violet"},
    "es": {"a", "jade", "lava"},
    "it": {"a", "all", "in", "lava"},
}
INVENTED = {"dax", "xolo", "afze", "faze", "jatu", "croh", "vurst", "gakul", "sil"}


def references(nouns):
    return st.builds(
        Reference,
        st.sampled_from(nouns),
        st.sampled_from((None, *COLORS)),
        st.booleans(),
        st.sampled_from((None, *LOCATIONS)),
    )


ANYTHING, MOVABLE = references((None, "key", "ball", "box", "door")), references((None, "key", "ball", "box"))
SIMPLE = (
    st.builds(GoTo, ANYTHING)
    | st.builds(PickUp, MOVABLE)
    | st.builds(Open, references(("door",)))
    | st.builds(PutNext, MOVABLE, ANYTHING)
)
PARTS = SIMPLE | st.builds(Both, SIMPLE, SIMPLE)
INSTRUCTIONS = PARTS | st.builds(Then, PARTS, PARTS, st.booleans())
THINGS = st.builds(
    Thing, st.sampled_from([n for n in NOUNS if n != "door"]), st.sampled_from(COLORS)
) | st.builds(Thing, st.just("door"), st.sampled_from(COLORS), st.sampled_from(("open", "closed", "locked")))
PLACES = st.tuples(st.integers(-3, 3), st.integers(0, 6)).filter(any)
SIGHTINGS = st.builds(lambda thing, place: Sighting(thing, *place), st.none() | THINGS, PLACES)
COMPOSED = ("invented_nouns+synonym_actions", "synonym_colors+goal_intro_agent")
SHIFTS = st.sampled_from((*shift_names(), *COMPOSED))


@given(INSTRUCTIONS)
def test_english_goals_mean_what_they_were_made_from(instruction):
    assert parse_goal(speaker("en").goal(instruction)) == instruction


@given(SIGHTINGS)
def test_english_sightings_mean_what_they_were_made_from(sighting):
    (sentence,) = speaker("en").observation(View(None, (sighting,)))
    assert parse_observation(sentence) == sighting


class Description(verifier.ObjDesc):
    """MiniGrid's description of a thing that has as many matches as the article needs."""

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference.noun, reference.color, reference.location)
        self.obj_set = [None] if reference.definite else [None, None]

    def find_matching_objs(self, env, use_location=True):
        return self.obj_set, []


def minigrid(instruction: Instruction) -> verifier.Instr:
    match instruction:
        case GoTo(target):
            return verifier.GoToInstr(Description(target))
        case PickUp(target):
            return verifier.PickupInstr(Description(target))
        case Open(target):
            return verifier.OpenInstr(Description(target))
        case PutNext(target, beside):
            return verifier.PutNextInstr(Description(target), Description(beside))
        case Both(first, second):
            return verifier.AndInstr(minigrid(first), minigrid(second))
        case Then(first, second, after=False):
            return verifier.BeforeInstr(minigrid(first), minigrid(second))
        case Then(first, second, after=True):
            return verifier.AfterInstr(minigrid(second), minigrid(first))


@given(INSTRUCTIONS)
def test_english_goals_are_minigrids_missions(instruction):
    mission = minigrid(instruction).surface(None)
    assert speaker("en").goal(instruction) == mission.replace("a object", "an object")


@given(st.sampled_from((*LANGUAGES, "cipher", "mixed")), SHIFTS, INSTRUCTIONS, st.lists(SIGHTINGS), THINGS)
def test_sentences_are_clean(language, shift, instruction, seen, carried):
    voice = speaker(language, shift)
    sentences = voice.observation(View(carried, tuple(seen)))
    assert len(sentences) == len(seen) + 1
    for text in (voice.goal(instruction), *sentences, *voice.actions("augmented")):
        assert re.fullmatch(r"[^\W_]+(?:(?:, |[ '-])[^\W_]+)*", text), text


@cache
def words(language, shift):
    return {word.lower() for word in speaker(language, shift).words()}


@pytest.mark.parametrize("shift", shift_names())
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_english_word_is_left_in_another_language(language, shift):
    english = {word for name in shift_names() for word in words("en", name)}
    left = words(language, shift) & english
    assert left <= SHARED[language] | (INVENTED if "invented" in shift else set())


@given(st.sampled_from(LANGUAGES), SHIFTS, INSTRUCTIONS, SIGHTINGS)
def test_a_speakers_words_are_all_it_says(language, shift, instruction, sighting):
    voice = speaker(language, shift)
    said = " ".join([voice.goal(instruction), *voice.observation(View(None, (sighting,)))])
    assert set(re.findall(r"[^\W\d_]+", said.lower())) <= words(language, shift)


@pytest.mark.parametrize("language", LANGUAGES)
def test_different_views_and_goals_are_told_apart(language):
    voice = speaker(language)
    told = {voice.observation(View(None, (sighting,))) for sighting in sightings()}
    assert len(told) == len(set(sightings()))
    goals = list(dict.fromkeys(instructions()))
    assert len({voice.goal(goal) for goal in goals}) == len(goals)


def test_a_view_is_told_in_order_with_the_carried_thing_first():
    view = View(Thing("key", "red"), (Sighting(None, 0, 1), Sighting(Thing("door", "grey", "open"), -2, 3)))
    assert speaker("en").observation(view) == (
        "You carry a red key",
        "You see a wall 1 step forward",
        "You see an open grey door 2 steps left and 3 steps forward",
    )


def test_unknown_things_and_colours_are_named():
    with pytest.raises(UserError, match="unknown English thing 'kee': did you mean 'key'"):
        speaker("en").goal(GoTo(Reference("kee", None, True)))
    with pytest.raises(UserError, match="unknown French adjective 'gray': did you mean 'grey'"):
        speaker("fr").observation(View(Thing("key", "gray"), ()))
