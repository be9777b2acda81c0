"""How fast the world is: our steps with text and prompts beside MiniGrid's own steps without, in one run."""

import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel

from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream
from glam_eval.environments.catalogue import find_level
from glam_eval.environments.scenes import Scene
from glam_eval.environments.vector import VectorEnvironment

N_ACTIONS = 6


@dataclass(frozen=True)
class EnvironmentThroughput:
    """One measured way of stepping a level with random actions, resets included."""

    level: str
    what: str
    steps: int
    episodes: int
    seconds: float
    steps_per_second: float
    reset_milliseconds: float  # mean time to begin an episode
    ratio: float  # to MiniGrid's own steps per second in the same run


def own_minigrid(name: str, **options: Any) -> Any:
    """Return MiniGrid's unmodified environment of a level; ours are put back on MiniGrid's own methods."""
    level = find_level(name)
    arguments = {**level.arguments, **options}
    if not issubclass(level.level_class, Scene):
        return level.level_class(**arguments)
    inherited = {
        method: getattr(RoomGridLevel, method) for method in vars(Scene) if hasattr(RoomGridLevel, method)
    }

    def generate(self: Any, _width: int, height: int) -> None:
        self.prepare()
        with contextlib.redirect_stdout(io.StringIO()):  # "Sampling rejected" lines
            RoomGridLevel._gen_grid(self, self.width, height)

    plain = type(
        level.name, (level.level_class,), {**inherited, "_gen_grid": generate, "__module__": __name__}
    )
    return plain(**arguments)


class _Clock:
    """Adds up the time spent beginning episodes."""

    def __init__(self) -> None:
        self.episodes = 0
        self.seconds = 0.0

    def begin(self, start: Callable[[int], Any]) -> None:
        """Begin the next episode."""
        before = time.perf_counter()
        start(self.episodes)
        self.seconds += time.perf_counter() - before
        self.episodes += 1


def _ours(level: str, steps: int, slots: int, options: dict[str, Any]) -> tuple[float, _Clock]:
    world, clock = VectorEnvironment(level, slots, **options), _Clock()
    actions = stream(0, "bench").integers(N_ACTIONS, size=(steps // slots, slots)).tolist()
    before = time.perf_counter()
    for slot in range(slots):
        clock.begin(partial(world.start, slot))
    for row in actions:
        world.situations()
        for slot, result in enumerate(world.step(row)):
            if result.done:
                clock.begin(partial(world.start, slot))
    return time.perf_counter() - before, clock


def _minigrid(level: str, steps: int) -> tuple[float, _Clock]:
    env, clock = own_minigrid(level), _Clock()
    actions = stream(0, "bench").integers(N_ACTIONS, size=steps).tolist()
    with contextlib.redirect_stdout(io.StringIO()):
        before = time.perf_counter()
        clock.begin(lambda seed: env.reset(seed=seed))
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                clock.begin(lambda seed: env.reset(seed=seed))
        return time.perf_counter() - before, clock


def measure_environment(
    level: str = "MixedTrainLocal", steps: int = 50_000, slots: int = 32, **options: Any
) -> list[EnvironmentThroughput]:
    """Return our throughput with text and prompts, and MiniGrid's without, in interleaved thirds.

    Args:
        level: its name.
        steps: of ours; MiniGrid takes a fifth as many.
        slots: environments of ours side by side.
        options: those of ``VectorEnvironment``.

    Raises:
        UserError: if the steps are fewer than the slots.
    """
    if steps < slots:
        raise UserError(f"{steps} steps are fewer than the {slots} slots")
    seconds, clocks = np.zeros((2, 3)), []
    ours_share = max(steps // 3 // slots, 1) * slots
    shares = ours_share, max(ours_share // 5, 1)
    for part in range(3):
        seconds[0, part], ours = _ours(level, shares[0], slots, options)
        seconds[1, part], theirs = _minigrid(level, shares[1])
        clocks.append((ours, theirs))
    rates = [3 * share / spent for share, spent in zip(shares, seconds.sum(axis=1), strict=True)]
    names = ("glam-eval, text and prompt", "MiniGrid, no text")
    return [
        EnvironmentThroughput(
            level,
            name,
            3 * shares[index],
            sum(pair[index].episodes for pair in clocks),
            float(seconds[index].sum()),
            float(rates[index]),
            1000 * sum(pair[index].seconds for pair in clocks) / sum(pair[index].episodes for pair in clocks),
            float(rates[index] / rates[1]),
        )
        for index, name in enumerate(names)
    ]
