"""Proximal policy optimisation: the paper's hyperparameters, and ours for small models."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from glam_eval.config.settings import Fraction, Settings

PPO_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    # Found with the ladder's models; the rate by the suite grounding-search, on a level and seeds of its own.
    "small": {
        "learning_rate": 3e-4,
        "gae_lambda": 0.95,
        "epochs": 2,
        "minibatch": 256,
        "normalize_advantages": True,
        "value_clip": None,
        "reward_scale": 1.0,  # at 20 the value loss takes most of the clipped gradient
    },
}


class PPOConfig(Settings):
    """Proximal policy optimisation; defaults are the paper's (appendix E)."""

    kind: Literal["ppo"] = "ppo"
    """Which learner this is."""
    preset: Literal["paper", "small"] = "paper"
    """Values to start from, for some agents their own; keys given beside it win."""
    environments: PositiveInt = 32
    """Environments stepped together."""
    steps: PositiveInt = 40
    """Steps of each environment in a batch."""
    epochs: PositiveInt = 4
    """Passes over a batch."""
    minibatch: PositiveInt = 64
    """Samples of a gradient step."""
    learning_rate: PositiveFloat = 1e-6
    """Adam's learning rate."""
    heads_learning_rate: PositiveFloat | None = None
    """Adam's learning rate of the heads, which begin from nothing; none: the same."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """Course of the learning rate over the run."""
    adam_betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Adam's betas."""
    adam_epsilon: PositiveFloat = 1e-5
    """Adam's epsilon."""
    discount: Fraction = 0.99
    """Discount of future rewards."""
    gae_lambda: Fraction = 0.99
    """Lambda of generalized advantage estimation (arXiv 1506.02438)."""
    entropy_coefficient: Annotated[float, Field(ge=0)] = 0.01
    """Weight of the entropy bonus."""
    value_coefficient: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the value loss."""
    clip: PositiveFloat = 0.2
    """Clip range of the probability ratio."""
    value_clip: PositiveFloat | None = 0.2
    """Clip range of the value's change; none switches it off."""
    max_grad_norm: PositiveFloat = 0.5
    """Gradients are scaled down to this norm."""
    normalize_advantages: bool = False
    """Advantages of a batch to mean 0 and standard deviation 1."""
    timeouts: Literal["terminal", "bootstrap"] = "terminal"
    """Whether a time-out ends the return (paper) or the critic's value continues it."""
    reward_scale: PositiveFloat = 20.0
    """Every learner multiplies the reward by this (paper, section 4.1)."""
    target_kl: PositiveFloat | None = None
    """Stop an update's epochs when the approximate KL exceeds this; none switches it off."""
    recurrence: PositiveInt = 1
    """Steps of a recurrent policy that are trained as one sequence."""
    contrastive: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a triplet loss that brings a language model's states of one situation under two prompts
    together, and those of two situations apart (arXiv 2410.19920); 0 switches it off."""
    retold: str = "paper+goal_first+tags+paraphrase"
    """Prompt templates of which situations are retold in another than their own for it."""
    micro_batch_tokens: PositiveInt | None = None
    """Padded tokens that one forward and backward pass holds in memory; none: 2304, of small models more, and
    on a GPU what half of the memory that weights leave holds. Of decoder-only models prefixes, each once;
    none: 900. Results depend on it by rounding alone."""

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and str(values.get("preset")) in PPO_PRESETS:
            return {**PPO_PRESETS[values["preset"]], **values}
        return values

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        if self.minibatch > self.frames_per_update:
            raise ValueError(
                f"minibatch {self.minibatch} exceeds environments x steps = {self.frames_per_update}"
            )
        if self.steps % self.recurrence:
            raise ValueError(f"recurrence {self.recurrence} must divide steps {self.steps}")
        if len({*self.retold.split("+")}) < 2:
            raise ValueError(f'retold = {self.retold!r}: name two templates at least, as "paper+tags"')
        return self

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what runs of older versions didn't know: their digests, and so their names, stay."""
        values: dict[str, Any] = dump(self)
        if self.heads_learning_rate is None:
            values.pop("heads_learning_rate", None)
        if not self.contrastive:
            values.pop("contrastive", None)
            values.pop("retold", None)
        return values

    @property
    def frames_per_update(self) -> int:
        """Environment steps of one batch."""
        return self.environments * self.steps
