"""``glam-eval compact``, as a person types it."""

import shutil
from pathlib import Path

from program import answer, assert_same_results

STUDY = Path(__file__).parents[2] / "results" / "grounding-cpu"


def test_it_says_what_it_did_and_says_nothing_new_the_second_time(tmp_path):
    out = tmp_path / "study"
    shutil.copytree(STUDY, out)
    for table in ("episodes", "runs"):
        (out / table / f"{table}.parquet").rename(out / table / "elsewhere.parquet")
    done = answer("compact", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("5 files -> 5, 1.")
    assert len(done.stdout.splitlines()) == 1
    assert (out / "episodes" / "episodes.parquet").exists()
    assert not (out / "episodes" / "elsewhere.parquet").exists()
    assert_same_results(STUDY, out)
    again = answer("compact", out)
    assert again.stdout.split(" files")[0] == "5"


def test_a_wrong_directory_is_one_line(tmp_path):
    for wrong, message in ((tmp_path, "holds no results"), (tmp_path / "x", "is no directory")):
        done = answer("compact", wrong)
        assert done.returncode == 2
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
