"""The leakage audit finds nothing where nothing leaks, and what is planted; balanced scenes are balanced."""

import pytest

from glam_eval.core.errors import UserError
from glam_eval.core.seeds import test_scene_seeds as evaluation_seeds
from glam_eval.core.seeds import training_scene_seeds
from glam_eval.environments.audit import HELD_OUT_COMPOSITIONS, balanced_scenes, leakage_audit, missions_of
from glam_eval.environments.goals import task_of
from glam_eval.environments.levels import HELD_OUT, MIXED_KINDS


@pytest.mark.parametrize("episodes", [800, pytest.param(100_000, marks=pytest.mark.slow)])
def test_nothing_held_out_occurs_in_training(episodes):
    report = leakage_audit("MixedTrainLocal", episodes)
    assert report.leaks == ()
    assert report.held_out == (*HELD_OUT, *HELD_OUT_COMPOSITIONS)
    assert sum(report.tasks.values()) == episodes
    assert set(report.tasks) == set(MIXED_KINDS)
    assert not set(report.pairs) & set(HELD_OUT)
    assert len(report.pairs) == 24 - len(HELD_OUT)


def test_planted_leaks_of_every_sort_are_found():
    report = leakage_audit(
        "MixedTrainLocal", 300, held_out=("blue box", "yellow", "pickup_then_goto", "red key")
    )
    assert [(leak.kind, leak.name) for leak in report.leaks] == [
        ("pair", "blue box"),
        ("word", "yellow"),
        ("composition", "pickup_then_goto"),
    ]
    pair, word, composition = report.leaks
    assert pair.episodes == report.pairs["blue box"]
    assert "blue box" in pair.mission
    assert "yellow" in word.mission
    assert composition.episodes == report.tasks["pickup_then_goto"]
    assert [mission for _, mission, _ in missions_of("MixedTrainLocal", [pair.scene_seed])] == [pair.mission]


def test_a_planted_split_leaks_in_the_paper_sense():
    report = leakage_audit("MixedTrainLocal", 400, held_out=HELD_OUT, split="all")
    assert {leak.name for leak in report.leaks} == set(HELD_OUT)


def test_the_audit_reads_the_stream_that_runs_train_on():
    streams = [training_scene_seeds(7, slot) for slot in range(2)]
    scenes = [next(stream) for _ in range(3) for stream in streams]
    expected = [task_of(instruction) for _, _, instruction in missions_of("MixedTrainLocal", scenes[:5])]
    report = leakage_audit("MixedTrainLocal", 5, seed=7, slots=2)
    assert report.tasks == {kind: expected.count(kind) for kind in sorted(set(expected))}


def test_balanced_scenes_are_the_first_of_each_kind():
    seeds = evaluation_seeds("balance", 200)
    chosen = balanced_scenes("MixedTrainLocal", MIXED_KINDS, seeds, 8)
    assert list(chosen) == list(MIXED_KINDS)
    tasks = {seed: task_of(instruction) for seed, _, instruction in missions_of("MixedTrainLocal", seeds)}
    for kind, scenes in chosen.items():
        assert scenes == [seed for seed in seeds if tasks[seed] == kind][:8]


def test_too_few_scenes_of_a_kind_are_an_error():
    with pytest.raises(UserError, match="0 of pickup_then_pickup"):
        balanced_scenes("MixedTrainLocal", ["goto", "pickup_then_pickup"], range(20), 1)
    with pytest.raises(UserError, match="at least one episode"):
        leakage_audit("MixedTrainLocal", 0)
