"""From texts and items to batches of token ids: a step's depends on the seed and the step alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from glam_eval.core.seeds import stream, stream_seed
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.policies.scoring.tree import ActionTrees
from glam_eval.pretraining.curriculum import CurriculumStage
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.recipe import Recipe, SpanSettings
from glam_eval.pretraining.spans import corrupt, sentinels, windows

BLOCK_STEPS = 32  # whose data one pass of the generators makes: to resume repeats at most one block


class Examples(Protocol):
    """The instruction mixture."""

    def __call__(self, seed: int, *, stages: Sequence[CurriculumStage]) -> Iterator[Example]:
        """Return endless items of a seed, most of the last of some stages."""


class Item(NamedTuple):
    """What the model reads and what it writes, as ids; targets end with ``</s>``."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]

    @property
    def tokens(self) -> int:
        """Tokens of source and target."""
        return len(self.source) + len(self.target)


class Encoder:
    """Texts as items. Sources carry no ``</s>``, as the prompts of the agents carry none."""

    def __init__(self, tokenizer: Any, spans: SpanSettings) -> None:
        self._cached, self._spans = CachedTokenizer(tokenizer), spans
        self._end, self._marks = tokenizer.eos_token_id, sentinels(tokenizer)

    def instruction(self, example: Example) -> Item:
        """Return an example's source and target."""
        target = np.array([*self._cached.encode(example.target), self._end], np.int32)
        return Item(self._cached.encode_prompt(example.source), target)

    def corrupted(self, sentences: Iterator[str], generator: np.random.Generator) -> Iterator[Item]:
        """Yield windows of sentences with spans left out."""
        share, mean_length = self._spans.share, self._spans.mean_length
        for window in windows(sentences, self._cached, self._spans.window):
            source, target = corrupt(window, self._marks, generator, share, mean_length)
            yield Item(source, np.append(target, np.int32(self._end)))


class Batches:
    """The data of a pretraining by stage and step, from 1.

    Args:
        recipe: the settings, seed included.
        tokenizer: the ladder's.
        stages: of the pretraining, the whole mixture last.
        examples: the endless instruction mixture of a seed; None for plain text alone.
        sentences: the endless plain text of a seed.
    """

    def __init__(
        self,
        recipe: Recipe,
        tokenizer: Any,
        stages: Sequence[CurriculumStage],
        examples: Examples | None,
        sentences: Callable[[int], Iterator[str]],
    ) -> None:
        self._recipe, self._stages = recipe, stages
        self._examples, self._sentences = examples, sentences
        self._encoder = Encoder(tokenizer, recipe.spans)
        self._made, self._batches = (-1, -1), [list[Item]()]

    def batch(self, step: int, stage: int) -> list[Item]:
        """Return the items of a step in a stage: as many as ``batch_tokens`` hold."""
        block, place = divmod(step - 1, BLOCK_STEPS)
        if (block, stage) != self._made:
            self._batches, self._made = self._make(block, stage), (block, stage)
        return self._batches[place]

    def _make(self, block: int, stage: int) -> list[list[Item]]:
        recipe = self._recipe
        seeds = {
            name: stream_seed(recipe.seed, "pretraining", name, stage, block)
            for name in ("examples", "sentences")
        }
        spans = self._encoder.corrupted(
            self._sentences(seeds["sentences"]), stream(recipe.seed, "pretraining", "spans", stage, block)
        )
        items: Iterator[Item] = iter(())
        if self._examples is not None:
            drawn = self._examples(seeds["examples"], stages=self._stages[: stage + 1])
            items = map(self._encoder.instruction, drawn)
        share = recipe.span_share if stage == len(self._stages) - 1 else 0.0
        of_spans = round((share if self._examples is not None else 1.0) * recipe.batch_tokens)
        batches = []
        for _ in range(BLOCK_STEPS):
            batch = list(_fill(spans, of_spans, recipe.longest)) if of_spans else []
            rest = recipe.batch_tokens - sum(item.tokens for item in batch)
            if self._examples is not None:
                batch += _fill(items, rest, recipe.longest)
            batches.append(batch)
        return batches


def _fill(items: Iterator[Item], tokens: int, longest: int) -> Iterator[Item]:
    """Yield the next items until they hold ``tokens``; those of more than ``longest`` are left out."""
    filled = 0
    for item in items:
        if item.tokens <= longest:
            filled += item.tokens
            yield item
        if filled >= tokens:
            return


def micro_batches(items: Sequence[Item], tokens: int) -> Iterator[list[Item]]:
    """Yield items in parts of at most ``tokens`` tokens (or one item), each part shortest source first.

    Targets are padded to the longest of their part, so like ones belong together; sources are packed.
    """
    part: list[Item] = []
    sources = 0
    for item in sorted(items, key=lambda item: (len(item.target), len(item.source))):
        if part and sources + len(item.source) + (len(part) + 1) * len(item.target) > tokens:
            yield sorted(part, key=lambda item: len(item.source))
            part, sources = [], 0
        part.append(item)
        sources += len(item.source)
    if part:
        yield sorted(part, key=lambda item: len(item.source))


def chains(targets: Sequence[NDArray[np.int32]], start_token: int) -> ActionTrees:
    """Return targets as the trees of one action each: node i follows the first i tokens of the target.

    Padding follows the shorter targets' ends, where no real node sees it.
    """
    longest = max(map(len, targets))
    tokens = torch.zeros((len(targets), longest), dtype=torch.int64)
    for row, target in enumerate(targets):
        tokens[row, : len(target)] = torch.from_numpy(target)
    nodes = torch.arange(longest)[None]
    lengths = torch.tensor([[float(len(target))] for target in targets])
    return ActionTrees(
        tokens=torch.cat([torch.full((len(targets), 1), start_token), tokens[:, :-1]], dim=1),
        depths=nodes,
        visible=torch.ones((1, longest, longest), dtype=torch.bool).tril(),
        edge_parents=nodes,
        edge_tokens=tokens,
        paths=torch.where(nodes < lengths, nodes, longest)[:, None],
        lengths=lengths,
        words=torch.ones_like(lengths),
        offered=torch.ones((len(targets), 1), dtype=torch.bool),
    )
