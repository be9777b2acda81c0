"""Scores of actions from a tree of all prompts of a batch: each prefix and each prediction computed once."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from glam_eval.policies.scoring.blocks import half_precision, is_sharded
from glam_eval.policies.scoring.decoder_only.engine import CausalTreeEngine, PrefixMemory
from glam_eval.policies.scoring.decoder_only.logits import Projection, causal_logits
from glam_eval.policies.scoring.decoder_only.prefixes import Rows, by_prefix
from glam_eval.policies.scoring.edges import Normalization, check_finite, check_lengths, sum_edges
from glam_eval.policies.scoring.families import longest_input
from glam_eval.policies.scoring.packing import Prompt
from glam_eval.policies.scoring.transfer import transferred
from glam_eval.policies.scoring.tree import Actions, ActionTrees, build_tree, stack_trees

NODES_PER_BATCH = 4096  # without gradients: full-speed products, and no more memory than an update takes
LOGITS_AT_ONCE = 2**24  # numbers: with a large vocabulary, logits would outweigh all else that is kept
_NO_ACTION = Actions(tokens=((0,),), words=(1,))


class TreeScorer:
    """``Scorer`` for decoder-only models, through trees of prompts.

    Args:
        model: a Hugging Face model.
        normalization: of scores; see ``reduce_edges``.
        half: compute in bfloat16 (autocast) whatever the weights' type; scores are float32 all the same.
        gradient_checkpointing: see ``CausalTreeEngine``.
    """

    at_once = NODES_PER_BATCH

    def __init__(
        self,
        model: Any,
        normalization: Normalization,
        half: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        self.engine, self._model = CausalTreeEngine(model, gradient_checkpointing), model
        self._normalization: Normalization = normalization
        self._longest = longest_input(model.config)
        self._half = half or model.dtype == torch.bfloat16
        self._project = None if is_sharded(model) else Projection(model)

    @property
    def device(self) -> torch.device:
        """Where the model is: it may have been moved."""
        device: torch.device = self._model.device
        return device

    def run(
        self, prompts: Sequence[Prompt], actions: Sequence[Actions], memory: PrefixMemory | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scores (n, A) and the hidden states of the roots (n, d_model).

        Args:
            prompts: token ids, each (length,) int32.
            actions: the actions of each prompt.
            memory: of prefixes scored before with the same weights; without gradients alone.
        """
        check_lengths(self._longest, prompts, actions)
        width = max(len(each.tokens) for each in actions)
        parts = self._parts(prompts, actions)
        scores = torch.full((len(prompts), width), -torch.inf, device=self.device)
        roots = []
        for part in parts:
            offered = [actions[index] for index in part]
            with half_precision(self._model, self._half):
                hidden, rows = self._states([prompts[index] for index in part], offered, memory)
                found = self._scores(hidden, rows, offered)
            roots.append(self._roots(hidden, rows))
            places = torch.tensor(part, device=self.device)[:, None], torch.arange(found.shape[1])
            scores = scores.index_put(places, found)
        check_finite(scores, sum(len(each.tokens) for each in actions))
        return scores, self._in_order(roots, parts)

    def roots(self, prompts: Sequence[Prompt], memory: PrefixMemory | None = None) -> torch.Tensor:
        """Return the hidden states of the roots (n, d_model), where no action is scored."""
        actions = [_NO_ACTION] * len(prompts)
        check_lengths(self._longest, prompts, actions)
        parts, roots = self._parts(prompts, actions), []
        for part in parts:
            with half_precision(self._model, self._half):
                hidden, rows = self._states([prompts[index] for index in part], actions[: len(part)], memory)
            roots.append(self._roots(hidden, rows))
        found = self._in_order(roots, parts)
        check_finite(found, found.numel())
        return found

    def _parts(self, prompts: Sequence[Prompt], actions: Sequence[Actions]) -> list[list[int]]:
        """Return the batches: with gradients one alone, which the caller cut."""
        if torch.is_grad_enabled():
            return [list(range(len(prompts)))]
        return list(by_prefix(prompts, actions, NODES_PER_BATCH))

    def _states(
        self, prompts: Sequence[Prompt], actions: Sequence[Actions], memory: PrefixMemory | None
    ) -> tuple[torch.Tensor, list[Rows]]:
        if memory is not None:
            memory.make_room()
        return self.engine.states(prompts, actions, memory)

    def _roots(self, hidden: torch.Tensor, rows: list[Rows]) -> torch.Tensor:
        first = torch.tensor([each[0] for each in rows], device=self.device)
        return hidden.index_select(0, first).float()

    def _in_order(self, roots: list[torch.Tensor], parts: list[list[int]]) -> torch.Tensor:
        order = torch.tensor([index for part in parts for index in part], device=self.device)
        return torch.cat(roots).index_select(0, order.argsort())

    def _scores(self, hidden: torch.Tensor, rows: list[Rows], actions: Sequence[Actions]) -> torch.Tensor:
        """Return scores (n, A), float32: what several prompts predict from one node is predicted once."""
        trees = stack_trees([build_tree(each, 0) for each in actions])
        wide = np.stack([np.pad(each, (0, trees.tokens.shape[1] - len(each)), mode="edge") for each in rows])
        parents = np.take_along_axis(wide, trees.edge_parents.expand(len(rows), -1).numpy(), axis=1)
        tokens = np.broadcast_to(trees.edge_tokens.numpy(), parents.shape)
        flat = np.stack([parents, tokens], axis=-1).reshape(-1, 2)
        pairs, place = np.unique(flat, axis=0, return_inverse=True)
        nodes, of_pair = np.unique(pairs[:, 0], return_inverse=True)
        bounds = np.searchsorted(of_pair, np.arange(0, len(nodes) + self._nodes_at_once, self._nodes_at_once))
        where = transferred((nodes, of_pair, pairs[:, 1], place.reshape(-1)), self.device)
        values = self._values(hidden, where[0], where[1], where[2], bounds.tolist())
        edges = values.index_select(0, where[3])
        return self._summed(edges.view(parents.shape), trees.to(self.device))

    def _summed(self, edges: torch.Tensor, trees: ActionTrees) -> torch.Tensor:
        return sum_edges(edges, trees, self._normalization)

    @property
    def _nodes_at_once(self) -> int:
        width: int = self._model.get_output_embeddings().out_features
        return max(1, LOGITS_AT_ONCE // width)

    def _values(
        self,
        hidden: torch.Tensor,
        nodes: torch.Tensor,
        of_pair: torch.Tensor,
        tokens: torch.Tensor,
        bounds: Sequence[int],
    ) -> torch.Tensor:
        """Return values (P,) of pairs of a node and a token, sorted by node; logits are kept for few at once.

        Args:
            hidden: states of a tree's rows, (rows, d_model).
            nodes: rows that predict, (M,).
            of_pair: places in ``nodes``, ascending (P,).
            tokens: predicted, (P,).
            bounds: places in ``of_pair`` where so many nodes end as are computed at once.
        """
        at_once = self._nodes_at_once
        again = torch.is_grad_enabled() and len(nodes) > at_once
        values = []
        for first, (begin, end) in zip(range(0, len(nodes), at_once), pairwise(bounds), strict=True):
            inputs = (
                hidden.index_select(0, nodes[first : first + at_once]),
                of_pair[begin:end] - first,
                tokens[begin:end],
            )
            if again:
                values.append(checkpoint(self._chunk, *inputs, use_reentrant=False, preserve_rng_state=False))
            else:
                values.append(self._chunk(*inputs))
        return torch.cat(values)

    def _chunk(self, states: torch.Tensor, of_pair: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        logits = causal_logits(self._model, states, self._project).float()
        picked = logits[of_pair, tokens]
        if self._normalization == "logits":
            return picked
        return picked - logits.logsumexp(-1)[of_pair]
