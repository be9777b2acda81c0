"""Episodes that a served model is shown: the bot's, solved, of training scenes, before every conversation."""

import pytest
from chat_run import carry_out, planned
from local_server import ChatServer

from glam_eval.chat.examples import make_examples
from glam_eval.config.loading import load_suite
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import training_scene_seeds
from glam_eval.environments import make_environment
from glam_eval.suites.validation import validate

LEVEL = "StrictPickupLocalS5N2"


def config(level=LEVEL, seed=0, **conversation):
    values = {"agent": "chat", "model": "reader", "seed": seed, "environment": {"level": level}}
    return RunConfig.parse({**values, "conversation": conversation}, "test")


def split(messages):
    """Observations and actions, turn by turn."""
    return [
        (seen["content"], said["content"]) for seen, said in zip(messages[::2], messages[1::2], strict=True)
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_actions_shown_solve_the_first_training_scenes_and_each_turn_tells_what_is_seen(seed):
    asked = config(seed=seed, examples=3)
    environment = make_environment(asked.environment, 1)
    turns, scenes = iter(split(make_examples(asked))), training_scene_seeds(seed, 0)
    for _ in range(3):
        environment.start(0, next(scenes))
        reward = 0.0
        while not reward:
            (situation,) = environment.situations()
            seen, said = next(turns)
            assert seen.split("\n") == [
                f"Your goal: {situation.observation.mission}", *situation.observation.sentences
            ]  # fmt: skip
            (result,) = environment.step([situation.actions.index(said)])
            assert result.done == (result.reward > 0)
            reward = result.reward
    assert not list(turns)


def test_none_are_made_where_none_are_asked_for():
    assert make_examples(config()) == ()


def test_before_an_action_stands_what_answers_are_asked_to_write():
    plain, reasoned = (make_examples(config(examples=1, reasoning=each)) for each in (False, True))
    assert [said for _, said in split(reasoned)] == [f"Action: {said}" for _, said in split(plain)]


def test_a_level_that_the_bot_does_not_solve_is_named_before_a_suite_begins(monkeypatch):
    monkeypatch.setattr("glam_eval.chat.examples._play", lambda *_: [])
    named = rf"too few scenes of {LEVEL}: lower conversation\.examples \(now 2\)"
    with pytest.raises(UserError, match=named):
        make_examples(config(examples=2))
    chosen = [f"environment.level='{LEVEL}'", "conversation.endpoint='http://localhost/v1'"]
    with pytest.raises(UserError, match=named):
        validate(load_suite("chat-cpu", [*chosen, "conversation.examples=2"]))


def test_every_request_begins_with_them_and_each_turn_tells_its_goal_unless_it_is_hidden(tmp_path):
    plan = planned("http://set-below", 2, ("none", "none~hidden"), examples=2, window=1)
    shown = list(make_examples(plan.config))
    with ChatServer() as server:
        carry_out(planned(server.url, 2, ("none", "none~hidden"), examples=2, window=1), tmp_path)
    hidden = 0
    for body in server.bodies:
        task, *turns = body["messages"]
        assert turns[: len(shown)] == shown
        own = [each["content"] for each in turns[len(shown) :] if each["role"] == "user"]
        assert 1 <= len(own) <= 2
        told = "Your goal: " in task["content"]
        hidden += not told
        for each in own:
            assert each.startswith("Your goal: go to ") == told
    assert 0 < hidden < len(server.bodies)
