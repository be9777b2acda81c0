"""Which observation follows an action? Wrong answers are what other actions give in the same situation."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.core.seeds import stream
from glam_eval.core.world import EpisodeState
from glam_eval.environments import make_environment
from glam_eval.environments.expert import bot_actions
from glam_eval.language.prompts import MAX_REMEMBERED, template_of_scene
from glam_eval.language.questions import render_outcome_question, tell_observation
from glam_eval.protocols.consequences.question import Item

_LONGEST_WALK = 8  # steps before the moment that is asked about


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment of an episode."""

    scene: int
    actions: tuple[int, ...]  # that led to it
    told: tuple[tuple[str, ...], ...]  # observations before, between and after them
    goal: str | None


def outcome_groups(world: EnvironmentConfig, scenes: Sequence[int]) -> Iterator[list[Item]]:
    """Yield a group of items for each scene that serves: a moment of it, and each distinct outcome once.

    An outcome that the prompt tells already, as that of an action which changes nothing, is none of the
    candidates. Of actions with one outcome the one is asked that was asked least so far.
    """
    simulator, asked = _Simulator(world), Counter[int]()
    for scene in scenes:
        draws = stream(0, "consequences", "observation", scene)
        moment = simulator.moment(scene, draws)
        outcomes = simulator.outcomes(moment)
        texts = list(outcomes)
        candidates = tuple(texts[place] for place in draws.permutation(len(texts)))
        if len(candidates) < 2:
            continue
        actions = [min(outcomes[text], key=lambda each: (asked[each], each)) for text in candidates]
        asked.update(actions)
        yield [simulator.item(moment, action, candidates, answer) for answer, action in enumerate(actions)]


class _Simulator:
    """Comes to moments of episodes, tries all actions in them, and tells of them in a world's words."""

    def __init__(self, world: EnvironmentConfig) -> None:
        self._world, self._environment = world, make_environment(world, 1)
        self._names = self._environment.actions

    def moment(self, scene: int, draws: np.random.Generator) -> _Moment:
        """Return where the bot or a walk at random comes to: what agents meet who know, and who don't."""
        length = int(draws.integers(_LONGEST_WALK + 1))
        walk = tuple(map(int, draws.integers(len(self._names), size=length)))
        if draws.random() < 0.5:
            walk = (bot_actions(self._world.level, scene, **self._world.options) or walk)[:length]
        self._environment.start(0, scene)
        taken: list[int] = []
        told = [self._sentences()]
        for action in walk:
            if action >= len(self._names) or self._environment.step([action])[0].done:
                break
            taken.append(action)
            told.append(self._sentences())
        goal = self._environment.situations()[0].observation.mission
        return _Moment(scene, tuple(taken), tuple(told), None if self._world.goal_hidden else goal)

    def outcomes(self, moment: _Moment) -> dict[str, list[int]]:
        """Return the actions by the observation that follows, but for what the prompt tells already."""
        known = [self._text(moment, sentences) for sentences in self._remembered(moment)]
        found: dict[str, list[int]] = {}
        for action in range(len(self._names)):
            self._environment.restore(0, EpisodeState(moment.scene, moment.actions))
            self._environment.step([action])
            text = self._text(moment, self._sentences())
            if text and not any(text in each for each in known):
                found.setdefault(text, []).append(action)
        return found

    def item(self, moment: _Moment, action: int, candidates: tuple[str, ...], answer: int) -> Item:
        """Return the question which of the candidates follows an action."""
        told = self._remembered(moment)
        taken = [self._names[each] for each in (*moment.actions, action)][-len(told) :]
        prompt, bare = render_outcome_question(
            self._environment.speaker, self._template(moment), self._names, moment.goal, told, taken
        )
        return Item("observation", moment.scene, self._names[action], prompt, bare, candidates, answer)

    def _remembered(self, moment: _Moment) -> tuple[tuple[str, ...], ...]:
        return moment.told[-min(self._world.remembered, MAX_REMEMBERED - 1) :]

    def _sentences(self) -> tuple[str, ...]:
        return self._environment.situations()[0].observation.sentences

    def _template(self, moment: _Moment) -> str:
        return template_of_scene(self._world.template, moment.scene)

    def _text(self, moment: _Moment, sentences: Sequence[str]) -> str:
        return tell_observation(self._environment.speaker, self._template(moment), sentences)
