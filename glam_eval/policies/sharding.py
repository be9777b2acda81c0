"""A language model's weights shared out among ranks by FSDP2: each holds a part of every weight.

Blocks, and T5's position biases, are gathered when they are computed, everything else while an answer is.
Every rank must therefore compute as many parts of a batch as every other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import (
    FSDPModule,
    MixedPrecisionPolicy,
    fully_shard,
    register_fsdp_forward_method,
)
from torch.distributed.tensor import DTensor, distribute_tensor

from glam_eval.core.errors import UserError
from glam_eval.policies.base import Policy
from glam_eval.policies.language_model import LanguageModelPolicy
from glam_eval.policies.scoring.blocks import METHOD, blocks_of, give_method

Result = TypeVar("Result")

_POSITION_BIAS = "relative_attention_bias"


class Whole(nn.Module):
    """A model with its heads: what is computed within a call has the weights outside of blocks whole."""

    def __init__(self, model: nn.Module, heads: nn.Module) -> None:
        super().__init__()
        self.model, self.heads = model, heads

    def forward(self, compute: Callable[[], Result]) -> Result:
        """Return what ``compute`` returns."""
        return compute()


def share_out(policy: Policy, device: str, ranks: int) -> Whole:
    """Leave a part of each weight of a policy to this rank, on its device; gradients are summed.

    The process group must be there, and every rank must do this at once.

    Args:
        policy: of a language model; its parameters are ``DTensor`` from now on, outside of calls.
        device: of this rank.
        ranks: how many there are.

    Returns:
        Within whose calls the policy computes.

    Raises:
        UserError: if the policy is of no language model.
    """
    if not isinstance(policy, LanguageModelPolicy):
        raise UserError("policy.sharded is for language models: leave it out for other agents")
    mesh = init_device_mesh(torch.device(device).type, (ranks,))
    half = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    whole = Whole(policy.model, policy.heads)
    biases = [each for name, each in policy.model.named_modules() if name.endswith(_POSITION_BIAS)]
    blocks = blocks_of(policy.model)
    for part in (*biases, *blocks, whole):
        casts = part in blocks and policy.config.precision == "bfloat16"
        precision = half if casts else MixedPrecisionPolicy()
        # Resharded after each pass, the outermost part as well: between calls no weight is whole.
        fully_shard(part, mesh=mesh, reshard_after_forward=True, mp_policy=precision)
        if part is not whole:
            give_method(part)
            register_fsdp_forward_method(part, METHOD)
    for part in whole.modules():
        if isinstance(part, FSDPModule):
            part.set_gradient_divide_factor(1.0)
            part.set_force_sum_reduction_for_comms(True)  # gloo has no other
    policy.model.held_by_ranks = True
    return whole


@contextmanager
def weights_together(whole: Whole, keep: bool) -> Iterator[None]:
    """Gather all weights, one after the other, on every rank at once.

    Args:
        whole: of ``share_out``.
        keep: whether this rank has them whole within, in its processor's memory, in their places.
    """
    places: list[tuple[nn.Module, str, Any]] = [
        (module, name, weight)
        for module in whole.modules()
        for name, weight in module._parameters.items()
        if isinstance(weight, DTensor)
    ]
    gathered: dict[int, nn.Parameter] = {}  # of the same weight in two places, one
    for weight in {id(each): each for _, _, each in places}.values():
        full = full_tensor(weight)
        if keep:
            gathered[id(weight)] = nn.Parameter(full, requires_grad=weight.requires_grad)
    try:
        for module, name, weight in places if keep else ():
            module._parameters[name] = gathered[id(weight)]
        yield
    finally:
        for module, name, weight in places:
            module._parameters[name] = weight


def full_tensor(tensor: DTensor) -> torch.Tensor:
    """Return all of a tensor in the processor's memory; every rank does this at once."""
    whole: torch.Tensor = tensor.full_tensor().detach().cpu()
    return whole


def part_like(tensor: torch.Tensor, weight: DTensor) -> DTensor:
    """Return the part of a whole tensor that this rank holds of a weight of the same shape; asks nobody."""
    there = tensor.to(weight.device)
    return distribute_tensor(there, weight.device_mesh, weight.placements, src_data_rank=None)


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Return the part of a tensor that is held here; all of it, if it is not shared out."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
