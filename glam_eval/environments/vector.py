"""Many episodes side by side as text: what rollouts, evaluations and the bench step."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glam_eval.config.environment import EnvironmentConfig, ToldGoal
from glam_eval.core.errors import UserError
from glam_eval.core.world import (
    IDLE,
    EpisodeState,
    EpisodeSummary,
    FirstCommitment,
    GridSnapshot,
    Observation,
    Situation,
    StepResult,
)
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.environments.expert import Expert, bot_length
from glam_eval.environments.replays import bot_first
from glam_eval.environments.sweep import sweep_action, useful_actions
from glam_eval.environments.vision import image_of, occlude, view_of
from glam_eval.language import PromptMemory, Speaker, speaker

MAX_MEMORIZED = 1 << 15  # views kept with their sentences, about 20 MB


class Narrator:
    """Tells views in one language, remembering those told before."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._told: dict[bytes, tuple[tuple[str, ...], NDArray[np.uint8]]] = {}

    def tell(self, view: bytes) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
        """Return the sentences and the (7, 7, 3) image of a view that is not yet occluded."""
        told = self._told.get(view)
        if told is None:
            if len(self._told) >= MAX_MEMORIZED:
                self._told.clear()
            shown = occlude(view)
            told = self._told[view] = self._speaker.observation(view_of(shown)), image_of(shown)
        return told


class _Slot:
    """One place for episodes: the episode in it, what the agent perceives and remembers, who advises it."""

    __slots__ = ("episode", "expert", "image", "memory", "mission", "sentences", "useful")

    def __init__(self, expert: Expert, memory: PromptMemory) -> None:
        self.expert, self.memory = expert, memory
        self.episode: Episode | None = None
        self.mission = ""  # as the agent reads it: empty where it is hidden
        self.sentences: tuple[str, ...] = ()
        self.useful: tuple[int, ...] = ()
        self.image: NDArray[np.uint8] = np.empty(0, np.uint8)


