"""Prompts: the actions, the goal and the last observations as the one text that a policy reads."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream_seed
from glam_eval.language import templates
from glam_eval.language.speakers import Speaker

MAX_REMEMBERED = 9  # observations; the paper compares 1, 3, 6 and 9
ACTIONS, GOAL, TAKEN = "possible actions", "goal", "actions taken"  # parts of a prompt, beside observations


@dataclass(frozen=True, slots=True)
class Pieces:
    """A template with a speaker's phrases in it; index i of a tuple serves the i-th observation."""

    goal_first: bool
    opening: str
    goal: str
    action_separator: str
    before_observation: tuple[str, ...]
    after_sentence: str
    before_action: tuple[str, ...]
    after_action: str
    before_newest: tuple[str, ...]
    before_choice: tuple[str, ...]

    def open(self, actions: Iterable[str], goal: str | None) -> str:
        """Return what stands before the observations; a goal that is None is hidden, its label too."""
        opening = self.opening.format(actions=self.action_separator.join(actions))
        told = "" if goal is None else self.goal.format(goal=goal)
        return told + opening if self.goal_first else opening + told

    def tell(self, sentences: Iterable[str]) -> str:
        """Return an observation's sentences as one text."""
        return self.after_sentence.join([*sentences, ""])

    def parts(
        self, actions: Iterable[str], goal: str | None, observations: Sequence[str], taken: Sequence[str]
    ) -> list[tuple[str, str]]:
        """Return the prompt in pieces, each with the part that it belongs to; see ``prompt_parts``."""
        told = "" if goal is None else self.goal.format(goal=goal)
        opening = [(ACTIONS, self.open(actions, None)), (GOAL, told)]
        pieces = opening[::-1] if self.goal_first else opening
        last = len(observations) - 1
        for i, action in enumerate(taken):
            pieces.append((observation_part(last - i), self.before_observation[i] + observations[i]))
            pieces.append((TAKEN, self.before_action[i] + action + self.after_action))
        pieces.append((observation_part(0), self.before_newest[last] + observations[last]))
        return [*pieces, ("", self.before_choice[last])]

    def join(self, opening: str, observations: Sequence[str], taken: Iterable[str]) -> str:
        """Return the prompt out of observations already told and the actions taken between them."""
        chosen = [action + self.after_action for action in taken]
        past = zip(self.before_observation, observations, self.before_action, chosen, strict=False)
        last = len(observations) - 1
        newest = self.before_newest[last], observations[last], self.before_choice[last]
        return opening + "".join(chain(chain.from_iterable(past), newest))


@cache
def pieces_of(speaker: Speaker, template: str) -> Pieces:
    """Fill a template with a speaker's phrases.

    Raises:
        UserError: for an unknown template.
    """
    layout = templates.template(template)
    phrases = speaker.phrases(template)

    def at_each_place(piece: str) -> tuple[str, ...]:
        return tuple(piece.format(i=i, **phrases) for i in range(MAX_REMEMBERED))

    return Pieces(
        layout.goal_first,
        layout.opening.format(actions="{actions}", **phrases),
        layout.goal.format(goal="{goal}", **phrases),
        layout.action_separator,
        at_each_place(layout.before_observation),
        layout.after_sentence,
        at_each_place(layout.before_action),
        layout.after_action.format(**phrases),
        at_each_place(layout.before_newest or layout.before_observation),
        at_each_place(layout.before_choice or layout.before_action),
    )


def _check_remembered(remembered: int) -> None:
    """Raise UserError unless a prompt can hold this many observations."""
    if not 1 <= remembered <= MAX_REMEMBERED:
        raise UserError(f"a prompt remembers 1 to {MAX_REMEMBERED} observations, not {remembered}")


def render_prompt(
    speaker: Speaker,
    template: str,
    actions: Sequence[str],
    goal: str | None,
    observations: Sequence[Sequence[str]],
    taken: Sequence[str],
) -> str:
    """Return the prompt after which an action is to be chosen; followed by one it is well-formed text.

    Args:
        speaker: whose phrases fill the template.
        template: its name.
        actions: the phrases offered.
        goal: the sentence of the goal; one that is None is left out with its label.
        observations: 1 to 9 tuples of sentences, oldest first.
        taken: the action phrases between them, one fewer.

    Raises:
        UserError: for other lengths, or an unknown template.
    """
    _check_remembered(len(observations))
    if len(taken) != len(observations) - 1:
        raise UserError(f"{len(observations)} observations have {len(observations) - 1} actions between them")
    pieces = pieces_of(speaker, template)
    return pieces.join(pieces.open(actions, goal), [pieces.tell(told) for told in observations], taken)


