"""Files appear whole or not at all: after errors, kills, for readers and through links."""

import hashlib
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.core import files


def names(directory):
    return sorted(entry.name for entry in directory.iterdir())


def test_a_file_is_replaced_and_its_folders_are_made(tmp_path):
    target = tmp_path / "new" / "deep" / "a.txt"
    files.write_text_atomically(target, "one\r\n")
    files.write_text_atomically(target, "zwei ä\n")
    assert target.read_bytes() == "zwei ä\n".encode()
    assert names(target.parent) == ["a.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.replace_atomically(target) as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_reader_of_a_table_sees_no_unfinished_file(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "one.parquet")
    with files.replace_atomically(tmp_path / "two.parquet") as unfinished:
        pd.DataFrame({"a": [2]}).to_parquet(unfinished)
        assert pd.read_parquet(tmp_path)["a"].tolist() == [1]
        assert unfinished.name.endswith(files.UNFINISHED)
    assert sorted(pd.read_parquet(tmp_path)["a"]) == [1, 2]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "a.txt"
    with files.replace_atomically(target) as one, files.replace_atomically(target) as two:
        one.write_text("one")
        two.write_text("two")
    assert target.read_text() == "one"
    assert names(tmp_path) == ["a.txt"]


def test_a_link_is_replaced_not_written_through(tmp_path):
    elsewhere, target = tmp_path / "elsewhere.txt", tmp_path / "link.txt"
    elsewhere.write_text("not ours")
    target.symlink_to(elsewhere)
    files.write_text_atomically(target, "ours")
    assert elsewhere.read_text() == "not ours"
    assert not target.is_symlink() and target.read_text() == "ours"


def test_permissions_are_those_the_user_asks_for(tmp_path):
    previous = os.umask(0o027)
    try:
        files.write_text_atomically(tmp_path / "a.txt", "a")
    finally:
        os.umask(previous)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    code = (
        "import os, signal, sys, pathlib; from glam_eval.core.files import replace_atomically\n"
        "with replace_atomically(pathlib.Path(sys.argv[1])) as unfinished:\n"
        "    unfinished.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    assert all(name == "a.txt" or name.endswith(files.UNFINISHED) for name in names(tmp_path))


@given(st.binary(max_size=200))
def test_checksums_are_sha256(tmp_path_factory, content):
    target = tmp_path_factory.mktemp("sums") / "file"
    files.write_bytes_atomically(target, content)
    assert files.sha256_of(target) == hashlib.sha256(content).hexdigest()


def test_what_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.force_to_disk(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        files.sha256_of(tmp_path / "nothing")
