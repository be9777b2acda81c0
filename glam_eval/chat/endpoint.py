"""Requests to an OpenAI-compatible server, sent until an answer comes whole or there is no hope."""

import json
import threading
import time
from typing import Any

import httpx

from glam_eval.chat.conversation import Message
from glam_eval.chat.key import Key
from glam_eval.chat.ledger import Completion
from glam_eval.chat.pace import Pace
from glam_eval.config.conversation import ConversationConfig
from glam_eval.core.text import one_line
from glam_eval.policies.base import NoAnswerError

_LONGEST_WAIT = 60.0  # seconds between two tries, unless the server asks for more
_LONGEST_REST = 600.0  # seconds that a server may ask for
_LONGEST_BODY = 16 * 2**20  # bytes of an answer: what is longer is none
_LONGEST_REASON = 300  # characters of what a server says of a failure
_AGAIN = {408, 409, 425, 429}  # as all from 500 on: the same request may do later


class _Failed(Exception):  # noqa: N818  # it is caught here: another try follows, or NoAnswerError
    """A try that brought no answer."""

    def __init__(self, reason: str, again: bool = True, rest: float = 0.0) -> None:
        super().__init__(reason)
        self.again, self.rest = again, rest


class Endpoint:
    """A server's model, asked by many threads at once.

    Args:
        model: the name that the server knows.
        settings: where it is, and how it is asked.

    Raises:
        UserError: if the key in the environment is none.
    """

    def __init__(self, model: str, settings: ConversationConfig) -> None:
        self._model, self._settings = model, settings
        self._key = Key()
        self._halted = threading.Event()
        self._pace = Pace(settings.requests_per_minute, self._halted)
        self._client = httpx.Client(
            timeout=settings.timeout_seconds,
            limits=httpx.Limits(max_connections=settings.in_flight),
            headers=self._key.headers(),
        )

    def halt(self) -> None:
        """Send nothing any more, and wait for nothing; answers on their way still come."""
        self._halted.set()

    def complete(self, messages: list[Message], seed: int, jitter: float) -> Completion:
        """Return the model's answer to messages.

        Args:
            messages: the conversation.
            seed: of the sampling, where requests carry one.
            jitter: between 0 and 1: spreads the waits between tries, so that requests don't return together.

        Raises:
            NoAnswerError: if no try brings a whole answer, or all is halted.
        """
        body, tries = self._body(messages, seed), self._settings.tries
        for attempt in range(1, tries + 1):
            if not self._pace.turn():
                raise NoAnswerError("stopped before it was sent")
            began = time.monotonic()
            try:
                return self._answer(self._send(body), attempt, time.monotonic() - began)
            except _Failed as failed:
                reason = one_line(self._key.hidden_in(str(failed)))[:_LONGEST_REASON]
                if not failed.again:
                    raise NoAnswerError(reason) from None
                if failed.rest:
                    self._pace.rest(failed.rest)
                elif attempt < tries:
                    wait = min(self._settings.backoff_seconds * 2 ** (attempt - 1), _LONGEST_WAIT)
                    self._pace.sleep(wait * (0.5 + jitter))
        raise NoAnswerError(f"{reason} ({tries} tr{'ies' if tries > 1 else 'y'})")

    def _body(self, messages: list[Message], seed: int) -> bytes:
        settings = self._settings
        body: dict[str, Any] = {"model": self._model, "messages": messages}
        body[settings.token_limit] = settings.max_tokens
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        if settings.seeded:
            body["seed"] = seed
        return json.dumps(body).encode()

    def _send(self, body: bytes) -> bytes:
        """Return the body of the server's answer; the time for all of it is limited, and its size.

        Raises:
            _Failed: if it is no success, not whole, too long or too late.
        """
        url = f"{self._settings.endpoint.rstrip('/')}/chat/completions"
        headers = {"Content-Type": "application/json"}
        deadline, content = time.monotonic() + self._settings.timeout_seconds, bytearray()
        try:
            with self._client.stream("POST", url, content=body, headers=headers) as response:
                for part in response.iter_bytes():
                    content += part
                    if time.monotonic() > deadline:
                        raise _Failed(f"no whole answer in {self._settings.timeout_seconds:g} s")
                    if len(content) > _LONGEST_BODY:
                        raise _Failed(f"an answer of more than {_LONGEST_BODY:,} bytes")
        except httpx.TimeoutException:
            raise _Failed(f"no answer in {self._settings.timeout_seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Failed(f"{type(error).__name__} at {self._settings.endpoint}: {error}") from None
        if not response.is_success:
            said = content.decode(errors="replace")
            again = response.status_code in _AGAIN or response.status_code >= 500
            rest = _retry_after(response.headers.get("Retry-After", "")) if again else 0.0
            raise _Failed(f"HTTP {response.status_code} {_said(said)}".strip(), again, rest)
        return bytes(content)

    def _answer(self, content: bytes, tries: int, seconds: float) -> Completion:
        """Return what an answer holds; raises _Failed if it is none."""
        try:
            read = json.loads(content)
            choice = read["choices"][0]
            text = choice["message"]["content"]
            usage = read.get("usage") or {}
            return Completion(
                self._key.hidden_in(_storable(_text_of(text))),
                _storable(str(choice.get("finish_reason") or "")),
                _count(usage.get("prompt_tokens")),
                _count(usage.get("completion_tokens")),
                tries,
                seconds,
            )
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            raise _Failed(f"no answer of a chat: {content[:100].decode(errors='replace')!r}") from None


def _text_of(content: Any) -> str:
    """Return the text of a message; its content may be parts, or nothing where all tokens were thoughts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    if content is None or isinstance(content, str):
        return content or ""
    raise TypeError("a message's content is text")


def _storable(text: str) -> str:
    """Return a text without halves of characters, which JSON can hold and UTF-8 can't."""
    return text.encode(errors="replace").decode()


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else -1


def _retry_after(value: str) -> float:
    """Return the seconds that a server asks to rest, 0 where it does not say; dates are taken as not said."""
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return min(seconds, _LONGEST_REST) if seconds > 0 else 0.0


def _said(body: str) -> str:
    """Return what an error's body says: the message in it, if it is as OpenAI's are."""
    try:
        message = json.loads(body)["error"]["message"]
        return str(message)
    except (ValueError, KeyError, TypeError, RecursionError):
        return body