def observation_part(age: int) -> str:
    """Return what the part of a prompt is called that tells an observation of so many steps ago."""
    return f"observation {age} before" if age else "observation now"


def prompt_parts(
    speaker: Speaker,
    template: str,
    actions: Sequence[str],
    goal: str | None,
    observations: Sequence[Sequence[str]],
    taken: Sequence[str],
) -> list[tuple[str, str]]:
    """Return the pieces of the prompt that ``render_prompt`` makes of the same arguments, in order.

    Each has the name of its part: the possible actions, the goal, each observation with its label, the
    actions taken, and none for what the chosen action completes.
    """
    pieces = pieces_of(speaker, template)
    return pieces.parts(actions, goal, [pieces.tell(told) for told in observations], taken)


def turns(prompt: str) -> tuple[str, str, str]:
    """Return a prompt of any template as turns of a conversation, for chat models.

    They are what the agent can do, what it is asked and sees, and the beginning of its answer: the first line
    (or sentence, of a prompt in one line), what is between, and the last, which the action completes.
    """
    end = "\n" if "\n" in prompt else ". "
    kept = end.rstrip()
    can_do, _, rest = prompt.partition(end)
    asked, _, begun = rest.rpartition(end)
    return (can_do + kept).strip(), (asked + kept).strip(), begun.lstrip()


def _drawn(templates_count: int, scene_seed: int) -> int:
    """Return which of so many templates a scene is told in."""
    return stream_seed(0, "templates", scene_seed) % templates_count


def template_of_scene(template: str, scene_seed: int) -> str:
    """Return the template, or of a mixture the one, that a scene is told in."""
    names = templates.parse_templates(template)
    return names[_drawn(len(names), scene_seed)] if len(names) > 1 else names[0]


class PromptMemory:
    """The last observations of an episode and the actions between them; begins anew with each episode.

    Args:
        speaker: whose phrases fill the template.
        template: its name, or those of a mixture: every episode is told in one of them.
        actions: the phrases offered.
        remembered: how many observations a prompt holds at most, 1 to 9.

    Raises:
        UserError: for another number, or an unknown template.
    """

    def __init__(self, speaker: Speaker, template: str, actions: Sequence[str], remembered: int = 3) -> None:
        _check_remembered(remembered)
        self._mixture = tuple(pieces_of(speaker, name) for name in templates.parse_templates(template))
        self._pieces = self._mixture[0]
        self._actions = tuple(actions)
        self._opening = ""
        self._speaker = speaker
        self._goal: str | None = None
        self._seen: deque[tuple[str, ...]] = deque(maxlen=remembered)
        self._observations: deque[str] = deque(maxlen=remembered)
        self._taken: deque[str] = deque(maxlen=remembered - 1)

    def offer(self, actions: Sequence[str]) -> None:
        """Offer other actions from now on, where they differ from step to step."""
        self._actions = tuple(actions)
        self._opening = self._pieces.open(self._actions, self._goal)

    def begin(self, goal: str | None, sentences: Iterable[str], scene_seed: int = 0) -> None:
        """Forget everything and start an episode with its goal (None: hidden) and first observation.

        Of a mixture of templates the scene draws one: every agent is told a scene in the same.
        """
        if len(self._mixture) > 1:
            self._pieces = self._mixture[_drawn(len(self._mixture), scene_seed)]
        self._goal, self._opening = goal, self._pieces.open(self._actions, goal)
        for each in (self._observations, self._taken, self._seen):
            each.clear()
        self._see(sentences)

    def record(self, action: str, sentences: Iterable[str]) -> None:
        """Add the action phrase taken and the observation that followed."""
        self._taken.append(action)
        self._see(sentences)

    def _see(self, sentences: Iterable[str]) -> None:
        self._seen.append(tuple(sentences))
        self._observations.append(self._pieces.tell(self._seen[-1]))

    def prompt(self) -> str:
        """Return the prompt for the next action."""
        return self._pieces.join(self._opening, self._observations, self._taken)

    def prompt_in(self, template: str) -> str:
        """Return the same in another template, by its name; raises UserError for an unknown one."""
        told = list(self._seen), list(self._taken)
        return render_prompt(self._speaker, template, self._actions, self._goal, *told)
