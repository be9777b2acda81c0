"""What a model is sent: the task, the last turns, and what came of invalid answers."""

import numpy as np
import pytest

from glam_eval.chat.conversation import Conversation
from glam_eval.config.conversation import ConversationConfig
from glam_eval.core.world import Observation, Situation

ACTIONS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle")


def situation(*sentences, mission="go to the red ball", actions=ACTIONS):
    observation = Observation(mission, sentences, np.zeros((7, 7, 3), np.uint8), 0)
    return Situation(observation, "", actions, lambda: 0)


QUESTION = "\n\nWhat do you do? Answer with one of these actions and nothing else: "
QUESTION += "turn left, turn right, go forward, pick up, drop, toggle."


def roles(messages):
    return [message["role"] for message in messages]


def test_the_first_request_is_the_task_and_what_is_seen():
    conversation, first = (
        Conversation(ConversationConfig()),
        situation("You see a wall 1 step left", "You see a door"),
    )
    conversation.observe(first)
    task, seen = conversation.messages(first)
    assert (task["role"], seen["role"]) == ("system", "user")
    assert "Your goal: go to the red ball\n" in task["content"]
    assert "\nturn left\nturn right\ngo forward\npick up\ndrop\ntoggle" in task["content"]
    assert seen["content"] == "You see a wall 1 step left\nYou see a door" + QUESTION


def test_a_hidden_goal_is_not_mentioned():
    conversation, first = Conversation(ConversationConfig()), situation("You see a wall", mission="")
    conversation.observe(first)
    assert "goal" not in conversation.messages(first)[0]["content"]


def test_hints_describe_every_action_that_is_offered():
    conversation = Conversation(ConversationConfig(hints=True))
    first = situation("You see a wall", actions=(*ACTIONS, "sleep", "think"))
    conversation.observe(first)
    task = conversation.messages(first)[0]["content"]
    assert (
        "\npick up: take the thing right in front of you" in task
        and "\nthink: do nothing\n\nThings are" in task
    )


@pytest.mark.parametrize(("window", "kept"), [(0, []), (1, [3]), (2, [2, 3]), (15, [0, 1, 2, 3])])
def test_the_window_keeps_the_last_turns_each_with_its_answer(window, kept):
    conversation = Conversation(ConversationConfig(window=window))
    for step in range(4):
        conversation.observe(situation(f"moment {step}"))
        conversation.acted(ACTIONS[step])
    conversation.observe(last := situation("now"))
    messages = conversation.messages(last)
    assert roles(messages) == ["system", *["user", "assistant"] * len(kept), "user"]
    past = [message["content"] for message in messages[1:-1]]
    assert past == [text for step in kept for text in (f"moment {step}", ACTIONS[step])]


def test_thoughts_are_not_repeated_but_the_form_of_answers_is():
    conversation = Conversation(ConversationConfig(reasoning=True))
    conversation.observe(situation("then"))
    conversation.acted("drop")
    conversation.observe(last := situation("now"))
    _, before, answered, asked = conversation.messages(last)
    assert (before["content"], answered["content"]) == ("then", "Action: drop")
    assert asked["content"].endswith("Write it like this:\nAction: turn left")


def test_the_next_turn_says_what_was_done_in_place_of_an_invalid_answer_and_the_one_after_does_not():
    conversation = Conversation(ConversationConfig())
    conversation.observe(situation("then"))
    conversation.replaced("I would rather jump", "go forward")
    conversation.observe(now := situation("now"))
    *_, answered, told = conversation.messages(now)
    assert answered["content"] == "I would rather jump"
    assert told["content"] == (
        "Your last answer named none of the actions, so this was done: go forward.\n\nnow" + QUESTION
    )
    conversation.acted("drop")
    conversation.observe(later := situation("later"))
    assert conversation.messages(later)[-1]["content"] == "later" + QUESTION


def test_asked_again_the_invalid_answers_of_this_step_alone_are_repeated():
    conversation = Conversation(ConversationConfig(invalid="retry"))
    conversation.observe(now := situation("now"))
    for answer in ("", "jump " * 1000):
        conversation.ask_again(answer)
    messages = conversation.messages(now)
    assert roles(messages) == ["system", *["user", "assistant"] * 2, "user"]
    assert messages[1]["content"] == "now" and messages[3]["content"] == "That names none of the actions."
    assert messages[2]["content"] == "(no answer)" and len(messages[4]["content"]) == 400
    assert messages[5]["content"] == "That names none of the actions." + QUESTION
    conversation.acted("drop")
    conversation.observe(later := situation("later"))
    assert [each["content"] for each in conversation.messages(later)[1:]] == [
        "now",
        "drop",
        "later" + QUESTION,
    ]


def test_after_examples_each_turn_tells_the_goal_that_it_has():
    example = [{"role": "user", "content": "You see a key"}, {"role": "assistant", "content": "pick up"}]
    conversation = Conversation(ConversationConfig(examples=1), example)
    conversation.observe(situation("You see a ball"))
    conversation.acted("go forward")
    conversation.observe(situation("You see a wall", mission=""))
    _, *turns = conversation.messages(situation("You see a wall", mission=""))
    assert turns[:2] == example
    assert [each["content"] for each in turns[2:]] == [
        "Your goal: go to the red ball\nYou see a ball", "go forward", "You see a wall" + QUESTION
    ]  # fmt: skip
