"""Attention of a tree's nodes to their ancestors, as a function that ``transformers``' own blocks call."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface

from glam_eval.policies.scoring.decoder_only.half_attention import attend
from glam_eval.policies.scoring.decoder_only.prefixes import BLOCK, Layout

Outputs = tuple[torch.Tensor, ...]

NAME = "glam_eval_tree"  # in ``transformers``' register of attention functions


class KeysAndValues:
    """Keys and values of a tree's rows, layer by layer, where they outlive one forward pass."""

    def __init__(self) -> None:
        self._stored: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def put(
        self, layer: int, first: int, key: torch.Tensor, value: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store a layer's keys and values, (n, heads, d), as rows from ``first`` on; return all rows'."""
        end = first + len(key)
        stored = self._stored.get(layer)
        if stored is None or len(stored[0]) < end:
            room = max(end, 2 * first)
            grown = key.new_empty(room, *key.shape[1:]), value.new_empty(room, *value.shape[1:])
            for new, old in zip(grown, stored or (), strict=False):
                new[:first] = old[:first]
            stored = self._stored[layer] = grown
        stored[0][first:end], stored[1][first:end] = key, value
        return stored


class TreePass:
    """What attention needs to know in one forward pass over a layout.

    Args:
        layout: of the nodes.
        keys: the layout's, where they are computed.
        stored: keys and values of earlier passes, to which this one's are added; None without any.
    """

    def __init__(self, layout: Layout, keys: torch.Tensor, stored: KeysAndValues | None) -> None:
        self.first, self._stored, self.keys = layout.first, stored, keys
        self._visible = torch.from_numpy(layout.visible).to(keys.device)
        self._masks: dict[tuple[torch.dtype, int], torch.Tensor] = {}
        self._shared: tuple[object, torch.Tensor, Outputs] | None = None

    def mask(self, dtype: torch.dtype, groups: int) -> torch.Tensor:
        """Return (B, 1, BLOCK x groups, K): 0 where a query, ``groups`` times each, may look, else -inf."""
        if (dtype, groups) not in self._masks:
            visible = self._visible[:, None].repeat_interleave(groups, dim=2)
            mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
            self._masks[dtype, groups] = mask.masked_fill_(~visible, -torch.inf)
        return self._masks[dtype, groups]

    def once(
        self, group: Callable[[torch.Tensor, torch.dtype], Outputs], states: torch.Tensor, dtype: torch.dtype
    ) -> Outputs:
        """Return what a group of layers makes of states: computed for the first of them that is asked."""
        if self._shared is None or self._shared[0] is not group or self._shared[1] is not states:
            self._shared = group, states, group(states, dtype)
        return self._shared[2]

    def rows(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values of the blocks' lists, each (B, heads, K, d)."""
        if self._stored is not None:
            key, value = self._stored.put(layer, self.first, key, value)
        picked = (each.index_select(0, self.keys.flatten()) for each in (key, value))
        keys, values = (each.view(*self.keys.shape, *each.shape[1:]).transpose(1, 2) for each in picked)
        return keys, values


_here = threading.local()


def current_pass() -> TreePass | None:
    """Return the pass over a tree that this thread is in."""
    return getattr(_here, "tree", None)


def tree_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001
    scaling: float | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Return attention's output (1, n, heads, d) for queries (1, heads, n, d), as blocks ask for it.

    Queries that share a head of keys are rows of one product, so that no key is copied for them.
    """
    tree: TreePass = _here.tree
    query, key, value = (each.squeeze(0).transpose(0, 1).to(value.dtype) for each in (query, key, value))
    count, heads, width = query.shape
    keys, values = tree.rows(module.layer_idx, key, value)
    blocks, groups = len(keys), heads // key.shape[1]
    if blocks * BLOCK > count:
        query = F.pad(query, (0, 0, 0, 0, 0, blocks * BLOCK - count))
    grouped = query.view(blocks, BLOCK, -1, groups, width).transpose(1, 2)
    queries = grouped.reshape(blocks, -1, BLOCK * groups, width)
    mask, scale = tree.mask(query.dtype, groups), width**-0.5 if scaling is None else scaling
    if softcap is None:
        mixed = attend(queries, keys, values, mask, scale)
    else:
        scores = queries @ keys.transpose(2, 3) * scale
        mixed = (softcap * torch.tanh(scores / softcap) + mask).softmax(-1) @ values
    apart = mixed.view(blocks, -1, BLOCK, groups, value.shape[-1]).transpose(1, 2)
    return apart.reshape(1, blocks * BLOCK, heads, -1).narrow(1, 0, count), None


AttentionInterface.register(NAME, tree_attention)


class Switch:
    """Has a model's blocks call ``tree_attention`` within, on any number of threads at once."""

    def __init__(self, config: Any) -> None:
        self._config, self._usual = config, config._attn_implementation
        self._inside, self._lock = 0, threading.Lock()

    @contextmanager
    def on(self, tree: TreePass) -> Iterator[None]:
        """Attend along a tree within, on this thread."""
        self._count(1)
        _here.tree = tree
        try:
            yield
        finally:
            del _here.tree
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._inside += change
            self._config._attn_implementation = NAME if self._inside else self._usual
