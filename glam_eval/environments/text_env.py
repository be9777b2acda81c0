"""BabyAI-Text as a Gymnasium environment: goal and observations in words."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import read_from_shared_memory
from numpy.typing import NDArray

from glam_eval.config.environment import ToldGoal
from glam_eval.core.seeds import TEST_SCENE_BIT
from glam_eval.core.world import StepResult
from glam_eval.environments.expert import Replica
from glam_eval.environments.vector import VectorEnvironment
from glam_eval.environments.vision import VIEW_SIZE

MAX_CHARACTERS = 1 << 14


# Unicode's Latin, Greek and Cyrillic letters with what accents and quotes them: all that languages here are
# written in. Shared memory and flattened observations hold characters by their place in it.
_BLOCKS = ((0x20, 0x7F), (0xA0, 0x530), (0x1E00, 0x2000), (0x2010, 0x2028), (0x2030, 0x2060))
CHARACTERS = "\n" + "".join(chr(code) for first, end in _BLOCKS for code in range(first, end))


class Sentences(spaces.Text):
    """Text of any language, one sentence a line."""

    def __init__(self) -> None:
        super().__init__(max_length=MAX_CHARACTERS, min_length=0, charset=CHARACTERS)


class SharedSentences(Sequence[str]):
    """The texts of several environments in shared memory, read when they are asked for.

    Gymnasium reads texts once, when its asynchronous environment is made, and would show none of later steps.
    A copy, which is what it hands out by default, is a plain tuple.
    """

    def __init__(self, memory: Any, count: int) -> None:
        self._places = np.frombuffer(memory.get_obj(), dtype=np.int32).reshape((count, MAX_CHARACTERS))

    def __len__(self) -> int:
        """Return the number of environments."""
        return len(self._places)

    def __getitem__(self, place: Any) -> Any:
        """Return the text of an environment now."""
        if isinstance(place, slice):
            return tuple(self)[place]
        return "".join(CHARACTERS[index] for index in self._places[place] if index < len(CHARACTERS))

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[str, ...]:
        """Return the texts as they are now."""
        return tuple(self)


@read_from_shared_memory.register(Sentences)
def _shared_sentences(space: Sentences, shared_memory: Any, n: int = 1) -> SharedSentences:  # noqa: ARG001
    return SharedSentences(shared_memory, n)


class BabyAIText(gymnasium.Env[dict[str, Any], np.int64]):
    """One level as text.

    Observations hold ``mission`` (the goal), ``text`` (the sentences, one a line), ``image`` (MiniGrid's
    (7, 7, 3) uint8) and ``direction`` (0 right, 1 down, 2 left, 3 up). ``reset(seed=s)`` gives scene s of
    the level; without a seed the next scene is drawn. ``info`` holds ``task``, ``scene_seed`` and
    ``prompt``, and at the end ``success``.

    Args:
        level: its name.
        render_mode: None or rgb_array.
        language: of goal and observations.
        shift: of their words.
        actions: the name of an action set.
        template: of the prompt, as in ``VectorEnvironment``.
        remembered: observations in a prompt, 1 to 9.
        goal: which goal is told, as in ``VectorEnvironment``.
        goal_hidden: whether it is left out of all that is perceived.
        level_options: what the level takes.

    Raises:
        UserError: for unknown names.
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
