"""Logs that went through resumes are read as one run; damaged ones are refused, and nothing is written."""

import csv
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from program import answer

from glam_eval.core.errors import UserError
from glam_eval.importing.logs import read_log, read_returns
from glam_eval.importing.runs import import_runs
from glam_eval.results import load_results

HEADER = [
    *("update", "episodes", "frames", "duration", "return_mean", "success_rate", "num_frames_mean"),
    *("entropy", "policy_loss", "value_loss", "grad_norm"),
]
RUN = "gtl_Flan_T5small_seed_1"
RETURNS = "test/BabyAI-GoToLocal-v0/return_per_episode/no_modification_test.npy"


def row(update, duration=10.0, seen=0.0, **changed):
    """An update's row; ``seen`` tells rows of one update apart."""
    values = dict(
        zip(HEADER, [update, 30 * update, 1280 * update, duration, seen, 0.5, 40, 1, 0, 0, 1], strict=True)
    )
    return list((values | changed).values())


def write(file, rows, header=HEADER):
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return file


def test_an_update_logged_twice_counts_once_and_as_it_was_repeated(tmp_path):
    rows = [
        row(1, 10),
        row(2, 25),
        row(3, 45, seen=0.1),
        row(2, 12, seen=0.2),
        row(3, 30, seen=0.3),
        row(4, 31),
    ]
    write(tmp_path / "logs" / RUN / "log.csv", rows)
    assert import_runs(tmp_path / "logs", tmp_path / "out")["training"] == 4
    training = load_results(tmp_path / "out", "training")
    assert training["update"].tolist() == [1, 2, 3, 4]
    assert training["frames"].tolist() == [1280, 2560, 3840, 5120]
    assert training["return_mean"].tolist() == [0.0, 0.2, 0.3, 0.0]
    assert training["seconds"].tolist() == [10, 12, 18, 1]  # a new process counts from its own start


@given(
    st.lists(st.tuples(st.integers(2, 6), st.integers(0, 6)), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_any_course_of_resumes_is_the_straight_run(tmp_path_factory, processes, headers):
    """Each process does some updates and goes back some, at most to the beginning."""
    done, rows, last_words = 0, [], {}
    for number, (updates, back) in enumerate(processes):
        done = max(0, done - back)
        last_words = {update: words for update, words in last_words.items() if update <= done}
        if number and headers[number]:
            rows.append(HEADER)
        for step in range(1, updates + 1):
            rows.append(row(done + step, duration=2 * step, seen=number))
            last_words[done + step] = number
        done += updates
    log = read_log(write(tmp_path_factory.mktemp("run") / "log.csv", rows))
    assert log["update"].tolist() == list(last_words) == list(range(1, done + 1))
    assert log["return_mean"].tolist() == list(last_words.values())
    assert log["seconds"].tolist() == [2.0] * done  # a process of two updates or more begins with less


def test_a_diverged_run_keeps_its_numbers(tmp_path):
    log = read_log(write(tmp_path / "log.csv", [row(1, policy_loss="nan", grad_norm="inf")]))
    assert np.isnan(log["policy_loss"][0]) and np.isinf(log["grad_norm"][0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(1, frames="nan")], "line 2: frames is 'nan', expected a whole number"),
        ([row(1, frames="inf")], "line 2: frames is 'inf', expected a whole number"),
        ([row(1), row(2, frames="2560.5")], "line 3: frames is '2560.5', expected a whole number"),
        ([row(1, episodes=-1)], "line 2: episodes is '-1', expected a whole number"),
        ([row(1, frames="1e300")], "line 2: frames is '1e300', expected a whole number"),
        ([row(1, policy_loss="low")], "line 2: policy_loss is 'low', expected a number"),
        ([row(1, return_mean="")], "line 2: return_mean is '', expected a number"),
        ([row("total")], "line 2: update is 'total', expected a number"),
        ([row(1, success_rate=25)], "line 2: success_rate is '25', expected 0 to 1"),
        ([row(1), row(2, frames=640)], "line 3: frames or episodes go back"),
        ([row(1), row(2, frames=1280)], "line 3: frames or episodes go back"),
        ([row(1), row(2, episodes=3)], "line 3: frames or episodes go back"),
        ([row(1), row(2)[:5]], "line 3: 5 values for 11 columns"),
        ([row(1) + row(2)], "line 2: 22 values for 11 columns"),
    ],
)
def test_a_damaged_log_is_named_by_line_and_column(tmp_path, rows, message):
    with pytest.raises(UserError) as raised:
        read_log(write(tmp_path / "log.csv", rows))
    assert message in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x01\x02\xff", "no log of the released code"),
        ("update,frames".encode("utf-16"), "no log of the released code"),
        (b'"update', "no log of the released code"),
        (b"x" * 200_000, "no log of the released code"),
        (",".join([*HEADER, "frames"]).encode(), "has a column twice"),
    ],
)
def test_other_files_are_no_logs(tmp_path, content, message):
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_log(tmp_path / "log.csv")
    assert message in str(raised.value) and "\n" not in str(raised.value)


