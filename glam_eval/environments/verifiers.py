"""Strict instructions that MiniGrid lacks, as verifiers of its own kind: a wrong choice ends the episode.

MiniGrid's picking up and opening have a strict mode of their own. Its going to things has none, and its
strict putting fails on any lifting, the right thing's included, so that nothing could ever be put.
"""

from typing import Any

from minigrid.envs.babyai.core.verifier import GoToInstr, ObjDesc, PutNextInstr


class StrictGoToInstr(GoToInstr):
    """Go to a thing and walk into it: the first thing walked into is the agent's choice.

    A step forward that a thing stops succeeds if it is a target and fails if it is any other. Facing and
    passing things decide nothing, so that one can look around freely.
    """

    def reset_verifier(self, env: Any) -> None:
        """Begin an episode."""
        super().reset_verifier(env)  # type: ignore[no-untyped-call]
        self._position = tuple(env.agent_pos)

    def verify_action(self, action: int) -> str:  # type: ignore[override]
        """Return success, failure or continue, after each step."""
        before, self._position = self._position, tuple(self.env.agent_pos)
        if action != self.env.actions.forward or self._position != before:
            return "continue"
        front = tuple(self.env.front_pos)
        if any(front == tuple(position) for position in self.desc.obj_poss):
            return "success"
        thing = self.env.grid.get(*front)
        return "continue" if thing is None or thing.type == "wall" else "failure"


class StrictPutNextInstr(PutNextInstr):
    """Put a thing next to another: lifting anything else fails, and so does putting it anywhere else."""

    def __init__(self, obj_move: ObjDesc, obj_fixed: ObjDesc, strict: bool = True) -> None:
        super().__init__(obj_move, obj_fixed, strict)  # type: ignore[no-untyped-call]

    def verify_action(self, action: int) -> str:  # type: ignore[override]
        """Return success, failure or continue, after each step."""
        before, self.preCarrying = self.preCarrying, self.env.carrying
        if action == self.env.actions.pickup and before is None and self.env.carrying is not None:
            is_moved = any(self.env.carrying is thing for thing in self.desc_move.obj_set)
            return "continue" if is_moved else "failure"
        if action != self.env.actions.drop or before is None or self.env.carrying is not None:
            return "continue"
        x, y = before.cur_pos
        beside = {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)}
        is_beside = any(tuple(position) in beside for position in self.desc_fixed.obj_poss)
        return "success" if is_beside else "failure"
