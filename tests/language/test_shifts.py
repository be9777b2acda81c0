"""Shifts change the words they name, in every language, and nothing else."""

import pytest

from glam_eval.core.errors import UserError
from glam_eval.core.world import PickUp, Reference, Sighting, Thing, View
from glam_eval.language import (
    LANGUAGES,
    Shift,
    inventory,
    parse_shift,
    shift_description,
    shift_names,
    speaker,
)
from glam_eval.language.lexicon import base_table, make_lexicon

CHANGED = {  # shift -> entries of the lexicon it replaces
    "none": set(),
    "new_nouns": {"nouns"},
    "invented_nouns": {"nouns"},
    "synonym_colors": {"colors"},
    "invented_colors": {"colors"},
    "invented_nouns_and_colors": {"nouns", "colors"},
    "goal_intro_speaker": {"goal_introduction", "goal_mood"},
    "goal_intro_agent": {"goal_introduction", "goal_mood"},
    "infinitive_goal": {"goal_mood"},
    "synonym_actions": {"actions"},
    "synonym_actions_2": {"actions"},
}


def test_the_shifts_that_ship():
    assert set(shift_names()) == set(CHANGED)
    assert all(shift_description(name) for name in shift_names())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("shift", shift_names())
def test_a_shift_changes_what_it_says_and_nothing_else(shift, language):
    plain = speaker(language).goal_voice.grammar.lexicon
    shifted = speaker(language, shift).goal_voice.grammar.lexicon
    differing = {key for key in type(plain).model_fields if getattr(plain, key) != getattr(shifted, key)}
    # Romanian introduces goals so that they stay in the imperative.
    assert differing == CHANGED[shift] - ({"goal_mood"} if "intro" in shift and language == "ro" else set())
    for key, count in (("nouns", 3), ("colors", 6), ("actions", 6)):
        if key in differing:
            before, after = getattr(plain, key), getattr(shifted, key)
            assert before.keys() == after.keys()
            assert sum(before[name] != after[name] for name in before) == count


def test_the_papers_words():
    assert speaker("en", "synonym_actions").actions() == (
        *("rotate left", "rotate right", "move ahead", "take", "release", "switch"),
    )
    assert speaker("en", "synonym_actions_2").actions() == (
        *("shift left", "shift right", "go ahead", "take", "release", "turn"),
    )
    goal = PickUp(Reference("box", "grey", True))
    said = {
        "new_nouns": "pick up the grey car",
        "synonym_colors": "pick up the silver box",
        "invented_nouns": "pick up the grey afze",
        "invented_colors": "pick up the sil box",
        "invented_nouns_and_colors": "pick up the sil afze",
    }
    assert {shift: speaker("en", shift).goal(goal) for shift in said} == said


def test_shifts_compose_and_name_their_language():
    assert parse_shift("invented_nouns+synonym_actions@fr") == Shift(
        ("invented_nouns", "synonym_actions"), "fr"
    )
    assert parse_shift("none") == Shift()
    assert parse_shift("none@fr") == Shift(language="fr")
    assert parse_shift("invented_nouns_and_colors").name == "invented_nouns+invented_colors"
    for text in ("none", "none@de", "invented_nouns+synonym_actions@fr"):
        assert parse_shift(text).name == text
    french = speaker("en", "invented_nouns+synonym_actions@fr")
    assert french is speaker("fr", "invented_nouns+synonym_actions")
    view = View(Thing("box", "green"), (Sighting(Thing("key", "blue"), 0, 1),))
    assert french.observation(view) == ("Tu portes une afze verte", "Tu vois un dax bleu 1 pas devant")
    assert french.actions("restricted") == ("pivoter à gauche", "pivoter à droite", "avancer")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["invented_nouns_and_colors", "synonym_colors", "goal_intro_agent"])
