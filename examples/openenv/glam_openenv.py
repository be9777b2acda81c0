"""BabyAI-Text, and any world of a package, as an OpenEnv environment behind HTTP and WebSocket.

Install this folder (`pip install examples/openenv`) and serve a level to trainers that speak OpenEnv:
`glam-eval-openenv --level GoToLocal --port 8000`. A session has an environment of its own; `reset(seed=s)`
begins scene s, the same as everywhere in glam-eval, and an action is one of the phrases that the observation
offers.
"""

import argparse
from functools import partial

from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.core.seeds import TEST_SCENE_BIT, training_scene_seeds
from glam_eval.environments import check_world, make_environment

SESSIONS = 256  # at a time; each holds one episode


class TextAction(Action):
    """What to do: one of the observation's actions, as it is written there."""

    action: str


class TextObservation(Observation):
    """What is perceived: the goal, sentences, what can be done, and all of it as glam-eval's prompt."""

    goal: str
    sentences: list[str]
    actions: list[str]
    prompt: str


class TextState(State):
    """Which scene is played, and how it ended."""

    level: str
    scene_seed: int | None = None
    success: bool = False


class TextEnvironment(Environment[TextAction, TextObservation, TextState]):
    """One episode after another of a level; without a seed the next training scene is begun."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, config):
        super().__init__()
        self._world = make_environment(config, 1)
        self._scenes = training_scene_seeds(0, 0)
        self._state, self._over = TextState(level=config.level), True

    def reset(self, seed=None, episode_id=None, **_):
        """Begin a scene."""
        scene = next(self._scenes) if seed is None else seed
        if not 0 <= scene < 2 * TEST_SCENE_BIT:
            raise ValueError(f"seed = {scene}: scenes go from 0 to {2 * TEST_SCENE_BIT - 1}")
        self._world.start(0, scene)
        self._over = False
        self._state = TextState(level=self._state.level, episode_id=episode_id, scene_seed=scene)
        return self._observation(reward=None, done=False)

    def step(self, action, timeout_s=None, **_):  # noqa: ARG002
        """Do one of the actions offered."""
        if self._over:
            raise ValueError("no episode is under way: reset first")
        offered = self._world.situations()[0].actions
        if action.action not in offered:
            raise ValueError(f"no action {action.action!r}: choose one of {', '.join(offered) or 'reset'}")
        result = self._world.step([offered.index(action.action)])[0]
        self._over = result.done
        self._state.step_count += 1
        self._state.success = bool(self._world.summary(0).success)
        return self._observation(reward=result.reward, done=result.done)

    def _observation(self, reward, done):
        situation = self._world.situations()[0]
        return TextObservation(
            goal=situation.observation.mission,
            sentences=list(situation.observation.sentences),
            actions=[] if done else list(situation.actions),
            prompt=situation.prompt,
            reward=reward,
            done=done,
        )

    @property
    def state(self):
        """The scene and the steps taken in it."""
        return self._state


def make_app(config):
    """The application that serves a level, for uvicorn or any ASGI server."""
    check_world(config)
    made = partial(TextEnvironment, config)
    return create_fastapi_app(made, TextAction, TextObservation, max_concurrent_envs=SESSIONS)


def main():
    """Serve a level, to this machine alone unless told otherwise."""
    import uvicorn

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--level", default="GoToLocal")
    parser.add_argument("--language", default="en")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    asked = parser.parse_args()
    config = EnvironmentConfig.parse({"level": asked.level, "language": asked.language}, "serving")
    uvicorn.run(make_app(config), host=asked.host, port=asked.port)


if __name__ == "__main__":
    main()
