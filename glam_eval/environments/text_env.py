"""BabyAI-Text as a Gymnasium environment: goal and observations in words."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from glam_eval.config.environment import ToldGoal
from glam_eval.core.seeds import TEST_SCENE_BIT
from glam_eval.core.world import StepResult
from glam_eval.environments.expert import Replica
from glam_eval.environments.vector import VectorEnvironment
from glam_eval.environments.vision import VIEW_SIZE

MAX_CHARACTERS = 1 << 14


class Sentences(spaces.Text):
    """Any text: unlike ``Text``, every character of every language."""

    def __init__(self) -> None:
        super().__init__(max_length=MAX_CHARACTERS, min_length=0)

    def contains(self, x: Any) -> bool:
        """Return whether x is a text that is not too long."""
        return isinstance(x, str) and len(x) <= MAX_CHARACTERS


class BabyAIText(gymnasium.Env[dict[str, Any], np.int64]):
    """One level as text.

    Observations hold ``mission`` (the goal), ``text`` (the sentences, one a line), ``image`` (MiniGrid's
    (7, 7, 3) uint8) and ``direction`` (0 right, 1 down, 2 left, 3 up). ``reset(seed=s)`` gives scene s of
    the level; without a seed the next scene is drawn. ``info`` holds ``task``, ``scene_seed`` and
    ``prompt``, and at the end ``success``. ``goal`` and ``goal_hidden`` are the controls of
    ``VectorEnvironment``: another goal told, or none.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self,
        level: str,
        render_mode: str | None = None,
        language: str = "en",
        shift: str = "none",
        actions: str = "canonical",
        template: str = "paper",
        remembered: int = 3,
        goal: ToldGoal = "told",
        goal_hidden: bool = False,
        **level_options: Any,
    ) -> None:
        self.render_mode = render_mode
        self._world = VectorEnvironment(
            level,
            1,
            language=language,
            shift=shift,
            actions=actions,
            template=template,
            remembered=remembered,
            goal=goal,
            goal_hidden=goal_hidden,
            **level_options,
        )
        self._picture = Replica(level, level_options)
        self.actions = self._world.actions
        self.action_space = spaces.Discrete(len(self.actions))
        self.observation_space = spaces.Dict(
            {
                "mission": Sentences(),
                "text": Sentences(),
                "image": spaces.Box(0, 255, (VIEW_SIZE, VIEW_SIZE, 3), np.uint8),
                "direction": spaces.Discrete(4),
            }
        )

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin the scene of a seed, or a scene drawn from the last seed's stream."""
        super().reset(seed=seed)
        scene = int(self.np_random.integers(TEST_SCENE_BIT)) if seed is None else seed
        self._world.start(0, scene)
        return self._observe(), self._information()

    def step(self, action: int | np.int64) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Carry out an action by index; reward 1 - 0.9 t/T at success, else 0."""
        result: StepResult = self._world.step([int(action)])[0]
        information = self._information()
        if result.done:
            information["success"] = self._world.summary(0).success
        return self._observe(), result.reward, result.terminated, result.truncated, information

    def _observe(self) -> dict[str, Any]:
        seen = self._world.situations()[0].observation
        return {
            "mission": seen.mission,
            "text": "\n".join(seen.sentences),
            "image": seen.image.copy(),
            "direction": seen.direction,
        }

    def _information(self) -> dict[str, Any]:
        summary = self._world.summary(0)
        prompt = self._world.situations()[0].prompt
        return {"task": summary.task, "scene_seed": summary.scene_seed, "prompt": prompt}

    def render(self) -> NDArray[np.uint8] | None:
        """Return MiniGrid's picture of the grid, (height, width, 3) uint8, in render mode ``rgb_array``."""
        if self.render_mode is None:
            return None
        state = self._world.state(0)
        self._picture.follow(state.scene_seed, self._world.minigrid_actions(0))
        picture: NDArray[np.uint8] = self._picture.env.get_frame()
        return picture


def gym_id(level: str) -> str:
    """Return the gymnasium id of a level."""
    return f"BabyAIText/{level}-v0"


def register_levels(names: list[str]) -> None:
    """Register levels with gymnasium; registering again changes nothing."""
    for name in names:
        if gym_id(name) not in gymnasium.registry:
            gymnasium.register(
                gym_id(name), "glam_eval.environments.text_env:BabyAIText", kwargs={"level": name}
            )
