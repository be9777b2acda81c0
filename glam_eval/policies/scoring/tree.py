"""The prefix tree of a list of actions: what the decoder runs on, so that no token is computed twice.

A node is a prefix that something follows; node 0 is the empty prefix, from which the first token is
predicted. An edge is one predicted token. A score is the sum of an action's edges, so actions may share
prefixes, be prefixes of one another, or repeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch

from glam_eval.core.errors import UserError


class Actions(NamedTuple):
    """The actions offered with a prompt, tokenised."""

    tokens: tuple[tuple[int, ...], ...]
    words: tuple[int, ...]  # words of each action


@dataclass(frozen=True, slots=True, eq=False)
class ActionTrees:
    """The trees of a batch of prompts; g is 1 where all prompts share one tree, else the number of prompts.

    N nodes, E edges, A actions and L tokens are the largest of the batch. Padding nodes see themselves
    alone; ``paths`` holds E where an action is over, an index for which callers keep a zero.
    """

    tokens: torch.Tensor  # (g, N) int64: token that leads to each node, the start token at the root
    depths: torch.Tensor  # (g, N) int64: number of tokens before the node
    visible: torch.Tensor  # (g, N, N) bool: True where the column's node is the row's, or an ancestor of it
    edge_parents: torch.Tensor  # (g, E) int64: node that predicts the edge's token
    edge_tokens: torch.Tensor  # (g, E) int64
    paths: torch.Tensor  # (g, A, L) int64: edges of each action
    lengths: torch.Tensor  # (g, A) float32: tokens of each action
    words: torch.Tensor  # (g, A) float32: words of each action
    offered: torch.Tensor  # (g, A) bool: False for padding

    def to(self, device: torch.device) -> "ActionTrees":
        """Return the trees on a device."""
        return ActionTrees(*(getattr(self, name).to(device) for name in self.__slots__))


@lru_cache(maxsize=4096)
def build_tree(actions: Actions, start_token: int) -> ActionTrees:
    """Return the tree of one list of actions (g = 1): the same object for the same arguments.

    Raises:
        UserError: if there is no action, or one has no token.
    """
    if not actions.tokens or not all(actions.tokens):
        raise UserError("every prompt needs at least one action, and every action at least one token")
    nodes: dict[tuple[int, ...], int] = {(): 0}
    edges: dict[tuple[int, ...], int] = {}
    for action in actions.tokens:
        for depth in range(len(action)):
            nodes.setdefault(action[:depth], len(nodes))
            edges.setdefault(action[: depth + 1], len(edges))
    longest = max(map(len, actions.tokens))
    paths = torch.full((1, len(actions.tokens), longest), len(edges))
    for row, action in enumerate(actions.tokens):
        paths[0, row, : len(action)] = torch.tensor([edges[action[: i + 1]] for i in range(len(action))])
    visible = torch.zeros((1, len(nodes), len(nodes)), dtype=torch.bool)
    for prefix, node in nodes.items():
        visible[0, node, [nodes[prefix[:depth]] for depth in range(len(prefix) + 1)]] = True
    return ActionTrees(
        tokens=torch.tensor([[prefix[-1] if prefix else start_token for prefix in nodes]]),
        depths=torch.tensor([[len(prefix) for prefix in nodes]]),
        visible=visible,
        edge_parents=torch.tensor([[nodes[prefix[:-1]] for prefix in edges]]),
        edge_tokens=torch.tensor([[prefix[-1] for prefix in edges]]),
        paths=paths,
        lengths=torch.tensor([[float(len(action)) for action in actions.tokens]]),
        words=torch.tensor([[float(count) for count in actions.words]]),
        offered=torch.ones((1, len(actions.tokens)), dtype=torch.bool),
    )


def _pad(tensor: torch.Tensor, shape: Sequence[int], value: int | bool) -> torch.Tensor:
    padded = tensor.new_full((1, *shape), value)
    padded[tuple(slice(size) for size in tensor.shape)] = tensor
    return padded


def _end_at(tree: ActionTrees, edges: int) -> torch.Tensor:
    """Return the paths with another number of edges as the mark of their end."""
    return tree.paths.masked_fill(tree.paths == tree.edge_tokens.shape[1], edges)


def stack_trees(trees: Sequence[ActionTrees]) -> ActionTrees:
    """Return one batch of single trees, padded; equal trees in, one tree out (g = 1)."""
    if all(tree is trees[0] for tree in trees):
        return trees[0]
    nodes = max(tree.tokens.shape[1] for tree in trees)
    edges = max(tree.edge_tokens.shape[1] for tree in trees)
    actions = max(tree.paths.shape[1] for tree in trees)
    longest = max(tree.paths.shape[2] for tree in trees)
    eye = torch.eye(nodes, dtype=torch.bool)
    padded = [
        (
            _pad(tree.tokens, (nodes,), 0),
            _pad(tree.depths, (nodes,), 0),
            _pad(tree.visible, (nodes, nodes), False) | eye,
            _pad(tree.edge_parents, (edges,), 0),
            _pad(tree.edge_tokens, (edges,), 0),
            _pad(_end_at(tree, edges), (actions, longest), edges),
            _pad(tree.lengths, (actions,), 1),
            _pad(tree.words, (actions,), 1),
            _pad(tree.offered, (actions,), False),
        )
        for tree in trees
    ]
    return ActionTrees(*(torch.cat(column) for column in zip(*padded, strict=True)))
