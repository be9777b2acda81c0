"""One episode under way: a scene, the steps taken in it, and what is worth counting about them."""

from typing import Any

from glam_eval.config.environment import ToldGoal
from glam_eval.core.world import EpisodeState, EpisodeSummary, StepResult
from glam_eval.environments.commitments import Commitments
from glam_eval.environments.goals import (
    CONTINUE,
    SUCCESS,
    Goal,
    goal_of,
    instruction_of,
    reversed_order,
    task_of,
)
from glam_eval.environments.grid import DROP, FORWARD, NOBODY, NOTHING, PICK_UP, TOGGLE, World
from glam_eval.environments.told import told_instruction

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WORLD_ACTIONS = 6  # turn left, turn right, go forward, pick up, drop, toggle; all others do nothing


class Episode:
    """An episode of a level, on a world of its own.

    The scene's own goal counts. Where another is told, that one is verified beside it: the episode ends as
    soon as one of the two is reached, or none can be any more.

    Args:
        env: a MiniGrid environment, which is reset to the scene that is taken over.
        scene_seed: of the scene.
        goal: what is told.
    """

    def __init__(self, env: Any, scene_seed: int, goal: ToldGoal = "told") -> None:
        env.reset(seed=scene_seed)
        told = told_instruction(goal, env, scene_seed)
        self.scene_seed = scene_seed
        self.max_steps: int = env.max_steps
        self.world = World(env)
        self.instruction = instruction_of(told)  # as it is told
        self.commitments = Commitments(env.instrs, told, self.world)
        self.actions: list[int] = []
        self.minigrid_actions: list[int] = []  # what they are to MiniGrid
        self.success = self.success_told = self.over = False
        self.reward = 0.0
        self._goals: list[Goal] = [goal_of(env.instrs, self.world)]
        if goal == "swapped":
            self._goals.append(goal_of(told, self.world))
        self._outcomes = [CONTINUE] * len(self._goals)
        self._can_be_done = goal != "absent"
        named = (target.objects for each in self._goals for target in each.targets())
        self._excused = self.world.doors_and_keys().union(*named)
        self._visited = {self.world.cell}
        self._blocked = 0
        self._wrong_object = False

    def step(self, action: int) -> StepResult:
        """Carry out an action, by its index among the actions offered."""
        minigrid_action = action if action < _WORLD_ACTIONS else NOTHING
        world = self.world
        self.actions.append(action)
        self.minigrid_actions.append(minigrid_action)
        if minigrid_action == FORWARD:
            self._move()
        else:
            if minigrid_action in (PICK_UP, TOGGLE):
                self._touch(minigrid_action)
            world.act(minigrid_action)
            if minigrid_action == DROP:
                for target in (target for each in self._goals for target in each.targets()):
                    target.look_up(world)
        self.commitments.follow(minigrid_action)
        ended = self._verify(minigrid_action)
        steps = len(self.actions)
        truncated = steps >= self.max_steps
        if self.success:
            self.reward = 1 - 0.9 * (steps / self.max_steps)
        self.over = truncated or ended
        if self.over:
            self._wrong_object |= self._is_wrong(world.front_object())
        return StepResult(self.reward, ended, truncated)

    def _verify(self, minigrid_action: int) -> bool:
        """Return whether a goal is reached with this step, or none can be any more."""
        for place, goal in enumerate(self._goals):
            if self._outcomes[place] == CONTINUE:
                self._outcomes[place] = goal.verify(minigrid_action, self.world)
        self.success = self._outcomes[0] == SUCCESS
        self.success_told = self._can_be_done and self._outcomes[-1] == SUCCESS
        return SUCCESS in self._outcomes or CONTINUE not in self._outcomes

    def _move(self) -> None:
        world = self.world
        before = world.cell
        world.act(FORWARD)
        if world.cell == before:
            self._blocked += 1
        else:
            self._visited.add(world.cell)

    def _touch(self, minigrid_action: int) -> None:
        touched = self.world.front_object()
        if minigrid_action == TOGGLE or self.world.carried == NOBODY:
            self._wrong_object |= self._is_wrong(touched)

    def _is_wrong(self, number: int) -> bool:
        """Return whether an object is neither named by the goal nor a means to it (a door, a door's key)."""
        return number != NOBODY and number not in self._excused

    def state(self) -> EpisodeState:
        """Return the whole state: the scene and the actions."""
        return EpisodeState(self.scene_seed, tuple(self.actions))

    def summary(self, mission: str) -> EpisodeSummary:
        """Return the counts of the episode so far."""
        return EpisodeSummary(
            task=task_of(self.instruction),
            scene_seed=self.scene_seed,
            mission=mission,
            success=self.success,
            episode_return=self.reward,
            length=len(self.actions),
            actions="".join(DIGITS[action] for action in self.actions),
            steps_blocked=self._blocked,
            cells_visited=len(self._visited),
            wrong_object=self._wrong_object,
            wrong_order=reversed_order(self._goals[0]),
            success_told=self.success_told,
            first=self.commitments.first(),
        )
