"""Prompts of one batch laid end to end: matrix products run over real tokens alone, attention per group."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Prompt = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Neighbouring prompts of (nearly) one length."""

    tokens: slice  # of the packed tokens
    prompts: slice  # of the batch
    count: int
    length: int
    mask: torch.Tensor | None  # (count, 1, 1, length) float32, 0 or -inf; None without padding

    def split(self, packed: torch.Tensor) -> torch.Tensor:
        """Return the group's part of a packed tensor (T, ...) as (count, length, ...)."""
        return packed[self.tokens].view(self.count, self.length, *packed.shape[1:])


def lengths_of(groups: Sequence[Group]) -> list[int]:
    """Return the length of every prompt of some groups."""
    return [group.length for group in groups for _ in range(group.count)]


@dataclass(frozen=True, slots=True, eq=False)
class PackedPrompts:
    """A batch of prompts, shortest first."""

    tokens: torch.Tensor  # (T,) int64
    groups: tuple[Group, ...]
    longest: int

    @property
    def count(self) -> int:
        """The number of prompts."""
        return sum(group.count for group in self.groups)


def _runs(lengths: Sequence[int], padding: float) -> Iterator[tuple[int, int]]:
    """Yield (first, end) of runs of ascending lengths that pad no prompt by more than ``padding``."""
    first = 0
    for index in range(1, len(lengths) + 1):
        if index == len(lengths) or lengths[index] > lengths[first] * (1 + padding):
            yield first, index
            first = index


def pack(prompts: Sequence[Prompt], device: torch.device, padding: float) -> PackedPrompts:
    """Return prompts laid end to end.

    Args:
        prompts: token ids, each (length,) int32, shortest first.
        device: where to put them.
        padding: the largest share of its length by which a prompt is padded to that of its group.
    """
    lengths = [len(prompt) for prompt in prompts]
    groups: list[Group] = []
    pieces: list[Prompt] = []
    start = 0
    for first, end in _runs(lengths, padding):
        count, length = end - first, lengths[end - 1]
        mask = None
        if lengths[first] < length:
            block = np.zeros((count, length), dtype=np.int32)
            mask = torch.full((count, 1, 1, length), -torch.inf)
            for row, prompt in enumerate(prompts[first:end]):
                block[row, : len(prompt)] = prompt
                mask[row, ..., : len(prompt)] = 0
            pieces.append(block.reshape(-1))
            mask = mask.to(device)
        else:
            pieces.extend(prompts[first:end])
        groups.append(Group(slice(start, start + count * length), slice(first, end), count, length, mask))
        start += count * length
    tokens = torch.from_numpy(np.concatenate(pieces)).to(device, torch.int64)
    return PackedPrompts(tokens, tuple(groups), lengths[-1])


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Yield the indices of batches of at most ``tokens`` tokens (or one prompt), shortest prompts first."""
    batch: list[int] = []
    size = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and size + lengths[index] > tokens:
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += lengths[index]
    if batch:
        yield batch