def test_a_shift_of_the_goal_alone_says_all_else_as_before(name, language):
    told, plain, shifted = (speaker(language, shift) for shift in (f"{name}_in_goal", "none", name))
    things, goals = list(inventory.things()), list(inventory.instructions())
    assert [told.goal(each) for each in goals] == [shifted.goal(each) for each in goals]
    for thing in things:
        view = View(thing, (Sighting(thing, 0, 1),))
        assert told.observation(view) == plain.observation(view)
    assert told.actions("augmented") == plain.actions("augmented")
    assert told.phrases("paper") == plain.phrases("paper")


def test_goals_in_words_and_languages_of_their_own():
    goal, view = PickUp(Reference("box", "grey", True)), View(None, (Sighting(Thing("box", "grey"), 0, 1),))
    said = {
        "none@goal-fr": ("ramasse la boîte grise", "grey box"),
        "synonym_colors_in_goal+invented_nouns_in_goal": ("pick up the silver afze", "grey box"),
        "new_nouns+invented_colors_in_goal": ("pick up the sil car", "grey car"),
        "synonym_colors+invented_colors_in_goal": ("pick up the sil box", "silver box"),
        "synonym_colors_in_goal@goal-de": ("hebe die silberne Kiste auf", "grey box"),
    }
    for shift, (told, seen) in said.items():
        voice = speaker("en", shift)
        assert (voice.goal(goal), *voice.observation(view)) == (told, f"You see a {seen} 1 step forward")
        assert voice.actions("restricted") == ("turn left", "turn right", "go forward")
        assert parse_shift(parse_shift(shift).name) == parse_shift(shift)
    assert parse_shift("none@goal-fr").language is None  # the run's own is spoken beside


def test_the_order_of_composition_does_not_matter():
    one, other = (speaker("de", f"{a}+{b}") for a, b in (("new_nouns", "invented_colors"),) * 2)
    assert one is other
    swapped = speaker("de", "invented_colors+new_nouns")
    assert one.goal_voice.grammar.lexicon == swapped.goal_voice.grammar.lexicon


@pytest.mark.parametrize(
    ("language", "shift", "message"),
    [
        ("en", "invented_noun", "unknown shift 'invented_noun': did you mean 'invented_nouns'"),
        ("en", "", "unknown shift ''"),
        ("en", "none@frr", "unknown language 'frr': did you mean 'fr'"),
        ("english", "none", "unknown language 'english'"),
        ("mixed-en-xx", "none", "unknown language 'xx'"),
        ("en", "none@goal-frr", "unknown language 'frr': did you mean 'fr'"),
        (
            "en",
            "synonym_color_in_goal",
            "unknown shift 'synonym_color_in_goal': did you mean 'synonym_colors'",
        ),
        ("en", "new_nouns+invented_nouns", "'new_nouns' and 'invented_nouns' both replace 'nouns.key'"),
    ],
)
def test_wrong_names_are_user_errors(language, shift, message):
    with pytest.raises(UserError, match=message) as caught:
        speaker(language, shift)
    assert "\n" not in str(caught.value)


def test_a_shift_without_words_in_a_language_is_a_user_error(monkeypatch):
    from glam_eval.language import shifts

    monkeypatch.setattr(shifts, "_table", lambda name: {"description": "", "en": {}, "fr": {}})
    with pytest.raises(UserError, match="shift 'new_nouns' has no words in 'de': it has them in en, fr"):
        shifts.changes(parse_shift("new_nouns"), "de")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nouns": {"kee": {"text": "dax"}}}, r"the lexicon 'fr' has no nouns \['kee'\] to replace"),
        ({"nouns": {"key": {"texte": "dax"}}}, "the lexicon 'fr' is wrong at 'nouns.key.text'"),
        ({"goal_moud": "infinitive"}, "the lexicon 'fr' is wrong at 'goal_moud'"),
    ],
)
def test_mistakes_in_data_files_are_user_errors(changes, message):
    with pytest.raises(UserError, match=message):
        make_lexicon("fr", changes)
    assert "dax" not in str(base_table("fr"))
