"""Real processes: one writes, merges and compacts until it is killed; another reads all the while."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tables import rows

from glam_eval.core.errors import UserError
from glam_eval.results import compact, finished_runs, load_results, table_names

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import EPISODE
from dataclasses import replace
from tables import finish
from glam_eval.results import RunTables, compact, finished_runs
out = Path(sys.argv[1])
for number in range(10_000):
    run_id = f"run{number:04d}"
    if run_id not in finished_runs(out):
        tables = RunTables(out, run_id)
        for frames in range(5):
            episodes = [replace(EPISODE, run_id=run_id, frames=frames, scene_seed=i) for i in range(400)]
            if not tables.has("episodes", str(frames)):
                tables.write("episodes", str(frames), episodes)
        tables.merge()
        finish(out, run_id)
    if number % 3 == 2:
        compact(out)
"""


def check(out: Path) -> int:
    """Every evaluation that is there is there once and whole, and finished runs have all of theirs."""
    finished = finished_runs(out)  # first: a run is finished after its rows are written
    frame = rows(out)
    assert (frame.groupby(["run_id", "frames", "scene_seed"]).size() == 1).all()
    assert (frame.groupby(["run_id", "frames"]).size() == 400).all()
    evaluations = frame.groupby("run_id").frames.nunique()
    assert all(evaluations[run_id] == 5 for run_id in finished)
    return len(evaluations)


@pytest.mark.parametrize("seconds", [0.5, pytest.param(1.1, marks=pytest.mark.thorough)])
def test_a_reader_sees_every_row_once_whatever_the_writer_does_and_when_it_is_killed(tmp_path, seconds):
    looks = 0
    for delay in (seconds, seconds * 0.7, seconds * 1.2):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(Path(__file__).parent)])
        seen = len(table_names(tmp_path)) and check(tmp_path)
        while seen < 2 and process.poll() is None:  # until it is at work
            if "episodes" in table_names(tmp_path):
                seen = check(tmp_path)
        deadline = time.monotonic() + delay
        while time.monotonic() < deadline:
            check(tmp_path)
            looks += 1
        process.kill()
        process.wait()
        assert process.returncode == -9
        check(tmp_path)
    compact(tmp_path)
    check(tmp_path)
    assert looks > 5


def test_a_table_that_never_holds_still_is_an_error(tmp_path):
    (tmp_path / "episodes").mkdir()
    (tmp_path / "episodes" / "a.parquet").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match="episodes changes while it is read"):
        load_results(tmp_path)
