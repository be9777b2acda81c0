"""How a model that an endpoint serves is talked to: what is sent, what counts as an answer, at which pace."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, SerializerFunctionWrapHandler, model_serializer

from glam_eval.config.settings import Settings

# Keys that change how answers are fetched and what they cost, and none of what is asked.
NOT_OF_ANSWERS = (
    "endpoint", "in_flight", "requests_per_minute", "timeout_seconds", "tries", "backoff_seconds",
    "prompt_price", "completion_price",
)  # fmt: skip
_Price = Annotated[float, Field(ge=0)]


class ConversationConfig(Settings):
    """How a served model is talked to; a key for the endpoint is read from GLAM_EVAL_CHAT_KEY alone."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$")] = (
        "http://localhost:8000/v1"
    )
    """Base URL of an OpenAI-compatible server, without user, password or query; requests go to
    ENDPOINT/chat/completions."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    """Of sampling; none leaves it to the server, as some models ask."""
    window: Annotated[int, Field(ge=0, le=1000)] = 15
    """Past turns that a request repeats, each an observation and the action taken."""
    examples: Annotated[int, Field(ge=0, le=20)] = 0
    """Solved episodes that come before every conversation: the bot's, in training scenes of the run's own
    level, words and seed. Each turn then tells its goal."""
    hints: bool = False
    """Whether actions are described and advice is given."""
    reasoning: bool = False
    """Whether the model may write its thoughts before its action."""
    invalid: Literal["retry", "no-op", "forward"] = "forward"
    """What an answer that names no action comes to: it is asked again, nothing is done, or the agent goes
    forward; the next turn says so."""
    attempts: Annotated[int, Field(ge=2, le=20)] = 3
    """With retry: answers asked for in one step; after as many invalid ones nothing is done."""
    max_tokens: PositiveInt = 1024
    """Most tokens of an answer, reasoning included."""
    token_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls that limit."""
    seeded: bool = True
    """Whether requests carry a seed, of run, protocol, scene and step; some servers refuse it."""
    in_flight: Annotated[int, Field(ge=1, le=512)] = 8
    """Requests of a run that wait for answers at a time: so many episodes are played together."""
    requests_per_minute: PositiveFloat | None = None
    """Most requests of a run in a minute; none sets no limit."""
    timeout_seconds: PositiveFloat = 120.0
    """After which a request without a whole answer is given up, and tried again."""
    tries: Annotated[int, Field(ge=1, le=100)] = 7
    """Times a request is sent before its episode fails."""
    backoff_seconds: PositiveFloat = 1.0
    """Wait before a request is sent again, doubled each time up to a minute; a server's Retry-After wins."""
    prompt_price: _Price | None = None
    """Price of a million tokens read; costs are not counted without both prices."""
    completion_price: _Price | None = None
    """Price of a million tokens written."""

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what runs of older versions didn't know: their digests, and so their names, stay."""
        values: dict[str, Any] = dump(self)
        if not self.examples:
            values.pop("examples", None)
        return values
