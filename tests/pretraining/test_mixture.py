"""The mixture: a function of the seed, held-out items apart from training, every answer right."""

import itertools
import re
from collections import Counter

import english_reader as english
import pytest
from scipy.stats import chisquare

from glam_eval.core.errors import UserError
from glam_eval.language import LANGUAGES, shift_names, speaker
from glam_eval.pretraining.curriculum import CURRICULUM, WIDEST
from glam_eval.pretraining.examples import HELD_OUT_SHARE, is_held_out
from glam_eval.pretraining.mixture import (
    EARLIER_SHARE,
    EXTERNAL_SHARE,
    FAMILIES,
    GROUPS,
    families_without,
    held_out_examples,
    held_out_sentences,
    staged_examples,
    stages_of,
    training_examples,
    training_sentences,
)


def drawn(family, count=300, seed=0):
    return list(itertools.islice(training_examples(seed, [family]), count))


def in_english(family, count=350):
    """Items wholly in English words: questions, goals and observations."""
    foreign = _words(LANGUAGES[1:]) - _words(("en",))
    return [e for e in drawn(family, count) if e.language == "en" and not foreign & _read(e.source)]


def _words(languages):
    """Words that speakers of some languages see and ask with, under any shift."""
    return {
        word
        for language in languages
        for shift in shift_names()
        for text in speaker(language, shift).words()
        for word in _read(text)
    }


def _read(text):
    return set(re.findall(r"[^\W\d_]+", text.lower()))


def test_the_same_seed_draws_the_same_items_and_another_draws_others():
    def first(seed):
        return list(itertools.islice(training_examples(seed), 200))

    assert first(1) == first(1)
    assert first(1) != first(2)
    sentences = [list(itertools.islice(training_sentences(seed), 50)) for seed in (1, 1, 2)]
    assert sentences[0] == sentences[1] != sentences[2]


def test_stages_begin_with_facts_and_widen_and_keep_a_quarter_of_what_was_before():
    first = list(itertools.islice(training_examples(0, stages=CURRICULUM[:1]), 300))
    fact = r"(?:an? \w+ \w+ (?:left|right|forward)\. ){2,3}an? \w+ \w+\?"
    assert all(re.fullmatch(fact, example.source) for example in first)
    for example in first:
        asked = example.source.rpartition(". ")[2][:-1]
        assert f"{asked} {example.target}." in example.source
    scenes = Counter(e.family for e in itertools.islice(training_examples(0, stages=CURRICULUM[:5]), 2000))
    assert set(scenes) == {"fact_side", "fact_place", "fact_number", "goal_side", "goal_place", "any_action"}
    sentences = Counter(
        e.family.split("_")[0] for e in itertools.islice(training_examples(0, stages=CURRICULUM[:4]), 2000)
    )
    assert sentences["fact"] / 2000 == pytest.approx(EARLIER_SHARE, abs=0.04)
    widest = list(itertools.islice(training_examples(0), 500))
    assert {example.language for example in widest} == set(LANGUAGES)
    assert all(stage.families for stage in CURRICULUM)


def test_a_stage_is_measured_on_items_that_training_never_draws():
    items = staged_examples(CURRICULUM[2], list(FAMILIES), 40)
    assert items == staged_examples(CURRICULUM[2], list(FAMILIES), 40) and len(items) == 40
    assert all(is_held_out(item.source) and item.target in item.choices for item in items)
    drawn_items = itertools.islice(training_examples(0, stages=CURRICULUM[:3]), 3000)
    assert not {item.source for item in items} & {item.source for item in drawn_items}


def test_groups_leave_families_out_and_stages_with_them():
    assert families_without(()) == list(FAMILIES)
    assert families_without(list(GROUPS)) == []
    kept = families_without(["sides"])
    for name in ("goal_side", "goal_place", "fact_side", "place_of", "turned", "opposite"):
        assert name not in kept
    for example in itertools.islice(training_examples(0, kept), 2000):
        assert (
            example.language != "en"
            or not re.search(r"\b(left|right|forward)\b", example.target)
            or (example.family in ("translation", "copy", "synonym", "defined", "any_action", "definition"))
        ), example
    assert [stage.name for stage in stages_of(families_without(["reading"]))] == ["everything"]
    assert stages_of(list(FAMILIES)) == (*CURRICULUM, WIDEST)
    assert "one kind of fact" not in {stage.name for stage in stages_of(kept)}
    with pytest.raises(UserError, match="unknown group of families 'side': did you mean 'sides'"):
        families_without(["side"])
    assert {group for family in FAMILIES.values() for group in family.groups} == set(GROUPS)