def huge(file):
    """A header that promises 8 TB, and 80 bytes."""
    np.save(file, np.zeros(10))
    file.write_bytes(file.read_bytes().replace(b"(10,), }" + b" " * 11, b"(1000000000000,), }"))


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (lambda file: np.save(file, np.zeros(3, dtype=[("return", "f8"), ("steps", "i8")])), "its type is"),
        (lambda file: np.save(file, np.array(["0.5", "0.7"])), "its type is"),
        (lambda file: np.save(file, np.array([0.5 + 1j])), "its type is"),
        (lambda file: np.save(file, np.array([{"a": 1}]), allow_pickle=True), "no array of numbers"),
        (lambda file: np.save(file, np.array([0.5, np.nan])), "must be finite"),
        (lambda file: np.save(file, np.array([0.5, np.inf])), "must be finite"),
        (lambda file: np.save(file, np.array([21.0])), "at most 20"),
        (lambda file: file.write_bytes(b"\x93NUMPY\x02\x00" + b"\xff\xff\xff\x7f" + b"{" * 1000), "no array"),
        (huge, "no array of numbers"),
    ],
)
def test_returns_are_finite_numbers(tmp_path, store, message):
    store(tmp_path / "a.npy")
    with pytest.raises(UserError) as raised:
        read_returns(tmp_path / "a.npy")
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_an_archive_of_arrays_is_no_array(tmp_path):
    np.savez(tmp_path / "a.npz", np.zeros(3))
    with pytest.raises(UserError, match="no array of numbers"):
        read_returns(tmp_path / "a.npz")


@pytest.mark.parametrize("returns", [[], [0.0, 0.0]])
def test_no_success_is_no_damage(tmp_path, returns):
    np.save(tmp_path / "a.npy", np.array(returns))
    assert read_returns(tmp_path / "a.npy").tolist() == returns


@pytest.mark.timeout(60)
@pytest.mark.parametrize("damaged", ["log.csv", RETURNS])
@pytest.mark.parametrize("damage", ["device", "pipe", "directory", "damage"])
def test_the_program_says_it_in_a_line_and_writes_nothing(tmp_path, damaged, damage):
    for name in ("a_" + RUN, "b_" + RUN):
        write(tmp_path / "logs" / name / "log.csv", [row(1)])
        (tmp_path / "logs" / name / RETURNS).parent.mkdir(parents=True)
        np.save(tmp_path / "logs" / name / RETURNS, np.zeros(2))
    file = tmp_path / "logs" / ("b_" + RUN) / damaged
    file.unlink()
    if damage == "device":
        file.symlink_to("/dev/zero")
    elif damage == "pipe":
        os.mkfifo(file)
    elif damage == "directory":
        file.mkdir()
    else:
        file.write_bytes(b"x" * 1000)
    done = answer("import-runs", tmp_path / "logs", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and str(file) in done.stderr
    assert not (tmp_path / "out").exists()
