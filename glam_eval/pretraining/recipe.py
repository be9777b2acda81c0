"""How a rung of the ladder is pretrained: settings as TOML, one file a model."""

import math
import tomllib
from collections.abc import Sequence
from importlib import resources
from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from glam_eval.config.overrides import apply_overrides
from glam_eval.config.settings import Fraction, Settings
from glam_eval.core.errors import unknown
from glam_eval.policies.models.shapes import LADDER, SEED_MARK

_RECIPES = resources.files("glam_eval.pretraining") / "recipes"


class SpanSettings(Settings):
    """Span corruption; the defaults are those of Raffel et al. 2020, on short windows."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of a window's tokens that are left out."""
    mean_length: Annotated[float, Field(ge=1)] = 3.0
    """Mean length of a span left out, in tokens."""
    window: Annotated[int, Field(ge=8)] = 128
    """Tokens of a window of sentences."""


class Recipe(Settings):
    """The stages of the curriculum, then the whole mixture; tokens are those of source and target."""

    model: str
    """Embedded model whose shape is trained, for instance t5-nano."""
    seed: NonNegativeInt = 0
    """Seed of the first weights and of the data."""
    stage_tokens: NonNegativeInt
    """Most tokens of a stage of the curriculum, which is left sooner once it is learned; 0: no stages."""
    gate: Fraction = 0.95
    """Accuracy on a stage's held-out items at which it is learned."""
    gate_items: PositiveInt = 200
    """How many they are."""
    instruction_tokens: PositiveInt
    """Tokens of the whole mixture, after the curriculum."""
    least_tokens: NonNegativeInt = 0
    """Tokens of the curriculum and the mixture together; the mixture is prolonged to them if need be.

    So models with other stages, or whose stages ended sooner, are pretrained for as long.
    """
    without: tuple[str, ...] = ()
    """Groups of families that are left out (``mixture.GROUPS``); with all of them plain text remains."""
    span_share: Fraction = 0.1
    """Share of the whole mixture's tokens that are span corruption of plain text."""
    batch_tokens: PositiveInt = 8192
    """Tokens of a gradient step."""
    learning_rate: PositiveFloat
    """AdamW's learning rate after the warm-up, relative to the size of a tensor's first weights.

    As in Adafactor, with which T5 was trained (arXiv 1804.04235, section 8): one rate for all tensors moves
    embeddings of size 1 too slowly or queries of size 0.03 too fast.
    """
    warmup_steps: PositiveInt = 100
    """Gradient steps over which the learning rate rises from 0."""
    final_learning_rate: Fraction = 0.02
    """Share of the learning rate that the cosine ends at; it begins after the curriculum."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """AdamW's weight decay; norms, position biases and input embeddings have none."""
    beta_2: Annotated[float, Field(gt=0, lt=1)] = 0.98
    """Decay of AdamW's second moment: short, as fits a few thousand steps."""
    max_grad_norm: PositiveFloat = 1.0
    """Gradients are scaled down to this norm."""
    length_power: Fraction = 0.5
    """A target of n tokens weighs n^(1 - length_power): 0 counts tokens, 1 counts items."""
    spans: SpanSettings = SpanSettings()
    """Span corruption."""
    longest: PositiveInt = 512
    """Items of more tokens are left out."""
    micro_batch_tokens: PositiveInt = 4096
    """Tokens that one forward and backward pass holds in memory."""
    record_steps: PositiveInt = 100
    """Gradient steps between two records."""
    held_out: PositiveInt = 16
    """Held-out items of each family whose loss a record holds."""
    held_out_windows: PositiveInt = 64
    """Held-out windows of text whose loss a record holds."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.longest > self.batch_tokens:
            raise ValueError(f"longest {self.longest} is more than batch_tokens {self.batch_tokens}")
        return self

    @property
    def stage_steps(self) -> int:
        """Most gradient steps of a stage of the curriculum."""
        return math.ceil(self.stage_tokens / self.batch_tokens)

    def full_steps(self, began: int = 0) -> int:
        """Return the gradient steps of the whole mixture if it begins after ``began`` steps."""
        least = math.ceil(self.least_tokens / self.batch_tokens) - began
        return max(math.ceil(self.instruction_tokens / self.batch_tokens), least)

    def learning_rate_at(self, step: int, done: float = 0.0) -> float:
        """Return the learning rate of a gradient step, counted from 1: warm-up, then constant, then a cosine.

        ``done`` is the share of the whole mixture's steps that are taken with it, 0 before the mixture.
        """
        warmed = min(1.0, step / self.warmup_steps)
        share = 0.5 * (1 + math.cos(math.pi * done))
        return (
            self.learning_rate * warmed * (self.final_learning_rate + (1 - self.final_learning_rate) * share)
        )


def recipes() -> list[str]:
    """Return the models that a recipe ships for."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in _RECIPES.iterdir() if entry.name.endswith(".toml")
    )


def load_recipe(model: str, overrides: Sequence[str] = (), seed: int | None = None) -> Recipe:
    """Return a model's recipe with ``key=value`` overrides; "t5-nano-seed1" is t5-nano's with seed 1.

    Raises:
        UserError: for a model without a recipe, an unknown key or an invalid value.
    """
    rung, marked, number = model.partition(SEED_MARK)
    if rung not in recipes() or (marked and model not in LADDER):
        raise unknown("rung of the ladder", model, LADDER)
    values = tomllib.loads((_RECIPES / f"{rung}.toml").read_text(encoding="utf-8"))
    values = apply_overrides(values | {"model": model} | ({"seed": int(number)} if marked else {}), overrides)
    return Recipe.parse(values if seed is None else values | {"seed": seed}, source=f"recipe of {model}")
