"""How a language model becomes a policy: one documented, immutable group of options."""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

from glam_eval.core.errors import UserError, unknown
from glam_eval.policies.scoring.scores import Normalization


@dataclass(frozen=True, slots=True)
class LoraOptions:
    """Low-rank adapters in place of full updates (arXiv 2106.09685), through ``peft``."""

    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = ("q", "v")  # names of the linear layers adapted


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """Options of ``LanguageModelPolicy``; the defaults are the paper's.

    Raises:
        UserError: for a value that is not one of an option's choices.
    """

    normalization: Normalization = "sum"
    policy_softmax: Literal["softmax", "max_probability"] = "softmax"  # or softmax(p / max p): first release
    end_of_sequence: bool = False  # append </s> to prompts and actions and score it, as before November 2023
    action_choice: Literal["scoring", "head"] = "scoring"
    actions_count: int = 6  # outputs of the action head
    value_head: bool = True
    head_hidden: int = 1024
    precision: Literal["float32", "bfloat16"] = "float32"  # of the arithmetic; weights stay float32
    trainable: Literal["all", "decoder", "heads"] = "all"
    gradient_checkpointing: bool = False
    compile: bool = False
    lora: LoraOptions | None = None
    seed: int = 0  # of the heads' and adapters' first weights

    def __post_init__(self) -> None:
        hints: dict[str, Any] = get_type_hints(type(self))
        for name in ("normalization", "policy_softmax", "action_choice", "precision", "trainable"):
            value, valid = getattr(self, name), get_args(hints[name])
            if value not in valid:
                raise unknown(name, str(value), valid)
        for name in ("actions_count", "head_hidden"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")
