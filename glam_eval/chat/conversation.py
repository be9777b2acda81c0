"""One episode as a conversation: what the model is told, and what it is reminded of."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from glam_eval.chat.answers import ACTION_LABEL
from glam_eval.config.conversation import ConversationConfig
from glam_eval.core.world import Situation

Message = dict[str, str]  # role and content, as OpenAI's interface has them

_LONGEST = 400  # characters of an invalid answer that later turns repeat
# By the actions' indices, in our words: the actions after these do nothing.
_DESCRIPTIONS = (
    "turn to the left without moving",
    "turn to the right without moving",
    "move one step ahead, unless something is in the way",
    "take the thing right in front of you into your hand",
    "put the thing in your hand down right in front of you",
    "open or close what is right in front of you; a locked door needs the key of its colour in your hand",
)
_ADVICE = (
    "Things are reached by standing right in front of them, facing them.\n"
    "If what you see stays the same, the last action changed nothing: choose another."
)
# At the end of what is sent, where small models heed it; past turns are without.
_ALONE = "What do you do? Answer with one of these actions and nothing else: {actions}."
_REASONED = (
    "What do you do? You may think first, in a few sentences. End with a line of its own that names one of "
    f"these actions: {{actions}}. Write it like this:\n{ACTION_LABEL} {{example}}"
)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A past step: what was told, and the answer as it is repeated."""

    told: str
    answered: str


class Conversation:
    """The messages of an episode, made of its situations and answers."""

    def __init__(self, settings: ConversationConfig, examples: Sequence[Message] = ()) -> None:
        """Begin.

        Args:
            settings: of the run.
            examples: turns of other episodes, sent before those of this one.
        """
        self._settings, self._examples = settings, examples
        self._turns: deque[_Turn] = deque(maxlen=settings.window)
        self._remark = ""  # on the last answer, told before the next observation
        self._told = ""
        self._asked_again: list[Message] = []

    def observe(self, situation: Situation) -> None:
        """Take in the situation that the next action is asked for."""
        seen = told(situation, goal=bool(self._settings.examples))
        self._told = f"{self._remark}\n\n{seen}" if self._remark else seen
        self._remark = ""
        self._asked_again = []

    def messages(self, situation: Situation) -> list[Message]:
        """Return what is sent: the task, past turns, the present one, and invalid answers to it."""
        past = [
            {"role": role, "content": content}
            for turn in self._turns
            for role, content in (("user", turn.told), ("assistant", turn.answered))
        ]
        task = {"role": "system", "content": _task(situation, self._settings)}
        *before, last = [{"role": "user", "content": self._told}, *self._asked_again]
        question = _question(situation.actions, self._settings.reasoning)
        asked = {**last, "content": f"{last['content']}\n\n{question}"}
        return [task, *self._examples, *past, *before, asked]

    def ask_again(self, answer: str) -> None:
        """Say that an answer named no action, so that the next messages ask once more."""
        self._asked_again += [
            {"role": "assistant", "content": _repeated(answer)},
            {"role": "user", "content": "That names none of the actions."},
        ]

    def acted(self, phrase: str) -> None:
        """Note that the model named an action."""
        self._turns.append(_Turn(self._told, named(phrase, self._settings.reasoning)))

    def replaced(self, answer: str, phrase: str) -> None:
        """Note that an answer named no action, and what was done instead; no phrase means nothing."""
        self._turns.append(_Turn(self._told, _repeated(answer)))
        done = f"so this was done: {phrase}." if phrase else "so nothing was done."
        self._remark = f"Your last answer named none of the actions, {done}"


def told(situation: Situation, goal: bool) -> str:
    """Return what a turn tells: what is seen, after the goal if ``goal`` and if it is not hidden."""
    seen = "\n".join(situation.observation.sentences) or "You see nothing."
    mission = situation.observation.mission
    return f"Your goal: {mission}\n{seen}" if goal and mission else seen


def named(phrase: str, reasoning: bool) -> str:
    """Return an action as a past turn repeats it."""
    return f"{ACTION_LABEL} {phrase}" if reasoning else phrase


def _task(situation: Situation, settings: ConversationConfig) -> str:
    actions, mission = situation.actions, situation.observation.mission
    goal = f"Your goal: {mission}\n\n" if mission else ""
    advice = f"\n\n{_ADVICE}" if settings.hints else ""
    return (
        "You are in a world of square cells, and act in it one step at a time. Each turn you are told what "
        f"you see ahead of you; distances are in steps.\n\n{goal}"
        f"Your actions:\n{_offered(actions, settings.hints)}{advice}"
    )


def _question(actions: Sequence[str], reasoning: bool) -> str:
    asked = _REASONED if reasoning else _ALONE
    return asked.format(actions=", ".join(actions), example=actions[0])


def _offered(actions: Sequence[str], described: bool) -> str:
    if not described:
        return "\n".join(actions)
    descriptions = [*_DESCRIPTIONS, *["do nothing"] * len(actions)]
    return "\n".join(f"{action}: {text}" for action, text in zip(actions, descriptions, strict=False))


def _repeated(answer: str) -> str:
    """Return an invalid answer as later messages hold it: never empty, which some servers refuse."""
    return answer.strip()[:_LONGEST] or "(no answer)"
