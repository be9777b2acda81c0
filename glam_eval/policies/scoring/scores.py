"""From hidden states at tree nodes to one score per action; the library's ``score_actions``."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any, Protocol

import torch
import torch.nn.functional as F

from glam_eval.core.errors import UserError
from glam_eval.policies.lanes import even_parts, in_lanes, lane_count
from glam_eval.policies.scoring.bart import BartEngine
from glam_eval.policies.scoring.blocks import half_precision, is_sharded
from glam_eval.policies.scoring.decoder_only.one_by_one import CausalEngine
from glam_eval.policies.scoring.decoder_only.scores import TreeScorer
from glam_eval.policies.scoring.edges import (
    Normalization,
    check_finite,
    check_lengths,
    check_normalization,
    reduce_edges,
)
from glam_eval.policies.scoring.families import (
    BART_MODELS,
    CAUSAL_MODELS,
    WITHOUT_INTERFACE,
    check_family,
    longest_input,
)
from glam_eval.policies.scoring.packing import PackedPrompts, Prompt, batches, pack
from glam_eval.policies.scoring.t5 import T5_MODELS, T5Engine
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.policies.scoring.tree import Actions, ActionTrees, build_tree, stack_trees

TOKENS_PER_BATCH = 8192  # without gradients: large enough for full-speed products, small enough for caches


class Engine(Protocol):
    """A model family's forward pass."""

    @property
    def start_token(self) -> int:
        """The token fed at a tree's root."""

    @property
    def padding(self) -> float:
        """The share of padding accepted for fewer, larger calls."""

    def __call__(self, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        """Return the last hidden states at the trees' nodes, (n, N, d_model)."""

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the output projection of hidden states, (..., vocabulary)."""


class Scorer:
    """Scores prepared prompts in batches of like lengths, each distinct prompt once, order restored.

    Args:
        model: a Hugging Face model.
        engine: its forward pass.
        normalization: of scores; see ``reduce_edges``.
        half: compute in bfloat16 (autocast) whatever the weights' type; scores are float32 all the same.
    """

    at_once = TOKENS_PER_BATCH

    def __init__(self, model: Any, engine: Engine, normalization: Normalization, half: bool = False) -> None:
        self.engine, self._model, self.normalization = engine, model, normalization
        self._longest = longest_input(model.config)
        self._half = half or model.dtype == torch.bfloat16

    @property
    def device(self) -> torch.device:
        """Where the model is: it may have been moved."""
        device: torch.device = self._model.device
        return device

    def run(self, prompts: Sequence[Prompt], actions: Sequence[Actions]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scores (n, A) and the hidden states of the roots (n, d_model).

        Args:
            prompts: token ids, each (length,) int32.
            actions: the actions of each prompt.
        """
        width = max(len(each.tokens) for each in actions)

        def scores(hidden: torch.Tensor, trees: ActionTrees) -> torch.Tensor:
            part = reduce_edges(self.engine.logits(hidden), trees, self.normalization)
            return F.pad(part, (0, width - part.shape[1]), value=-torch.inf)

        roots, reduced = self._batched(prompts, actions, scores)
        check_finite(reduced, sum(len(each.tokens) for each in actions))
        return reduced, roots

    def roots(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return the hidden states of the roots (n, d_model), where no action is scored."""
        no_action = Actions(tokens=((self.engine.start_token,),), words=(1,))
        roots, _ = self._batched(prompts, [no_action] * len(prompts), lambda hidden, _: hidden[:, :1, 0])
        check_finite(roots, roots.numel())
        return roots

    def _batched(
        self,
        prompts: Sequence[Prompt],
        actions: Sequence[Actions],
        reduce: Callable[[torch.Tensor, ActionTrees], torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Run distinct prompts in batches; return the roots' states (n, d_model) and ``reduce``'s (n, k)."""
        check_lengths(self._longest, prompts, actions)
        keys = list(zip((prompt.tobytes() for prompt in prompts), actions, strict=True))
        distinct = list({key: index for index, key in reversed(list(enumerate(keys)))}.values())

        def run(batch: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
            members = [distinct[index] for index in batch]
            trees = stack_trees([build_tree(actions[index], self.engine.start_token) for index in members])
            trees = trees.to(self.device)
            packed = pack([prompts[index] for index in members], self.device, self.engine.padding)
            with half_precision(self._model, self._half):
                hidden = self.engine(packed, trees)
                return hidden[:, 0].float(), reduce(hidden, trees)

        lanes = 1 if is_sharded(self._model) else lane_count(self.device)
        parts = self._batches([len(prompts[index]) for index in distinct], lanes)
        roots, reduced = zip(*in_lanes(run, parts, lanes), strict=True)
        position = {keys[distinct[index]]: row for row, index in enumerate(chain.from_iterable(parts))}
        rows = torch.tensor([position[key] for key in keys], device=self.device)
        return torch.cat(roots)[rows], torch.cat(reduced)[rows]

    @staticmethod
    def _batches(lengths: list[int], lanes: int) -> list[list[int]]:
        """Return the batches: as many for each lane; with gradients one alone, which the caller cut."""
        if torch.is_grad_enabled():
            return list(batches(lengths, sum(lengths)))
        return even_parts(partial(batches, lengths), TOKENS_PER_BATCH * lanes, lanes)


def make_engine(model: Any, gradient_checkpointing: bool = False, compiled: bool = False) -> Engine:
    """Return the forward pass for a Hugging Face model.

    Args:
        model: of a T5 or a decoder-only family, on its device.
        gradient_checkpointing: see ``T5Engine``.
        compiled: the same; for it alone.

    Raises:
        UserError: if the model's family is not one whose forward pass is known to be exact here.
    """
    kind = model.config.model_type
    if kind in T5_MODELS:
        return T5Engine(model, gradient_checkpointing, compiled)
    check_family(kind)
    if compiled:
        raise UserError(f"policy.compile is for T5 models, not {kind}")
    if gradient_checkpointing:
        raise UserError(f"policy.gradient_checkpointing does not reach the blocks of {kind}: leave it out")
    return BartEngine(model) if kind in BART_MODELS else CausalEngine(model)


def make_scorer(
    model: Any,
    normalization: Normalization,
    half: bool = False,
    gradient_checkpointing: bool = False,
    compiled: bool = False,
) -> Scorer | TreeScorer:
    """Return what scores prompts for a Hugging Face model; see ``make_engine`` and ``Scorer``."""
    kind = model.config.model_type
    if kind in CAUSAL_MODELS - WITHOUT_INTERFACE and not compiled:
        return TreeScorer(model, normalization, half, gradient_checkpointing)
    return Scorer(model, make_engine(model, gradient_checkpointing, compiled), normalization, half)


def score_actions(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    actions: Sequence[str] | Sequence[Sequence[str]],
    normalization: Normalization = "sum",
    end_of_sequence: bool = False,
) -> torch.Tensor:
    """Return the log-probabilities of actions after prompts, (n_prompts, n_actions) float32.

    Args:
        model: a Hugging Face model with its weights.
        tokenizer: its tokenizer.
        prompts: n texts. A decoder-only model reads prompt and action as one text, so that a prompt which
            doesn't end with a space runs into the action; the tokens that they have in common are the
            prompt's, and the others' log-probabilities are summed.
        actions: one list for all prompts, or one list per prompt (shorter lists are padded with -inf).
        normalization: sum, token, word or logits.
        end_of_sequence: append ``</s>`` to prompts and actions and score it, as before November 2023.

    Raises:
        UserError: for an unknown normalization, an action without tokens, or not one list per prompt.
    """
    check_normalization(normalization)
    if not prompts:
        raise UserError("no prompt to score")
    lists: list[tuple[str, ...]]
    if all(isinstance(each, str) for each in actions):
        lists = [tuple(map(str, actions))] * len(prompts)
    else:
        lists = [tuple(each) for each in actions]
    if len(lists) != len(prompts):
        raise UserError(f"{len(lists)} action lists for {len(prompts)} prompts: give one, or one for each")
    cached = CachedTokenizer(tokenizer, joint=not model.config.is_encoder_decoder)
    pairs = zip(prompts, lists, strict=True)
    encoded = [cached.encode_choice(prompt, each, end_of_sequence) for prompt, each in pairs]
    ids, offered = zip(*encoded, strict=True)
    scores, _ = make_scorer(model, normalization).run(ids, offered)
    return scores
