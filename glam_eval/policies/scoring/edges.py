"""From values at the edges of action trees to one score per action, and what scores must satisfy."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch

from glam_eval.core.errors import UserError, unknown
from glam_eval.policies.scoring.packing import Prompt
from glam_eval.policies.scoring.tree import Actions, ActionTrees

Normalization = Literal["sum", "token", "word", "logits"]


def check_normalization(name: str) -> None:
    """Check that ``name`` is a way to normalise scores.

    Raises:
        UserError: if it is not.
    """
    if name not in get_args(Normalization):
        raise unknown("normalization", name, get_args(Normalization))


def reduce_edges(logits: torch.Tensor, trees: ActionTrees, normalization: Normalization) -> torch.Tensor:
    """Return action scores (n, A), float32; -inf where not offered.

    Args:
        logits: at the nodes, (n, N, vocabulary).
        trees: whose nodes they are.
        normalization: sum: log-probability (Carta et al. 2023). token, word: the sum divided by tokens or
            words (TWOSOME, arXiv 2401.14151). logits: the raw logits' sum, which is what the released code
            computes, without its padding.
    """
    logits = logits.float()
    count, _, vocabulary = logits.shape
    parents = trees.edge_parents.expand(count, -1)
    values = logits if normalization == "logits" else logits.log_softmax(-1)
    edges = values.flatten(1).gather(1, parents * vocabulary + trees.edge_tokens)
    return sum_edges(edges, trees, normalization)


def sum_edges(edges: torch.Tensor, trees: ActionTrees, normalization: Normalization) -> torch.Tensor:
    """Return action scores (n, A) of values at the trees' edges (n, E); see ``reduce_edges``."""
    paths = trees.paths.expand(len(edges), -1, -1)
    edges = torch.cat([edges, edges.new_zeros(len(edges), 1)], dim=1)
    scores = edges.gather(1, paths.flatten(1)).view(paths.shape).sum(-1)
    if normalization == "token":
        scores = scores / trees.lengths
    elif normalization == "word":
        scores = scores / trees.words
    return scores.masked_fill(~trees.offered, -torch.inf)


def check_lengths(longest: int | None, prompts: Sequence[Prompt], actions: Sequence[Actions]) -> None:
    """Raise a UserError if a prompt and an action together have more tokens than the model takes."""
    if longest is None:
        return
    for prompt, each in zip(prompts, actions, strict=True):
        tokens = len(prompt) + max(map(len, each.tokens)) - 1
        if tokens > longest:
            raise UserError(
                f"a prompt with its longest action has {tokens} tokens, and the model takes "
                f"{longest}: remember fewer observations"
            )


def check_finite(values: torch.Tensor, count: int) -> None:
    """Raise a UserError unless so many values are finite: NaN would be taken for an agent that fails.

    With gradients learners look at the loss, and know which of their settings made it so.
    """
    if not torch.is_grad_enabled() and int(values.isfinite().sum()) != count:
        raise UserError(
            "the model's outputs are not finite: its weights hold values too large, or training diverged"
        )
