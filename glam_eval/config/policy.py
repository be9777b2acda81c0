"""How a language model becomes a policy: what it starts from, how it chooses, what is updated."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, SerializerFunctionWrapHandler, model_serializer, model_validator

from glam_eval.config.settings import Settings


class LoraConfig(Settings):
    """Low-rank adapters in place of full updates (arXiv 2106.09685), through ``peft``."""

    rank: PositiveInt = 8
    """Rank of the adapters."""
    alpha: PositiveInt = 16
    """Scale of the adapters, divided by the rank."""
    rank_stabilized: bool = False
    """Scale by the root of the rank in its place, so that large ranks learn as fast (arXiv 2312.03732)."""
    targets: Literal["all-linear", "attention"] | Annotated[tuple[str, ...], Field(min_length=1)] = (
        "all-linear"
    )
    """The layers adapted: each linear one but the output projection, best by arXiv 2305.14314; those of
    attention; or names, of which T5's are q, k, v, o, wi_0, wi_1 and wo, Llama's q_proj and so on."""


class PolicyConfig(Settings):
    """How a language model becomes a policy."""

    weights: Literal["pretrained", "random"] = "pretrained"
    """Transformer weights at the start."""
    embeddings: Literal["pretrained", "random"] = "pretrained"
    """Embeddings at the start."""
    action_choice: Literal["scoring", "head"] = "scoring"
    """Actions by the language-modelling head, or by a new MLP head."""
    normalization: Literal["sum", "token", "word", "logits"] = "sum"
    """Score of an action: summed log-probability, per token, per word (TWOSOME), or raw logits."""
    template: Literal["plain", "chat"] = "plain"
    """The prompt as it is, or laid out as turns by the tokenizer's own chat template."""
    end_of_sequence: bool = False
    """Append </s> to prompts and actions and score it, as releases before November 2023 did."""
    policy_softmax: Literal["softmax", "max_probability"] = "softmax"
    """Distribution over actions: of their scores, or softmax(p / max p) as in the first release."""
    value_head: bool = True
    """Whether there is a critic; PPO needs one."""
    head_hidden: PositiveInt = 1024
    """Hidden units of the value and action heads."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the transformer; log-probabilities and master weights are float32."""
    trainable: Literal["all", "decoder", "heads"] = "all"
    """Which weights are updated."""
    lora: LoraConfig | None = None
    """Adapters; none updates the weights themselves."""
    quantization: Literal["none", "8bit", "4bit"] = "none"
    """Under adapters: linear layers in 8 or 4 bits a weight, through ``bitsandbytes``."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: slower, in less memory."""
    compile: bool = False
    """Compile the transformer's layers by torch.compile, which takes minutes at first."""
    devices: PositiveInt = 1
    """Devices of this machine that divide every batch, a process each; sums are rounded by their number."""
    sharded: bool = False
    """Whether each of these devices holds a part of every weight and of the optimiser's state, not all."""

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what runs of older versions didn't know: their digests, and so their names, stay."""
        values: dict[str, Any] = dump(self)
        if self.devices == 1:
            values.pop("devices", None)
        if not self.sharded:
            values.pop("sharded", None)
        if self.quantization == "none":
            values.pop("quantization", None)
        return values

    @model_validator(mode="after")
    def _quantised_weights_stay(self) -> Self:
        if self.quantization == "none":
            return self
        if self.lora is None:
            raise ValueError(
                "quantised weights don't learn: give adapters by lora, or leave quantization out"
            )
        if "random" in (self.weights, self.embeddings):
            raise ValueError("quantization is for pretrained weights and embeddings: leave it out")
        if self.sharded:
            raise ValueError("quantised weights are not shared out: leave sharded or quantization out")
        return self

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.sharded and self.devices == 1:
            raise ValueError("sharded = true shares weights out among devices: set devices, too")
        if self.sharded and self.compile:
            raise ValueError("sharded = true leaves no layer to compile: leave compile out")
        return self
