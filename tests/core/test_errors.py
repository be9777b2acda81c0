"""One-line errors that name the nearest valid choice."""

import pytest

from glam_eval.core.errors import unknown


@pytest.mark.parametrize(
    ("name", "valid", "expected"),
    [
        ("qiuck", ["quick", "paper"], "unknown suite 'qiuck': did you mean 'quick'?"),
        ("zzz", ["quick", "paper"], "unknown suite 'zzz': choose one of paper, quick"),
        ("zzz", [f"level{i:02}" for i in range(40)], "there are 40, from 'level00' to 'level39'"),
    ],
)
def test_unknown_names_the_nearest(name, valid, expected):
    message = str(unknown("suite", name, valid))
    assert expected in message
    assert "\n" not in message
