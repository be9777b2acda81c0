"""The replay of Q-learning: transitions in compact chunks, the oldest forgotten first."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glam_eval.policies.scoring.packing import Prompt

_FILE = "replay.npz"
_ARRAYS = ("tokens", "lengths", "actions", "rewards", "ends")


@dataclass(frozen=True, slots=True)
class Transitions:
    """A batch of b transitions."""

    prompts: list[Prompt]
    actions: NDArray[np.int64]  # (b,)
    rewards: NDArray[np.float32]  # (b,)
    ends: NDArray[np.bool_]  # (b,) the episode ended with this step
    next_prompts: list[Prompt]  # meaningless where the episode ended


class _Chunk:
    """T steps of n environments, and the prompts of the step after them, all prompts end to end."""

    def __init__(
        self,
        tokens: NDArray[np.integer[Any]],
        lengths: NDArray[np.int32],
        actions: NDArray[np.uint8],
        rewards: NDArray[np.float32],
        ends: NDArray[np.bool_],
    ) -> None:
        self.tokens, self.lengths = tokens, lengths
        self.actions, self.rewards, self.ends = actions, rewards, ends
        self.rewarded = np.flatnonzero(rewards)  # places with a reward
        self._stops = lengths.cumsum()

    def prompt(self, place: int) -> Prompt:
        """Return the prompt of a place, which is step x n + environment."""
        return self.tokens[self._stops[place] - self.lengths[place] : self._stops[place]].astype(np.int32)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        indices, states = (self.rewarded, self._stops), (self.tokens, self.lengths)
        return sum(each.nbytes for each in (*indices, *states, self.actions, self.rewards, self.ends))


class Replay:
    """At most ``capacity`` transitions, which come ``steps`` steps of ``slots`` environments at a time."""

    def __init__(self, capacity: int, steps: int, slots: int, vocabulary: int) -> None:
        self._steps, self._slots = steps, slots
        self._token_type: type[np.integer[Any]] = np.uint16 if vocabulary <= 1 << 16 else np.int32
        self._chunks: deque[_Chunk] = deque(maxlen=capacity // (steps * slots))

    def __len__(self) -> int:
        return len(self._chunks) * self._steps * self._slots

    @property
    def nbytes(self) -> int:
        """Memory of the transitions."""
        return sum(chunk.nbytes for chunk in self._chunks)

    def add(
        self,
        prompts: Sequence[Prompt],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float32],
        ends: NDArray[np.bool_],
    ) -> None:
        """Remember a chunk: (steps + 1) x slots prompts, and (steps, slots) of everything else."""
        tokens = np.concatenate(prompts).astype(self._token_type)
        lengths = np.array([len(prompt) for prompt in prompts], dtype=np.int32)
        self._chunks.append(_Chunk(tokens, lengths, actions.astype(np.uint8), rewards, ends))

    def sample(self, count: int, draws: np.random.Generator, rewarded_share: float = 0.0) -> Transitions:
        """Return transitions drawn uniformly, with replacement.

        A share of them is drawn uniformly from those with a reward, if there are any.
        """
        chosen = draws.integers(len(self), size=count)
        rewarded = self._draw_rewarded(round(rewarded_share * count), draws)
        chosen[: len(rewarded)] = rewarded
        size = self._steps * self._slots
        places = [(self._chunks[index // size], index % size) for index in chosen.tolist()]
        return Transitions(
            prompts=[chunk.prompt(place) for chunk, place in places],
            actions=np.array([chunk.actions.flat[place] for chunk, place in places], dtype=np.int64),
            rewards=np.array([chunk.rewards.flat[place] for chunk, place in places]),
            ends=np.array([chunk.ends.flat[place] for chunk, place in places]),
            next_prompts=[chunk.prompt(place + self._slots) for chunk, place in places],
        )

    def _draw_rewarded(self, count: int, draws: np.random.Generator) -> list[int]:
        """Return the numbers of transitions with a reward, none where there are none."""
        stops = np.cumsum([len(chunk.rewarded) for chunk in self._chunks])
        if not count or not stops[-1]:
            return []
        drawn = draws.integers(stops[-1], size=count)
        numbers = np.searchsorted(stops, drawn, side="right")
        size = self._steps * self._slots
        return [
            number * size + int(self._chunks[number].rewarded[place - stops[number]])
            for number, place in zip(numbers.tolist(), drawn.tolist(), strict=True)
        ]

    def save(self, directory: Path) -> None:
        """Write all transitions."""
        arrays = {
            name: np.concatenate([getattr(chunk, name) for chunk in self._chunks])
            for name in _ARRAYS
            if self._chunks
        }
        np.savez(directory / _FILE, allow_pickle=False, **arrays)

    def restore(self, directory: Path) -> None:
        """Read what ``save`` wrote."""
        self._chunks.clear()
        with np.load(directory / _FILE) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if not arrays:
            return
        lengths = arrays["lengths"].reshape(-1, (self._steps + 1) * self._slots)
        cuts = lengths.sum(axis=1).cumsum()[:-1]
        parts = [arrays[name].reshape(len(lengths), self._steps, -1) for name in _ARRAYS[2:]]
        for tokens, *rest in zip(np.split(arrays["tokens"], cuts), lengths, *parts, strict=True):
            self._chunks.append(_Chunk(tokens, *rest))
