"""BabyAI's bot on the levels of the paper."""

import pytest

from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream
from glam_eval.core.seeds import test_scene_seeds as evaluation_seeds
from glam_eval.core.world import EpisodeState
from glam_eval.environments import PAPER_LEVELS, VectorEnvironment, bot_length
from glam_eval.environments.bot import Bot, BotLostError
from glam_eval.environments.expert import Replica


@pytest.mark.parametrize("level", PAPER_LEVELS)
def test_the_bot_solves_scenes_of_every_level_of_the_paper(level):
    assert all(bot_length(level, seed) > 0 for seed in evaluation_seeds(f"bot/{level}", 8))


@pytest.mark.slow
@pytest.mark.parametrize("level", PAPER_LEVELS)
def test_the_bot_solves_a_thousand_scenes_of_every_level_of_the_paper(level):
    failed = [seed for seed in evaluation_seeds(f"bot/{level}", 1000) if bot_length(level, seed) < 0]
    assert failed == []


@pytest.mark.parametrize("level", ["MixedTrainLocal", "UnlockLocal", "BossLevel"])
def test_following_the_expert_takes_the_bots_number_of_steps(level):
    world = VectorEnvironment(level, 1)
    for scene_seed in range(3):
        world.start(0, scene_seed)
        while not world.step([world.situations()[0].expert_action()])[0].done:
            pass
        assert world.summary(0).success
        assert world.summary(0).length == bot_length(level, scene_seed)


def test_the_expert_helps_from_anywhere():
    """Asked only after twenty random actions, the expert still leads to the goal."""
    world = VectorEnvironment("PickUpSeqGoToLocal", 1)
    for scene_seed in range(5):
        world.start(0, scene_seed)
        results = [
            world.step([action])[0] for action in stream(scene_seed, "lost").integers(3, size=20).tolist()
        ]
        assert not any(result.done for result in results)
        while not world.step([world.situations()[0].expert_action()])[0].done:
            pass
        assert world.summary(0).success


def test_advice_is_about_the_present_when_a_scene_is_played_again():
    """The second time other actions are taken before the first question."""
    world, fresh = VectorEnvironment("MixedTrainLocal", 1), VectorEnvironment("MixedTrainLocal", 1)
    for scene_seed in range(6):
        world.start(0, scene_seed)
        world.step([0])
        world.situations()[0].expert_action()
        for again in (world, fresh):
            again.start(0, scene_seed)
            for action in (1, 1):
                again.step([action])
        assert world.situations()[0].expert_action() == fresh.situations()[0].expert_action()


def test_a_bot_that_plans_forever_is_stopped():
    """After these slips MiniGrid's bot explores for a key in a circle, within one step."""
    replica = Replica("UnlockToUnlock", {})
    replica.begin(4)
    bot, slips, action = Bot(replica.env), stream(4, "slips", "UnlockToUnlock"), None
    with pytest.raises(BotLostError):
        for _ in range(1080):
            action = bot.replan(action)
            if slips.random() < 0.1:
                action = int(slips.choice(6, p=[0.15, 0.15, 0.3, 0.15, 0.1, 0.15]))
            replica.play(action)
    world = VectorEnvironment("UnlockToUnlock", 1)
    world.restore(0, EpisodeState(4, tuple(replica._played)))
    assert world.situations()[0].expert_action() in range(6)


def test_a_bot_that_fails_has_no_length_and_its_advice_ends_by_time():
    """MiniGrid says that the bot cannot solve KeyInBox: the key is inside a box."""
    assert bot_length("KeyInBox", 0) == -1
    world = VectorEnvironment("KeyInBox", 1, max_steps=40)
    world.start(0, 0)
    results = [world.step([world.situations()[0].expert_action()])[0] for _ in range(40)]
    assert results[-1].truncated
    assert not world.summary(0).success


def test_options_of_the_level_reach_the_bot():
    assert bot_length("GoToLocal", 5, room_size=12) != bot_length("GoToLocal", 5) or bot_length(
        "GoToLocal", 6, room_size=12
    ) != bot_length("GoToLocal", 6)


def test_advice_that_the_action_set_lacks_is_an_error():
    world = VectorEnvironment("PickupLocal", 1, actions="restricted")
    world.start(0, 0)
    with pytest.raises(UserError, match="use 'canonical'"):
        for _ in range(64):
            world.step([world.situations()[0].expert_action()])
