"""Prompts to the byte, and a memory that says the same as the whole history would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.core.errors import UserError
from glam_eval.language import LANGUAGES, PromptMemory, render_prompt, speaker, template, template_names

SEEN = (("You see a wall 2 steps left", "You see a red ball 1 step forward"), (), ("You carry a red ball",))


def test_the_papers_prompt_to_the_byte():
    english = speaker("en")
    prompt = render_prompt(
        english, "paper", english.actions(), "pick up the red ball", SEEN, ("go forward", "pick up")
    )
    assert prompt == (
        "Possible action of the agent: turn left, turn right, go forward, pick up, drop, toggle"
        " \n Goal of the agent: pick up the red ball"
        " \n Observation 0: You see a wall 2 steps left, You see a red ball 1 step forward, "
        "\n Action 0: go forward"
        " \n Observation 1: \n Action 1: pick up"
        " \n Observation 2: You carry a red ball, \n Action 2: "
    )


def test_the_papers_french_prompt_to_the_byte():
    french = speaker("fr")
    observation = ("Tu vois une clef rouge 2 pas à gauche",)
    actions = french.actions("restricted")
    prompt = render_prompt(french, "paper", actions, "aller à la clef rouge", [observation], [])
    assert prompt == (
        "Actions possibles pour l'agent: tourner à gauche, tourner à droite, aller tout droit"
        " \n But de l'agent: aller à la clef rouge"
        " \n Observation 0: Tu vois une clef rouge 2 pas à gauche, \n Action 0: "
    )


@pytest.mark.parametrize(
    ("shift", "introduction"),
    [("goal_intro_speaker", "I would like the agent to:"), ("goal_intro_agent", "You have to:")],
)
def test_goal_introductions_replace_the_goal_piece_alone(shift, introduction):
    plain, shifted = (
        render_prompt(speaker("en", name), "paper", ["turn left"], "go to a key", SEEN, ["turn left"] * 2)
        for name in ("none", shift)
    )
    assert shifted == plain.replace("Goal of the agent:", introduction)
    assert f" \n {introduction} go to a key \n " in shifted


def test_prose_ends_in_the_choice():
    prompt = render_prompt(
        speaker("en"), "prose", ["turn left", "turn right"], "go to a key", SEEN[:2], ["turn left"]
    )
    assert prompt == (
        "You can do one thing at a time: turn left, turn right. Your task: go to a key. "
        "You see a wall 2 steps left. You see a red ball 1 step forward. Now you should turn left. "
        "Now you should "
    )


def test_the_goal_first_and_each_part_in_tags_to_the_byte():
    asked = (["turn left", "turn right"], "go to a key", SEEN[:2], ["turn left"])
    assert render_prompt(speaker("en"), "goal_first", *asked) == (
        "Goal of the agent: go to a key \n Possible action of the agent: turn left, turn right"
        " \n Observation 0: You see a wall 2 steps left, You see a red ball 1 step forward, "
        "\n Action 0: turn left \n Observation 1: \n Action 1: "
    )
    assert render_prompt(speaker("en"), "tags", *asked) == (
        "<actions> turn left, turn right </actions>\n<goal> go to a key </goal>"
        "\n<observation> You see a wall 2 steps left, You see a red ball 1 step forward, </observation>"
        "\n<action> turn left </action>\n<observation> </observation>\n<action> "
    )


def test_a_paraphrase_tells_the_past_and_the_present_apart():
    asked = (["turn left", "turn right"], "go to a key", [SEEN[0], SEEN[2]], ["turn left"])
    assert render_prompt(speaker("en"), "paraphrase", *asked) == (
        "You are somewhere in a small maze. All that you are able to do is this: turn left, turn right. "
        "Somebody wants this from you: go to a key. A moment ago you noticed this: "
        "You see a wall 2 steps left. You see a red ball 1 step forward. Your answer to that was: turn left. "
        "What you notice at present: You carry a red ball. The next thing you do is: "
    )


@pytest.mark.parametrize("name", template_names())
def test_a_hidden_goal_leaves_nothing_of_itself(name):
    with_goal, without = (
        render_prompt(speaker("en"), name, ["turn left"], goal, SEEN[:1], [])
        for goal in ("go to a key", None)
    )
    label = speaker("en").phrases(name)["goal_introduction"]
    assert label in with_goal and label not in without and "key" not in without
    assert with_goal.endswith(without) if template(name).goal_first else without[:20] == with_goal[:20]


def test_a_mixture_draws_a_template_a_scene_and_every_one_of_them():
    english = speaker("en")
    names = "paper+goal_first+tags+paraphrase"
    memory, again = (PromptMemory(english, names, ["turn left"]) for _ in range(2))
    told = []
    for scene in range(64):
        memory.begin("go to a key", SEEN[0], scene)
        memory.record("turn left", SEEN[2])
        again.begin("go to a key", SEEN[0], scene)
        again.record("turn left", SEEN[2])
        assert again.prompt() == memory.prompt()
        told.append(memory.prompt())
    alone = {
        render_prompt(english, name, ["turn left"], "go to a key", [SEEN[0], SEEN[2]], ["turn left"])
        for name in names.split("+")
    }
    assert set(told) == alone
    assert min(told.count(prompt) for prompt in alone) > 64 / 4 / 3


SENTENCES = st.lists(st.sampled_from(["a b", "c", "d e f"]), max_size=4).map(tuple)
ACTIONS = st.sampled_from(["turn left", "{go}", "pick up"])


@given(
    st.sampled_from((*LANGUAGES, "cipher", "mixed")),
    st.sampled_from(template_names()),
    st.integers(1, 9),
    SENTENCES,
    st.lists(st.tuples(ACTIONS, SENTENCES), max_size=14),
)
def test_memory_says_what_the_last_part_of_the_history_says(language, name, remembered, first, steps):
    voice = speaker(language)
    actions = voice.actions()
    memory = PromptMemory(voice, name, actions, remembered)
    memory.begin("an earlier goal", ("an earlier observation",))
    memory.record("an earlier action", ("another",))
    memory.begin("the goal", first)
    observations, taken = [first], []
    for action, sentences in steps:
        memory.record(action, sentences)
        observations.append(sentences)
        taken.append(action)
    kept = observations[-remembered:]
    expected = render_prompt(voice, name, actions, "the goal", kept, taken[len(taken) - len(kept) + 1 :])
    assert memory.prompt() == expected == memory.prompt()


@pytest.mark.parametrize("name", template_names())
def test_every_template_has_its_phrases_in_every_language(name):
    phrases = template(name).phrases
    assert set(phrases) == set(LANGUAGES)
    assert len({frozenset(table) for table in phrases.values()}) == 1


def test_wrong_lengths_and_templates_are_user_errors():
    english = speaker("en")
    with pytest.raises(UserError, match="1 to 9 observations, not 0"):
        PromptMemory(english, "paper", ["a"], 0)
    with pytest.raises(UserError, match="1 to 9 observations, not 10"):
        render_prompt(english, "paper", ["a"], "goal", [()] * 10, ["a"] * 9)
    with pytest.raises(UserError, match="2 observations have 1 actions between them"):
        render_prompt(english, "paper", ["a"], "goal", [(), ()], [])
    with pytest.raises(UserError, match="unknown prompt template 'papers': did you mean 'paper'"):
        PromptMemory(english, "papers", ["a"])
    with pytest.raises(UserError, match="unknown prompt template 'tag': did you mean 'tags'"):
        PromptMemory(english, "paper+tag", ["a"])
    with pytest.raises(UserError, match=r"'tags\+tags' names one twice"):
        PromptMemory(english, "tags+tags", ["a"])
