"""All prompts of a batch and all their actions as one tree of tokens, of which every prefix is one node."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from glam_eval.policies.scoring.packing import Prompt
from glam_eval.policies.scoring.tree import Actions

BLOCK = 64  # queries that share a list of keys: their own rows, and those of their ancestors

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The nodes of a tree that are to be computed, in depth-first order, and whom each of them sees.

    Depth-first, a block of neighbours needs few keys: what came before a block and is an ancestor of one of
    them is an ancestor of (nearly) all.
    """

    first: int  # rows before this one are known already
    tokens: Rows  # (n,) of the rows from ``first`` on
    depths: Rows  # (n,) positions: tokens before
    keys: Rows  # (B, K) rows that a block of ``BLOCK`` queries may look at, padded by any row
    visible: NDArray[np.bool_]  # (B, BLOCK, K) True where the key is the query itself or an ancestor


class PrefixTree:
    """Nodes are rows, numbered as they come; a node's row is that of its prefix for good."""

    def __init__(self) -> None:
        self._children: dict[tuple[int, int], int] = {}  # by parent's row, at first -1, and token
        self._tokens: list[int] = []
        self._depths: list[int] = []

    def __len__(self) -> int:
        return len(self._tokens)

    def add(self, prompts: Sequence[Prompt], actions: Sequence[Actions]) -> tuple[Layout, list[Rows]]:
        """Add prompts with their actions; return what is new, and the rows of each one's nodes.

        Args:
            prompts: token ids, each (length,).
            actions: of each prompt.

        Returns:
            The layout, and every prompt's rows (N,) of its action tree's nodes, in ``build_tree``'s order.
        """
        first = len(self)
        texts = [
            (index, leaf, np.append(prompt, below).astype(np.int32))
            for index, (prompt, each) in enumerate(zip(prompts, actions, strict=True))
            for leaf, below in enumerate(branches(each).leaves)
        ]
        texts.sort(key=lambda text: sort_key(text[2]))
        paths, before = _Paths(), np.zeros(0, dtype=np.int32)
        for _, _, text in texts:
            shared = _common(before, text)
            paths.extend(shared, self._follow(paths.last[:shared], text[shared:].tolist()))
            before = text
        paths.close()
        path_of = {(index, leaf): path for (index, leaf, _), path in zip(texts, paths.all, strict=True)}
        rows = [
            np.array([path_of[index, leaf][len(prompt) - 1 + depth] for leaf, depth in branches(each).places])
            for index, (prompt, each) in enumerate(zip(prompts, actions, strict=True))
        ]
        return self._layout(first, paths), rows

    def _follow(self, path: Sequence[int], tokens: Sequence[int]) -> list[int]:
        """Return the rows of tokens after a path, new ones where it was never followed so far."""
        parent, depth, rows = path[-1] if path else -1, len(path), []
        for token in tokens:
            child = self._children.get((parent, token))
            if child is None:
                child = self._children[parent, token] = len(self._tokens)
                self._tokens.append(token)
                self._depths.append(depth)
            rows.append(child)
            parent, depth = child, depth + 1
        return rows

    def _layout(self, first: int, paths: "_Paths") -> Layout:
        """Return the layout of the rows from ``first`` on."""
        lists: list[list[int]] = []
        for start in range(first, len(self), BLOCK):
            end = min(start + BLOCK, len(self))
            texts = range(paths.begins[start], paths.begins[end - 1] + 1)
            seen = dict.fromkeys(paths.all[texts[0]])
            for number in texts[1:]:
                seen |= dict.fromkeys(paths.all[number][paths.shared[number] :])
            lists.append([row for row in seen if row < end])
        longest = max(map(len, lists), default=0)
        filled = [each + [each[0]] * (longest - len(each)) for each in lists]
        keys = np.array(filled, dtype=np.int64).reshape(len(lists), longest)
        padding = np.arange(longest) >= np.array([len(each) for each in lists])[:, None]
        tokens, depths = (np.array(each[first:], dtype=np.int64) for each in (self._tokens, self._depths))
        return Layout(first, tokens, depths, keys, self._visible(first, paths, keys, padding))

    def _visible(
        self, first: int, paths: "_Paths", keys: Rows, padding: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return whether a key is a query's ancestor or itself: on a text through both, and not below.

        Queries that pad the last block see its first key, for attention to nothing is not defined.
        """
        table = np.zeros((len(self), 3), dtype=np.int64)
        for column, numbers in enumerate((paths.begins, paths.ends)):
            table[list(numbers), column] = list(numbers.values())
        table[:, 2] = self._depths
        queries = np.arange(first, first + len(keys) * BLOCK).reshape(-1, BLOCK)
        real = queries < len(self)
        begins, _, depth = np.moveaxis(table[np.where(real, queries, first)], 2, 0)[:, :, :, None]
        key_begins, key_ends, key_depth = np.moveaxis(table[keys], 2, 0)[:, :, None]
        visible = (key_begins <= begins) & (begins <= key_ends) & (key_depth <= depth)
        visible &= ~padding[:, None] & real[:, :, None]
        visible[..., :1] |= ~real[:, :, None]
        return visible


class _Paths:
    """The rows of sorted texts, and by row the first and the last text through it."""

    def __init__(self) -> None:
        self.all: list[list[int]] = []
        self.shared: list[int] = []  # rows of a text that the one before has too
        self.begins: dict[int, int] = {}
        self.ends: dict[int, int] = {}

    @property
    def last(self) -> list[int]:
        return self.all[-1] if self.all else []

    def extend(self, shared: int, rows: list[int]) -> None:
        """Add a text that has its first rows in common with the one before, and these after them."""
        number = len(self.all)
        self.ends.update(dict.fromkeys(self.last[shared:], number - 1))
        self.begins.update(dict.fromkeys(rows, number))
        self.all.append(self.last[:shared] + rows)
        self.shared.append(shared)

    def close(self) -> None:
        """End the rows of the last text."""
        self.ends.update(dict.fromkeys(self.last, len(self.all) - 1))


@dataclass(frozen=True, slots=True)
class Branches:
    """A list of actions as texts: those of its tree's nodes that end a branch, and where each node lies."""

    leaves: tuple[tuple[int, ...], ...]
    places: tuple[tuple[int, int], ...]  # of each node of the tree: a leaf below it, and its depth


@lru_cache(maxsize=4096)
def branches(actions: Actions) -> Branches:
    """Return the branches of the tree that ``build_tree`` makes of actions, nodes in its order."""
    nodes = list(dict.fromkeys(action[:depth] for action in actions.tokens for depth in range(len(action))))
    inner = {node[:depth] for node in nodes for depth in range(len(node))}
    leaves = [node for node in nodes if node not in inner]
    places = [
        (next(i for i, leaf in enumerate(leaves) if leaf[: len(node)] == node), len(node)) for node in nodes
    ]
    return Branches(tuple(leaves), tuple(places))


def sort_key(text: Prompt) -> bytes:
    """Return what sorts texts by their tokens, so that texts with one beginning are neighbours."""
    return text.astype(">u4").tobytes()


def _common(one: Prompt, other: Prompt) -> int:
    """Return how many first tokens two texts have in common."""
    shorter = min(len(one), len(other))
    differs = np.flatnonzero(one[:shorter] != other[:shorter])
    return int(differs[0]) if len(differs) else shorter


def by_prefix(prompts: Sequence[Prompt], actions: Sequence[Actions], nodes: int) -> Iterator[list[int]]:
    """Yield the indices of batches of at most so many nodes (or one prompt), neighbours by their beginnings.

    Args:
        prompts: token ids, each (length,).
        actions: of each prompt.
        nodes: of a batch's tree, none of its prefixes counted twice.
    """
    keys = [sort_key(prompt) for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda index: (keys[index], actions[index].tokens))
    batch: list[int] = []
    size = 0
    for before, index in itertools.pairwise([order[0], *order]):
        below = len(branches(actions[index]).places) - 1
        fresh = len(prompts[index]) - _common(prompts[before], prompts[index]) + below
        if keys[before] == keys[index] and actions[before] == actions[index]:
            fresh = 0
        if batch and size + fresh > nodes:
            yield batch
            batch, size = [], 0
        size += fresh if batch else len(prompts[index]) + below
        batch.append(index)
    if batch:
        yield batch
