"""A server's model as an agent: who plays an episode by requests, and what all of its episodes share."""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path

from glam_eval.chat.answers import named_action
from glam_eval.chat.conversation import Conversation, Message
from glam_eval.chat.examples import make_examples
from glam_eval.chat.ledger import Completion, Ledger
from glam_eval.config.conversation import ConversationConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.records import RequestRecord
from glam_eval.core.seeds import stream
from glam_eval.core.world import IDLE, Situation
from glam_eval.environments.grid import FORWARD
from glam_eval.policies.base import Place, PolicyOutput
from glam_eval.policies.baselines import FixedPolicy

_MILLION = 1e6
_SEEDS = 2**31  # servers take seeds of 32 bits, some with a sign


def check_installed() -> None:
    """Raise a UserError if the package that makes requests is missing."""
    try:
        import httpx  # noqa: F401
    except ModuleNotFoundError:
        raise UserError("agents served by an endpoint need httpx: pip install 'glam-eval[chat]'") from None


def build(config: RunConfig, actions: int, device: str) -> "ChatAgent":  # noqa: ARG001
    """Return the agent of a run; nothing is asked yet."""
    return ChatAgent(config)


class ChatAgent(FixedPolicy):
    """A served model that is asked for each action; episodes go on side by side.

    Raises:
        UserError: if the run has no conversation, httpx is missing, the key in the environment is none, or
            there are fewer examples than the run asks for.
    """

    def __init__(self, config: RunConfig) -> None:
        check_installed()
        from glam_eval.chat.endpoint import Endpoint

        if config.conversation is None:
            raise UserError(f"agent {config.agent!r} is served by no endpoint")
        self.config, self.settings = config, config.conversation
        self.at_once = self.settings.in_flight
        self.examples = make_examples(config)
        self.ledger = Ledger()
        self.endpoint = Endpoint(config.model, self.settings)

    def prepare(self, situation: Situation) -> Situation:
        """Return the situation as it is."""
        return situation

    def evaluate(self, inputs: object, memory: object = None) -> PolicyOutput:  # noqa: ARG002
        """Raise a UserError: a served model answers episode by episode, and gives no probabilities."""
        raise UserError("a served model gives no probabilities: it plays episodes by its answers alone")

    def answerer(self, place: Place) -> "ChatPlayer":
        """Return who plays an episode."""
        return ChatPlayer(self, place)

    def keep(self, file: Path) -> None:
        """Keep every answer in a file from now on; what it holds already is not asked for again."""
        self.ledger.open(file)

    def halt(self) -> None:
        """Send nothing any more; answers on their way are kept."""
        self.endpoint.halt()


class ChatPlayer:
    """Plays one episode by asking for each action."""

    def __init__(self, agent: ChatAgent, place: Place) -> None:
        self._agent, self._place = agent, place
        self._settings: ConversationConfig = agent.settings
        self._conversation = Conversation(self._settings, agent.examples)
        self._step = 0
        self.requests: list[RequestRecord] = []

    def act(self, situation: Situation) -> int:
        """Return the action that the model names, or what an answer that names none comes to.

        Raises:
            NoAnswerError: if no answer came.
        """
        conversation, actions = self._conversation, situation.actions
        conversation.observe(situation)
        attempts = self._settings.attempts if self._settings.invalid == "retry" else 1
        for attempt in range(attempts):
            answer, action = self._ask(situation, attempt)
            if action is not None:
                break
            if attempt < attempts - 1:
                conversation.ask_again(answer)
        self._step += 1
        if action is not None:
            conversation.acted(actions[action])
            return action
        taken = FORWARD if self._settings.invalid == "forward" else IDLE
        conversation.replaced(answer, actions[taken] if taken < len(actions) else "")
        return taken

    def _ask(self, situation: Situation, attempt: int) -> tuple[str, int | None]:
        """Return what the model writes, now or when it was asked before, and the action that it names."""
        agent, place = self._agent, self._place
        messages = self._conversation.messages(situation)
        asked: dict[str, str | int] = {**asdict(place), "step": self._step, "attempt": attempt}
        asked["messages"] = _digest(messages)
        completion = agent.ledger.get(asked)
        if completion is None:
            # Not of the condition: conditions of one scene are pairs.
            draws = stream(
                agent.config.seed, "conversation", place.protocol, place.scene, self._step, attempt
            )
            completion = agent.endpoint.complete(messages, int(draws.integers(_SEEDS)), draws.random())
            agent.ledger.add(asked, completion)
        action = named_action(completion.text, situation.actions, self._settings.reasoning)
        self.requests.append(self._record(attempt, completion, action is not None))
        return completion.text, action

    def _record(self, attempt: int, completion: Completion, valid: bool) -> RequestRecord:
        place = self._place
        return RequestRecord(
            run_id=self._agent.config.run_id,
            frames=place.frames,
            protocol=place.protocol,
            shift=place.shift,
            scene_seed=place.scene,
            step=self._step,
            attempt=attempt,
            answer=completion.text,
            valid=valid,
            finish=completion.finish,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            cost=_cost(completion, self._settings),
            tries=completion.tries,
            seconds=completion.seconds,
        )


def _cost(completion: Completion, settings: ConversationConfig) -> float:
    """Return what an answer cost; NaN where a price or a number of tokens is not known."""
    read, written = completion.prompt_tokens, completion.completion_tokens
    if settings.prompt_price is None or settings.completion_price is None or min(read, written) < 0:
        return math.nan
    return (read * settings.prompt_price + written * settings.completion_price) / _MILLION


def _digest(messages: list[Message]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of messages."""
    return hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:16]
