"""The directory of results: one suite's, one invocation's, never mixed."""

import json
import os
from pathlib import Path

import pytest

from glam_eval.config.loading import load_suite
from glam_eval.core.errors import UserError
from glam_eval.suites.directory import check_directory, claimed


@pytest.fixture
def suite(tiny_suite):
    return load_suite(str(tiny_suite))


def test_a_new_directory_is_made_and_named(tmp_path, suite):
    out = tmp_path / "a" / "b"
    check_directory(out, suite)
    assert not out.parent.exists()
    with claimed(out, suite):
        assert json.loads((out / "suite.json").read_text())["name"] == "tiny"


def test_the_same_suite_may_continue_and_grow(tmp_path, suite, tiny_suite):
    out = tmp_path / "out"
    with claimed(out, suite):
        pass
    check_directory(out, suite)
    check_directory(out, load_suite(str(tiny_suite), ["seeds=7", "title='x'"]))


def test_another_configuration_is_refused_and_named(tmp_path, suite, tiny_suite):
    out = tmp_path / "out"
    with claimed(out, suite):
        pass
    with pytest.raises(UserError, match=r"ppo\.steps: 10 there, 20 here"):
        check_directory(out, load_suite(str(tiny_suite), ["ppo.steps=20"]))


def test_another_suites_directory_is_refused(tmp_path, suite):
    with claimed(tmp_path / "out", suite):
        pass
    with pytest.raises(UserError, match="holds suite 'tiny'"):
        check_directory(tmp_path / "out", load_suite("quick"))


def test_foreign_files_are_refused_and_left_alone(tmp_path, suite):
    (tmp_path / "thesis.tex").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(UserError, match="holds other files"), claimed(tmp_path, suite, fresh):
            pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_is_no_directory(tmp_path, suite):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        check_directory(tmp_path / "file" / "out", suite)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_directory_is_named(tmp_path, suite):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="can't be written"):
        check_directory(tmp_path / "out", suite)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a file system that refuses new directories")
def test_a_directory_that_cannot_be_made_is_named(suite):
    with pytest.raises(UserError, match="can't be made"), claimed(Path("/proc/results"), suite):
        pass


def test_a_second_invocation_is_refused(tmp_path, suite):
    with (
        claimed(tmp_path / "out", suite),
        pytest.raises(UserError, match="in use by another glam-eval"),
        claimed(tmp_path / "out", suite),
    ):
        pass


def test_fresh_starts_over(tmp_path, suite, tiny_suite):
    out = tmp_path / "out"
    with claimed(out, suite):
        (out / "episodes").mkdir()
    changed = load_suite(str(tiny_suite), ["ppo.steps=20"])
    with claimed(out, changed, fresh=True):
        assert not (out / "episodes").exists()
    check_directory(out, changed)
