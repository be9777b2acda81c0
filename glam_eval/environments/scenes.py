"""Scenes: MiniGrid's levels made quiet and cheap to generate, drawing exactly what MiniGrid itself draws."""

from functools import cache
from typing import Any

from minigrid.core.roomgrid import RoomGrid
from minigrid.envs.babyai.core.roomgrid_level import RejectSampling, RoomGridLevel

from glam_eval.core.errors import UserError

MAX_REJECTIONS = 10_000  # a level that rejects so many layouts in a row asks for the impossible


class Scene(RoomGridLevel):  # type: ignore[misc]
    """Mixed into a level: generates without printing rejections and without observations nobody reads."""

    def _gen_grid(self, width: int, height: int) -> None:
        """Draw layouts until one is valid, as ``RoomGridLevel._gen_grid`` does, but silently."""
        for _ in range(MAX_REJECTIONS):
            try:
                RoomGrid._gen_grid(self, width, height)
                self.gen_mission()
                self.validate_instrs(self.instrs)
            except (RecursionError, RejectSampling):
                continue
            self.surface = self.mission = self.instrs.surface(self)
            return
        options = "its room size, number of objects and held-out pairs"
        raise UserError(f"level {type(self).__name__} allows no scene: change {options}")

    def gen_obs(self) -> dict[str, Any]:
        """Return nothing: views are made by ``glam_eval.environments.vision``."""
        return {}


@cache
def scene_class(level_class: type) -> type:
    """Return the quiet, cheap version of a level class."""
    if issubclass(level_class, Scene):
        return level_class
    return type(level_class.__name__, (Scene, level_class), {"__module__": level_class.__module__})
