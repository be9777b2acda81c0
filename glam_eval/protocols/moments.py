"""Moments of test episodes to ask about: where BabyAI's bot or a walk at random comes to."""

from dataclasses import dataclass

import numpy as np

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.core.world import EpisodeState, Situation
from glam_eval.environments.expert import bot_actions
from glam_eval.environments.vector import make_babyai_text
from glam_eval.language.prompts import template_of_scene

_LONGEST_WALK = 8  # steps before the moment


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of an episode."""

    scene: int
    template: str  # of its prompt
    actions: tuple[int, ...]  # that led to it
    told: tuple[tuple[str, ...], ...]  # observations before, between and after them
    goal: str | None  # None where it is hidden


class Simulator:
    """Comes to moments of a world's episodes, and tries actions in them."""

    def __init__(self, world: EnvironmentConfig) -> None:
        self._world, self._environment = world, make_babyai_text(world, 1)
        self.speaker, self.actions = self._environment.speaker, self._environment.actions

    def moment(self, scene: int, draws: np.random.Generator) -> Moment:
        """Return where the bot or a walk at random comes to: what agents meet who know, and who don't."""
        length = int(draws.integers(_LONGEST_WALK + 1))
        walk = tuple(map(int, draws.integers(len(self.actions), size=length)))
        if draws.random() < 0.5:
            walk = (bot_actions(self._world.level, scene, **self._world.options) or walk)[:length]
        self._environment.start(0, scene)
        taken: list[int] = []
        told = [self._sentences()]
        for action in walk:
            if action >= len(self.actions) or self._environment.step([action])[0].done:
                break
            taken.append(action)
            told.append(self._sentences())
        goal = None if self._world.goal_hidden else self._environment.situations()[0].observation.mission
        template = template_of_scene(self._world.template, scene)
        return Moment(scene, template, tuple(taken), tuple(told), goal)

    def situation(self, moment: Moment) -> Situation:
        """Return what an agent perceives in a moment."""
        self._environment.restore(0, EpisodeState(moment.scene, moment.actions))
        return self._environment.situations()[0]

    def follows(self, moment: Moment, action: int) -> tuple[str, ...]:
        """Return the observation that follows an action in a moment."""
        self._environment.restore(0, EpisodeState(moment.scene, moment.actions))
        self._environment.step([action])
        return self._sentences()

    def _sentences(self) -> tuple[str, ...]:
        return self._environment.situations()[0].observation.sentences
