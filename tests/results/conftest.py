from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from glam_eval.core.records import EpisodeRecord

EPISODE = EpisodeRecord(
    run_id="r0",
    agent="gflan",
    model="t5-nano",
    seed=0,
    frames=1000,
    protocol="generalization",
    shift="none",
    language="en",
    level="GoToLocal",
    task="goto",
    scene_seed=7,
    mission="go to",
    success=True,
    episode_return=0.5,
    length=3,
    bot_length=2,
    actions="012",
    steps_blocked=0,
    cells_visited=2,
    wrong_object=False,
    wrong_order=False,
)


@pytest.fixture
def episode() -> Callable[..., EpisodeRecord]:
    return partial(replace, EPISODE)


@pytest.fixture
def episodes() -> Callable[..., list[EpisodeRecord]]:
    """A run's episodes at one evaluation, a row a scene."""

    def make(run_id, frames, scenes=3, **changes):
        rows = range(scenes)
        return [replace(EPISODE, run_id=run_id, frames=frames, scene_seed=scene, **changes) for scene in rows]

    return make
