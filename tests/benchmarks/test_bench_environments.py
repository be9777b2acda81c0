"""What the bench of the environment reports; how fast it is, it prints and no test asserts."""

import pytest

from glam_eval.benchmarks.environments import measure_environment
from glam_eval.core.errors import UserError


def test_both_worlds_are_measured_in_one_run():
    ours, theirs = measure_environment("GoToLocalS5N2", steps=600, slots=4, language="de")
    assert (ours.steps, theirs.steps) == (600, 120)
    assert theirs.ratio == 1
    assert ours.ratio == pytest.approx(ours.steps_per_second / theirs.steps_per_second)
    assert ours.steps_per_second == pytest.approx(ours.steps / ours.seconds)
    assert ours.episodes >= 600 / 25
    assert ours.reset_milliseconds > 0


def test_nothing_to_measure_is_an_error():
    with pytest.raises(UserError, match="fewer than the 32 slots"):
        measure_environment(steps=10)
