"""Named random streams: each use of randomness has a name, and its own independent generator.

Two streams of one seed are independent whatever their order of use, so adding a consumer of randomness
never changes what another one draws. Training and test scenes are disjoint by construction: a test
scene's seed has bit 31 set, a training scene's has not.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

TEST_SCENE_BIT = 1 << 31


def stream_seed(seed: int, *path: str | int) -> int:
    """Return a 63-bit integer that depends on the run's seed and the stream's name alone."""
    name = "/".join([str(seed), *map(str, path)])
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """Return the generator of a named stream, for instance ``stream(seed, "rollout", "actions")``."""
    return np.random.Generator(np.random.PCG64(stream_seed(seed, *path)))


def training_scene_seeds(seed: int, slot: int, start: int = 0) -> Iterator[int]:
    """Yield the endless scene seeds of one environment slot of a run, from the ``start``-th on."""
    index = start
    while True:
        yield stream_seed(seed, "scenes", "train", slot, index) % TEST_SCENE_BIT
        index += 1


def test_scene_seeds(name: str, count: int) -> list[int]:
    """Return the fixed, distinct scene seeds of an evaluation: the same for every agent, shift and run."""
    seeds: dict[int, None] = {}
    index = 0
    while len(seeds) < count:
        seeds[TEST_SCENE_BIT + stream_seed(0, "scenes", "test", name, index) % TEST_SCENE_BIT] = None
        index += 1
    return list(seeds)


test_scene_seeds.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it by its name
