"""Blocks of decoder-only models that are computed again in the backward pass: slower, and less is kept."""

from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from glam_eval.policies.scoring.blocks import blocks_of
from glam_eval.policies.scoring.decoder_only.attention import Switch, TreePass, current_pass


class _Again:
    """A block's forward pass; without gradients, and outside of passes over a tree, it is the usual one."""

    def __init__(self, forward: Any, switch: Switch) -> None:
        self._forward, self._switch = forward, switch

    def __call__(self, *given: Any, **named: Any) -> Any:
        tree = current_pass()
        if tree is None or not torch.is_grad_enabled():
            return self._forward(*given, **named)
        within = partial(self._within, tree)
        return checkpoint(within, *given, use_reentrant=False, preserve_rng_state=False, **named)

    def _within(self, tree: TreePass, *given: Any, **named: Any) -> Any:
        if current_pass() is tree:
            return self._forward(*given, **named)
        with self._switch.on(tree):  # in the backward pass, which is on no tree
            return self._forward(*given, **named)


def recompute_blocks(model: Any, switch: Switch) -> None:
    """Have a model's blocks keep what they are given alone, and compute the rest again when it is needed."""
    for block in blocks_of(model):
        if not isinstance(block.forward, _Again):
            block.forward = _Again(block.forward, switch)
