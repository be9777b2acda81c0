"""BabyAI-Text as Gymnasium knows it."""

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.utils.env_checker import check_env

from glam_eval.environments import BabyAIText, VectorEnvironment, level_names
from glam_eval.environments.text_env import CHARACTERS, gym_id
from glam_eval.language import LANGUAGES, speaker


@pytest.mark.parametrize("level", level_names())
@pytest.mark.filterwarnings("error")
def test_every_level_passes_gymnasiums_checks(level):
    env = gymnasium.make(gym_id(level)).unwrapped
    check_env(env, skip_render_check=True)


@pytest.mark.parametrize("level", ["GoToLocal", "MixedTrainLocal"])
@pytest.mark.filterwarnings("error")
def test_pictures_pass_gymnasiums_checks(level):
    check_env(gymnasium.make(gym_id(level), render_mode="rgb_array").unwrapped)


def test_pictures_follow_the_episode():
    env = BabyAIText("GoToLocal", render_mode="rgb_array")
    env.reset(seed=3)
    first = env.render()
    assert first.dtype == np.uint8
    assert first.shape == (256, 256, 3)
    env.step(0)
    turned = env.render()
    assert not np.array_equal(first, turned)
    env.reset(seed=3)
    assert np.array_equal(env.render(), first)
    assert BabyAIText("GoToLocal").render() is None


def test_single_and_vector_environments_play_identical_episodes():
    env = gymnasium.make(gym_id("MixedTrainLocal"), language="de", shift="invented_nouns")
    world = VectorEnvironment("MixedTrainLocal", 4, language="de", shift="invented_nouns")
    for scene_seed in range(4):
        seen, information = env.reset(seed=scene_seed)
        world.start(2, scene_seed)
        for action in np.random.default_rng(scene_seed).integers(6, size=130):
            situation = world.situations([2])[0]
            assert seen["mission"] == situation.observation.mission
            assert seen["text"] == "\n".join(situation.observation.sentences)
            assert np.array_equal(seen["image"], situation.observation.image)
            assert seen["direction"] == situation.observation.direction
            assert information["prompt"] == situation.prompt
            seen, reward, terminated, truncated, information = env.step(action)
            result = world.step([int(action)], [2])[0]
            assert (reward, terminated, truncated) == (result.reward, result.terminated, result.truncated)
            if result.done:
                assert information["success"] == world.summary(2).success
                assert information["task"] == world.summary(2).task
                break


def test_without_a_seed_scenes_are_drawn_from_the_last_seeds_stream():
    env, again = BabyAIText("GoToLocal"), BabyAIText("GoToLocal")
    runs = [[e.reset(seed=1)[1], e.reset()[1], e.reset()[1]] for e in (env, again)]
    assert runs[0] == runs[1]
    assert len({information["scene_seed"] for information in runs[0]}) == 3


def test_spaces_hold_every_language():
    for language in ("en", "fr", "de", "ro", "es", "it", "cipher"):
        env = BabyAIText("BossLevel", language=language)
        seen, _ = env.reset(seed=0)
        assert env.observation_space.contains(seen)
    assert env.observation_space.contains(env.observation_space.sample())
    assert env.action_space.n == len(env.actions) == 6


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_every_vector_mode_tells_what_one_environment_tells(mode):
    vector = gymnasium.make_vec(gym_id("GoToLocalS5N2"), num_envs=2, vectorization_mode=mode, language="ro")
    try:
        seen, _ = vector.reset(seed=[3, 4])
        seen, *_ = vector.step(np.array([0, 2]))
    finally:
        vector.close()
    for place, (scene_seed, action) in enumerate([(3, 0), (4, 2)]):
        env = gymnasium.make(gym_id("GoToLocalS5N2"), language="ro")
        env.reset(seed=scene_seed)
        alone, *_ = env.step(action)
        assert seen["text"][place] == alone["text"]
        assert seen["mission"][place] == alone["mission"]
        assert np.array_equal(seen["image"][place], alone["image"])


WRAPPERS = [
    lambda env: wrappers.Autoreset(wrappers.RecordEpisodeStatistics(wrappers.TimeLimit(env, 4))),
    lambda env: wrappers.OrderEnforcing(wrappers.PassiveEnvChecker(wrappers.ClipReward(env, 0.0, 0.5))),
    lambda env: wrappers.FlattenObservation(wrappers.FilterObservation(env, ["image", "direction"])),
    wrappers.FlattenObservation,
    lambda env: wrappers.FrameStackObservation(env, 3),
    lambda env: wrappers.DelayObservation(env, 2),
    lambda env: wrappers.TimeAwareObservation(wrappers.TimeLimit(env, 9), flatten=False),
    lambda env: wrappers.NormalizeReward(wrappers.StickyAction(env, 0.2)),
    lambda env: wrappers.RescaleObservation(
        wrappers.TransformObservation(env, lambda seen: seen["image"], env.observation_space["image"]), 0, 1
    ),
    lambda env: wrappers.RenderCollection(env),
    lambda env: wrappers.AddRenderObservation(env),
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_every_wrapper_of_gymnasium_that_fits_wraps_it(wrap):
    env = wrap(gymnasium.make(gym_id("GoToLocalS5N2"), render_mode="rgb_array", language="fr"))
    seen, _ = env.reset(seed=5)
    for action in (0, 2, 1, 2, 0, 2):
        assert env.observation_space.contains(seen)
        seen, reward, terminated, truncated, _ = env.step(np.int64(action))
        assert np.isfinite(reward)
        if terminated or truncated:
            seen, _ = env.reset()
    env.close()


@pytest.mark.parametrize("shared_memory", [True, False])
def test_vector_wrappers_and_workers_without_shared_memory(shared_memory):
    mode = {"shared_memory": shared_memory}
    vector = gymnasium.make_vec(gym_id("GoToLocalS5N2"), 2, vectorization_mode="async", vector_kwargs=mode)
    vector = gymnasium.wrappers.vector.RecordEpisodeStatistics(vector)
    vector = gymnasium.wrappers.vector.DictInfoToList(vector)
    alone = gymnasium.make(gym_id("GoToLocalS5N2"))
    try:
        first, _ = vector.reset(seed=[3, 4])
        then, *_, information = vector.step(np.array([0, 2]))
        assert first["text"][0] == alone.reset(seed=3)[0]["text"]
        assert then["text"][0] == alone.step(0)[0]["text"]
        assert [each["scene_seed"] for each in information] == [3, 4]
    finally:
        vector.close()


def test_flattened_observations_hold_every_character():
    env = gymnasium.make(gym_id("GoToLocalS5N2"), language="fr")
    seen, _ = env.reset(seed=0)
    space = env.observation_space
    told = gymnasium.spaces.unflatten(space, gymnasium.spaces.flatten(space, seen))
    assert told["text"] == seen["text"] and told["mission"] == seen["mission"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_space_of_texts_takes_all_that_is_ever_said(language):
    assert "".join(speaker(language).texts()) and set("".join(speaker(language).texts())) <= set(CHARACTERS)
