"""Seed streams: named, independent, stable; training and test scenes disjoint."""

from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.core.seeds import TEST_SCENE_BIT, stream, stream_seed, test_scene_seeds, training_scene_seeds


def test_streams_are_stable_across_versions():
    # A change here would silently change every published number.
    assert stream_seed(7, "rollout", 3) == 5368801767685862873


@given(st.integers(0, 2**31), st.text(min_size=1), st.text(min_size=1))
def test_streams_differ_by_name(seed, a, b):
    assert (stream_seed(seed, a) == stream_seed(seed, b)) == (a == b)


def test_one_stream_does_not_depend_on_the_use_of_another():
    lonely = stream(0, "a").random(5)
    stream(0, "b").random(100)
    assert np.array_equal(stream(0, "a").random(5), lonely)


@given(st.integers(0, 1000), st.integers(0, 63), st.integers(0, 50))
def test_scene_seeds_can_be_continued_from_anywhere(seed, slot, start):
    straight = list(islice(training_scene_seeds(seed, slot), start + 3))
    assert straight[start:] == list(islice(training_scene_seeds(seed, slot, start), 3))


def test_training_and_test_scenes_are_disjoint():
    training = {scene for slot in range(8) for scene in islice(training_scene_seeds(0, slot), 200)}
    tests = set(test_scene_seeds("generalization", 1000))
    assert len(tests) == 1000
    assert all(scene < TEST_SCENE_BIT for scene in training)
    assert all(TEST_SCENE_BIT <= scene < 2 * TEST_SCENE_BIT for scene in tests)


def test_a_longer_list_of_test_scenes_begins_with_the_shorter():
    assert test_scene_seeds("x", 20)[:5] == test_scene_seeds("x", 5)
