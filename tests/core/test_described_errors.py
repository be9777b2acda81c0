"""Errors of libraries as one line that says what to do."""

import errno

import pytest

from glam_eval.core.errors import UserError, described, is_disk_full, shortened


def chained(text, cause):
    error = RuntimeError(text)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/out/runs/a.parquet"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        chained("[enforce fail] unexpected pos 431936 vs 431888", OSError(errno.ENOSPC, "No space")),
    ],
)
def test_a_full_disk_is_called_that_with_where_and_the_way_on(error):
    line = described(error, "/out")
    assert is_disk_full(error)
    assert line.startswith("the disk is full at '/out")
    assert "free some space; the same command then continues" in line


def test_a_file_torn_for_unknown_reasons_names_both():
    line = described(
        RuntimeError("[enforce fail at inline_container.cc] . unexpected pos 431936 vs 431888"), "/out"
    )
    assert line.startswith("a file can't be written whole at '/out': is the disk full")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.EACCES, "Permission denied", "/a"), "Permission denied '/a'"),
        (UserError("one\nline"), "one"),
        (ValueError("bad\x1b[31m"), r"ValueError: bad\x1b[31m"),
        (ValueError(), "ValueError"),
    ],
)
def test_other_errors_are_one_printable_line(error, expected):
    assert described(error) == expected


def test_values_are_repeated_in_reasonable_length():
    assert shortened(10**5000) == "a number of thousands of digits"
    assert len(shortened("x" * 10**6)) < 300
    assert shortened("a'b") == repr("a'b")
