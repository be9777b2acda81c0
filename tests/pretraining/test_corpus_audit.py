"""The audit finds what crosses the line, passes what does not, and counts words exactly."""

import itertools

import pytest

from glam_eval.core.world import GoTo, PickUp, Reference, Sighting, Thing
from glam_eval.language import LANGUAGES, render_prompt, speaker, template_names
from glam_eval.pretraining.audit import PLAIN, audit, is_harmless
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.mixture import training_examples, training_sentences
from glam_eval.pretraining.phrasebook import phrasebook

BALL, KEY = Reference("ball", "red", True), Reference("key", "grey", True)
SEEN = Sighting(Thing("ball", "red"), -2, 1)
SPOKEN = [
    *itertools.product(LANGUAGES, ("none", "synonym_actions", "synonym_actions_2", "synonym_colors")),
    *itertools.product(LANGUAGES, ("goal_intro_agent", "new_nouns", "infinitive_goal")),
]


def sighting(voice, seen=SEEN):
    return voice.goal_voice.grammar.sighting(seen)


def rules(*examples):
    return {violation.rule for violation in audit(examples).violations}


@pytest.mark.parametrize(("language", "shift"), SPOKEN)
def test_every_action_is_found_next_to_an_observation_and_a_goal(language, shift):
    voice = speaker(language, shift)
    for action in voice.actions("augmented"):
        assert "action with an observation" in rules(Example("x", sighting(voice), action))
        assert "action with an observation" in rules(Example("x", f"{action}, {sighting(voice)}", "2"))
        assert "action with a goal" in rules(Example("x", voice.goal(GoTo(BALL)), action.upper()))
        assert "action in plain text" in rules(f"{action}.")
        assert rules(Example("x", action, action)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_observation_in_one_language_and_an_action_in_another(language):
    for other in LANGUAGES:
        action = speaker(other, "synonym_actions").actions()[3]
        assert "action with an observation" in rules(Example("x", sighting(speaker(language)), action))


@pytest.mark.parametrize("language", LANGUAGES)
def test_places_alone_count_as_observations(language):
    voice = speaker(language)
    place = voice.goal_voice.grammar.place(-1, 2)
    assert rules(Example("x", place, voice.actions()[0])) == {"action with an observation"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_goal_is_no_action_but_may_not_answer_an_observation(language):
    voice = speaker(language)
    goal = voice.goal(PickUp(KEY))
    assert rules(Example("x", goal, goal)) == set()
    assert rules(Example("x", goal + ", " + sighting(voice), "2")) == set()
    assert rules(Example("x", sighting(voice), goal)) == {"goal as the answer to an observation"}


@pytest.mark.parametrize("template", template_names())
@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_and_trajectories_are_found(language, template):
    voice = speaker(language)
    sentences = [sighting(voice)]
    actions = voice.actions()
    one = render_prompt(voice, template, actions, voice.goal(GoTo(BALL)), [sentences], [])
    found = rules(Example("x", one, "2"))
    layout = {"trajectory or choice of action", "layout of the agents' prompts"}
    assert found == {"action with an observation", "action with a goal", *layout}
    bare = render_prompt(voice, template, [], voice.goal(GoTo(BALL)), [sentences], [])
    assert rules(Example("x", bare, "left")) == layout


@pytest.mark.parametrize("template", template_names())
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_label_of_the_prompts_may_be_translated_but_stand_before_nothing(language, template):
    voice = speaker(language)
    label = voice.phrases(template)["goal_introduction"]
    assert rules(Example("x", label, label)) == set()
    assert rules(Example("x", f"{label} {voice.goal(GoTo(BALL))}", "2")) == {"layout of the agents' prompts"}
    if template == "paper":
        told = f"{voice.phrases(template)['observation']} 0: {sighting(voice)}"
        assert rules(Example("x", told, "2")) == {"layout of the agents' prompts"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("shift", ["invented_nouns", "invented_colors"])
def test_invented_words_are_found(language, shift):
    thing = speaker(language, shift).goal_voice.grammar.thing(Thing("key", "green"))
    assert "invented word" in rules(Example("x", "?", thing))
    assert not is_harmless(thing)


def test_cipher_words_are_found():
    ciphered = speaker("cipher").goal(GoTo(BALL))
    assert rules(Example("x", ciphered, "?")) == {"invented word"}


def test_what_is_asked_about_words_and_places_passes():
    assert is_harmless("the colour of blood")
    assert not is_harmless("to take a seat")
    assert (
        rules(
            Example("synonym", 'Another word for "rotate left"?', "turn left"),
            Example("side", "You see a red ball 2 steps left. On which side?", "left"),
            Example(
                "goal_side",
                "pick up the red ball \n You see a red ball 1 step left",
                "left",
            ),
        )
        == set()
    )


def test_words_are_counted_in_every_form_and_classed():
    table = audit(
        [
            Example("x", "eine rote Tür, einen roten Ball", "zinnoberrote"),
            Example("x", "the Red key; take: pick up", "silver"),
        ]
    ).words.set_index(["language", "shift", "key"])
    assert table.loc[("de", "none", "red"), "occurrences"] == 2
    assert table.loc[("de", "synonym_colors", "red"), "occurrences"] == 1
    assert table.loc[("en", "synonym_actions", "pick_up"), "occurrences"] == 1
    assert table.loc[("en", "none", "pick_up"), "knowledge"] == "grounded"
    assert table.loc[("en", "synonym_colors", "grey"), "knowledge"] == "known"
    assert table.loc[("fr", "none", "ball"), "knowledge"] == "unseen"
    assert table.loc[("en", "none", "lava"), "knowledge"] == "unseen"
    assert table.loc[("en", "invented_nouns", "key"), "occurrences"] == 0


def test_the_mixture_and_the_plain_text_stay_on_the_line():
    drawn = itertools.islice(training_examples(0), 20_000)
    result = audit(itertools.chain(drawn, itertools.islice(training_sentences(0), 5_000)))
    assert result.items == 25_000
    assert result.violations == ()
    assert result.passed
    words = result.words.set_index("shift")
    invented = words[words.index.str.startswith("invented")]
    assert (invented.occurrences == 0).all()
    assert len(invented) == len(LANGUAGES) * 9
    assert (words.drop(invented.index).occurrences > 0).all()  # every real word is known at least


def test_plain_text_is_told_from_items():
    (violation,) = audit(["drop"]).violations
    assert (violation.family, violation.rule) == (PLAIN, "action in plain text")
    assert phrasebook() is phrasebook()