class VectorEnvironment:
    """``slots`` independent episodes of a level, told in words; no automatic reset.

    Scenes depend on level, options and scene seed alone.

    Args:
        level: its name.
        slots: how many episodes.
        language: how the world is told, as the next three (see ``glam_eval.language``).
        shift: of its words.
        actions: the name of an action set.
        template: of the prompt; of several ("paper+tags"), each scene is told in one.
        remembered: observations in a prompt, 1 to 9.
        goal: which goal is told.
        goal_hidden: whether it is left out of all that is perceived.
        level_options: what the level takes.

    Raises:
        UserError: for unknown names.
    """

    def __init__(
        self,
        level: str,
        slots: int,
        *,
        language: str = "en",
        shift: str = "none",
        actions: str = "canonical",
        template: str = "paper",
        remembered: int = 3,
        goal: ToldGoal = "told",
        goal_hidden: bool = False,
        **level_options: Any,
    ) -> None:
        self.level, self._options = level, level_options
        self._goal: ToldGoal = goal
        self._goal_hidden = goal_hidden
        self.speaker = speaker(language, shift)
        self.actions: tuple[str, ...] = self.speaker.actions(actions)
        self._narrator = Narrator(self.speaker)
        self._generator = make_scenes(level, **level_options)
        self._slots = [
            _Slot(
                Expert(level, level_options, goal),
                PromptMemory(self.speaker, actions=self.actions, template=template, remembered=remembered),
            )
            for _ in range(slots)
        ]

    def start(self, slot: int, scene_seed: int) -> None:
        """Begin the episode of a scene in a slot; what was there is gone."""
        place = self._slots[slot]
        place.episode = Episode(self._generator, scene_seed, self._goal)
        place.mission = "" if self._goal_hidden else self.speaker.goal(place.episode.instruction)
        useful = useful_actions(place.episode.commitments.kinds)
        place.useful = tuple(action for action in useful if action < len(self.actions))
        place.sentences, place.image = self._narrator.tell(place.episode.world.view())
        place.memory.begin(None if self._goal_hidden else place.mission, place.sentences, scene_seed)

    def _playing(self, slot: int) -> Episode:
        episode = self._slots[slot].episode
        if episode is None:
            raise UserError(f"slot {slot} has no episode: call start(slot, scene_seed) first")
        return episode

    def _chosen(self, slots: Sequence[int] | None) -> Sequence[int]:
        return range(len(self._slots)) if slots is None else slots

    def situations(self, slots: Sequence[int] | None = None) -> list[Situation]:
        """Return what the agents in the slots (default: all) perceive now."""
        return [self._situation(slot) for slot in self._chosen(slots)]

    def _situation(self, slot: int) -> Situation:
        place, episode = self._slots[slot], self._playing(slot)
        return Situation(
            Observation(place.mission, place.sentences, place.image, episode.world.direction),
            place.memory.prompt(),
            self.actions,
            partial(self._ask_expert, slot),
            partial(self._ask_sweep, slot),
            place.useful,
            place.memory.prompt_in,
        )

    def _ask_expert(self, slot: int) -> int:
        place, episode = self._slots[slot], self._playing(slot)
        return self._offered(place.expert.advise(episode.scene_seed, episode.minigrid_actions), "the bot")

    def _ask_sweep(self, slot: int) -> int:
        episode = self._playing(slot)
        return self._offered(sweep_action(episode.world, episode.commitments), "the sweep")

    def _offered(self, action: int, planner: str) -> int:
        if action >= len(self.actions):
            raise UserError(f"{planner} needs an action that this action set does not offer: use 'canonical'")
        return action

    def step(self, actions: Sequence[int], slots: Sequence[int] | None = None) -> list[StepResult]:
        """Carry out one action, by index, in each of the slots (default: all); ``IDLE`` does nothing."""
        chosen = self._chosen(slots)
        return [self._step(slot, int(action)) for slot, action in zip(chosen, actions, strict=True)]

    def _step(self, slot: int, action: int) -> StepResult:
        place, episode = self._slots[slot], self._playing(slot)
        if episode.over:
            raise UserError(f"the episode in slot {slot} is over: call start(slot, scene_seed)")
        if not (0 <= action < len(self.actions) or action == IDLE):
            raise UserError(f"there is no action {action}: indices go from 0 to {len(self.actions) - 1}")
        phrase = self.actions[action] if action < len(self.actions) else ""
        result = episode.step(action)
        place.sentences, place.image = self._narrator.tell(episode.world.view())
        place.memory.record(phrase, place.sentences)
        return result

    def summary(self, slot: int) -> EpisodeSummary:
        """Return the counts of the slot's episode, finished or under way."""
        return self._playing(slot).summary(self._slots[slot].mission)

    def state(self, slot: int) -> EpisodeState:
        """Return all that is needed to come back to this moment of the slot's episode."""
        return self._playing(slot).state()

    def minigrid_actions(self, slot: int) -> list[int]:
        """Return the MiniGrid actions carried out in the slot's episode."""
        return list(self._playing(slot).minigrid_actions)

    def restore(self, slot: int, state: EpisodeState) -> None:
        """Come back to a moment of an episode, prompt included, by playing it again."""
        self.start(slot, state.scene_seed)
        for action in state.actions:
            self._step(slot, action)

    def snapshot(self, slot: int) -> GridSnapshot:
        """Return the whole grid of the slot, for pictures."""
        return self._playing(slot).world.snapshot()

    def layout(self, slot: int) -> bytes:
        """Return walls, things and the agent's place in the slot, with the goal that is told."""
        placed, mission = self.snapshot(slot), self._slots[slot].mission
        where = f"{placed.width} {placed.agent_x} {placed.agent_y} {placed.agent_direction} {mission}"
        return placed.grid + where.encode()

    def expert_length(self, scene_seed: int) -> int:
        """Return the steps that BabyAI's bot takes on a scene under its own goal, -1 if it fails."""
        return bot_length(self.level, scene_seed, **self._options)

    def expert_first(self, scene_seed: int) -> FirstCommitment:
        """Return what the bot first commits itself to there; nothing where it fails."""
        return bot_first(self.level, scene_seed, **self._options)


def make_babyai_text(world: EnvironmentConfig, slots: int) -> VectorEnvironment:
    """Return the environments of a world as it is configured.

    Raises:
        UserError: for unknown names.
    """
    return VectorEnvironment(
        world.level,
        slots,
        language=world.language,
        shift=world.shift,
        actions=world.actions,
        template=world.template,
        remembered=world.remembered,
        goal=world.goal,
        goal_hidden=world.goal_hidden,
        **world.options,
    )