def test_every_listed_action_is_as_good_as_another():
    drawn_items = list(itertools.islice(training_examples(0, ["any_action"]), 3000))
    whole = "turn left, turn right, go forward, pick up, drop, toggle"
    counts = Counter(e.target for e in drawn_items if f"answers: {whole} \n" in e.source)
    assert set(counts) == set(whole.split(", "))
    assert chisquare(list(counts.values())).pvalue > 0.001
    assert all(example.target in example.source for example in drawn_items)


def test_unknown_families_are_named():
    with pytest.raises(UserError, match="goal_side"):
        next(training_examples(0, ["goal_sides"]))
    with pytest.raises(UserError, match="instruction family"):
        held_out_examples("chess", 3)


def test_families_are_drawn_by_weight_with_comprehension_of_goals_the_heaviest():
    counts = Counter(e.family for e in itertools.islice(training_examples(3), 2500))
    total = sum(family.weight for family in FAMILIES.values())
    for name, family in FAMILIES.items():
        assert counts[name] / 2500 == pytest.approx(family.weight / total, abs=0.03), name
    goals = sum(family.weight for name, family in FAMILIES.items() if name.startswith("goal_"))
    assert goals > 0.35 * total
    assert all(family.description.endswith(".") for family in FAMILIES.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_items_are_well_formed_held_out_ones_fixed_and_apart(family):
    training = drawn(family, 120)
    held_out = held_out_examples(family, 12)
    assert held_out == held_out_examples(family, 12)
    assert len({example.source for example in held_out}) == 12
    assert held_out[:4] == held_out_examples(family, 4)
    assert not any(is_held_out(example.source) for example in training)
    assert all(is_held_out(example.source) for example in held_out)
    for example in [*training, *held_out]:
        assert example.family == family
        assert example.language in LANGUAGES
        assert example.source.strip() == example.source != ""
        assert example.target
        if example.choices:
            assert example.target in example.choices
            assert len(set(example.choices)) == len(example.choices) >= 2
    assert {example.language for example in training} == set(LANGUAGES)


@pytest.mark.parametrize("family", ["goal_side", "goal_seen", "straight", "turned", "side"])
def test_shared_choices_are_right_equally_often(family):
    answers = Counter((e.choices, e.target) for e in held_out_examples(family, 24))
    for choices in {choices for choices, _ in answers}:
        counts = [answers[choices, choice] for choice in choices]
        assert max(counts) - min(counts) <= 1


def test_layouts_of_one_text_are_held_out_together():
    texts = [f"text {i}" for i in range(4000)]
    assert all(is_held_out(text) == is_held_out(text.replace(" ", "  \n")) for text in texts)
    assert sum(map(is_held_out, texts)) == pytest.approx(4000 / HELD_OUT_SHARE, rel=0.2)


def side(where):
    return "left" if where[0] < 0 else "right" if where[0] > 0 else "forward"


ANSWERS = {
    "goal_side": lambda places: side(places[0]) if places else "nowhere",
    "goal_seen": lambda places: "yes" if places else "no",
    "goal_near": lambda places: "yes" if places == [(0, 1)] else "no",
    "goal_steps": lambda places: str(abs(places[0][0]) + places[0][1]),
}


@pytest.mark.parametrize("family", ["goal_place", *ANSWERS])
def test_answers_about_goals_are_those_of_the_newest_observation(family):
    examples = in_english(family)
    assert len(examples) > 50
    assert any(re.search(r"\n 2: ", example.source) for example in examples)
    for example in examples:
        places = english.goal_places(example.source)
        assert len(places) <= 1
        if family == "goal_place":
            assert places == [english.read_place(example.target)], example
        else:
            assert ANSWERS[family](places) == example.target, example


def test_the_thing_of_a_goal_and_what_comes_first_and_last():
    for example in in_english("goal_thing"):
        color, noun = english.goal(example.source)
        words = example.target.removeprefix("the ").removeprefix("an ").removeprefix("a ").split()
        assert english.NOUNS[words[-1]] == (noun or "object")
        assert ([english.COLORS[words[0]]] if len(words) == 2 else []) == [color] * (color is not None)
    for family, position in (("first_thing", 0), ("last_thing", -1)):
        examples = in_english(family)
        for example in examples:
            told = re.search(r"(?:go to|pick up|open) (?:the|an?) [^\n.?:]*", example.source)[0]
            parts = told.split(", then ") if ", then " in told else told.split(" after you ")[::-1]
            assert example.target in parts[position], example
        assert len(examples) > 50


READ = {
    "count": lambda e, seen: e.target == str(sum(thing is not None for thing, _ in seen)),
    "place_of": lambda e, seen: _asked(e, seen)[0][1] == english.read_place(e.target),
    "thing_at": lambda e, seen: (english.read_thing(e.target), _place_asked(e)) in seen,
    "seen": lambda e, seen: (e.target == "yes") == bool(_asked(e, seen)),
    "things_on": lambda e, seen: (
        ([] if e.target == "nothing" else list(map(english.read_thing, e.target.split(", "))))
        == [
            thing
            for thing, where in seen
            if thing and side(where) == re.search(r"this side: (\w+)", e.source)[1]
        ]
    ),
    "carried": lambda e, seen: (
        _carried(e) == (None if e.target == "nothing" else english.read_thing(e.target))
    ),
}


def _asked(example, seen):
    name = re.search(
        r"(?:[Ww]here do you see|Where is|Do you see|Is there) ((?:the|an?) \w+ \w+)\?", example.source
    )[1]
    return [entry for entry in seen if entry[0] and entry[0][:2] == english.read_thing(name)[:2]]


def _place_asked(example):
    return english.read_place(re.search(r"What (?:do you see|is) ([^?]+)\?", example.source)[1])


def _carried(example):
    match = english.CARRIED.search(example.source)
    return match and english.read_thing(match[0].removeprefix("You carry "))


@pytest.mark.parametrize("family", READ)
def test_answers_about_observations(family):
    examples = in_english(family)
    assert len(examples) > 50
    for example in examples:
        assert READ[family](example, english.sightings(example.source)), example


def places(example):
    return [where for _, where in english.sightings(example.source)]


def steps(where):
    return abs(where[0]) + where[1]


def compared(example, wanted):
    by_thing = {thing: steps(where) for thing, where in english.sightings(example.source)}
    return by_thing[english.read_thing(example.target)] == wanted(by_thing.values())


SPATIAL = {
    "side": lambda e: side(places(e)[0]) == e.target,
    "straight": lambda e: (places(e)[0][0] == 0) == (e.target == "yes"),
    "line": lambda e: any(a == b for a, b in zip(*places(e), strict=True)) == (e.target == "yes"),
    "steps": lambda e: steps(places(e)[0]) == int(e.target),
    "nearer": lambda e: compared(e, min),
    "farther": lambda e: compared(e, max),
    "more": lambda e: (
        steps(english.read_place(e.target)) == max(steps(english.read_place(c)) for c in e.choices)
    ),
    "turned": lambda e: _turn(e.source) == e.target,
}


def _turn(source):
    """Turn the one who looks, by complex numbers: what stays where it was is then elsewhere to them."""
    around = {"in front of you": 1j, "behind you": -1j, "on your left": -1, "on your right": 1}
    question = source.split("\n")[-1]
    where = next(value for name, value in around.items() if name in question)
    count = next(n for n, name in enumerate(("one", "two", "three"), 1) if f"{name} turn" in question)
    turn = -1j if "to the right" in question else 1j
    seen = where / turn**count
    return next(name for name, value in around.items() if value == seen)


@pytest.mark.parametrize("family", SPATIAL)
def test_answers_about_space(family):
    examples = in_english(family)
    assert len(examples) > 50
    for example in examples:
        assert SPATIAL[family](example), example


def test_synonyms_are_those_of_the_shifts():
    pairs = {(example.source, example.target) for example in in_english("synonym", count=2000)}
    told = {(re.search(r'"([^"]+)"', source)[1], target) for source, target in pairs}
    expected = {("silver", "grey"), ("grey", "silver"), ("take", "pick up"), ("rotate left", "turn left")}
    assert expected <= told
    for word, target in told:
        if word in english.COLORS:
            assert english.COLORS[word] == english.COLORS[target]


def test_translations_say_the_same():
    actions = {
        (code, phrase): index
        for code in LANGUAGES
        for shift in ("none", "synonym_actions", "synonym_actions_2")
        for index, phrase in enumerate(speaker(code, shift).actions("augmented"))
    }
    found = 0
    for example in drawn("translation", 700):
        index = actions.get((example.language, example.target))
        if index is not None:
            found += 1
            phrases = [phrase for (_, phrase), i in actions.items() if i == index]
            assert any(phrase in example.source for phrase in phrases), example
        digits = re.findall(r"\d", example.target)
        text = example.source.split(" \n ")[-1]
        assert re.findall(r"\d", text) == digits, example
    assert found > 50


def test_copies_are_in_the_text():
    assert all(example.target in example.source for example in drawn("copy"))


def test_sentences_are_apart_and_take_external_texts():
    held_out = held_out_sentences(60)
    assert len(set(held_out)) == 60
    assert held_out[:20] == held_out_sentences(20)
    assert all(map(is_held_out, held_out))
    external = [f"external text {i}" for i in range(500)]
    mixed = list(itertools.islice(training_sentences(5, external), 1000))
    assert not any(map(is_held_out, mixed))
    share = sum(sentence in set(external) for sentence in mixed) / 1000
    assert share == pytest.approx(EXTERNAL_SHARE, abs=0.05)
