import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pandas as pd
import pytest
from tables import zeros

from glam_eval.core import files
from glam_eval.core.answer_records import ProbeRecord
from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.core.errors import UserError
from glam_eval.core.records import TrainingRecord
from glam_eval.results import columns_of, load_results, write_table


def test_rows_come_back_and_pandas_reads_the_folder(tmp_path, episode):
    write_table(tmp_path, "episodes", [episode(), episode(scene_seed=8, success=False)], "one")
    write_table(tmp_path, "episodes", [episode(agent="bot")], "two")
    whole = pd.read_parquet(tmp_path / "episodes")
    assert whole.groupby("agent").success.mean().to_dict() == {"bot": 1.0, "gflan": 0.5}
    assert whole["return"].tolist() == [0.5] * 3
    ours = load_results(tmp_path)
    assert ours.astype(dict.fromkeys(ours.select_dtypes("category"), str)).equals(whole)


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    write_table(tmp_path, "probes", [], "empty")
    frame = load_results(tmp_path, "probes")
    assert list(frame.columns) == [c.name for c in columns_of(ProbeRecord)]
    assert frame.empty


def test_same_rows_give_the_same_bytes(tmp_path, episode):
    rows = [episode(scene_seed=i) for i in range(50)]
    a = write_table(tmp_path / "a", "episodes", rows, "x")
    b = write_table(tmp_path / "b", "episodes", rows, "x")
    assert a.read_bytes() == b.read_bytes()


def test_an_existing_file_is_kept_when_only_times_differ_and_refused_otherwise(tmp_path):
    row = zeros(TrainingRecord, grad_norm=float("nan"))
    target = write_table(tmp_path, "training", [row], "run")
    before = target.read_bytes()
    write_table(tmp_path, "training", [replace(row, seconds=99.0)], "run")
    assert target.read_bytes() == before
    with pytest.raises(UserError, match=r"run\.parquet exists with other content"):
        write_table(tmp_path, "training", [replace(row, entropy=0.1)], "run")
    target.write_bytes(before[:100])
    with pytest.raises(UserError, match=r"run\.parquet exists and can't be read"):
        write_table(tmp_path, "training", [row], "run")


def test_comparisons_are_replaced_by_the_newest(tmp_path):
    for estimate in (0.1, 0.2):
        write_table(tmp_path, "comparisons", [zeros(ComparisonRecord, estimate=estimate)], "all")
    assert load_results(tmp_path, "comparisons").estimate.tolist() == [0.2]


@pytest.mark.parametrize("name", ["_hidden", ".hidden", "", "a/b"])
def test_names_that_readers_would_skip_are_refused(tmp_path, episode, name):
    with pytest.raises(ValueError, match="no file name"):
        write_table(tmp_path, "episodes", [episode()], name)


def test_a_failed_write_leaves_nothing(tmp_path, episode, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(files, "force_to_disk", fail)
    with pytest.raises(OSError, match="disk full"):
        write_table(tmp_path, "episodes", [episode()], "one")
    assert list((tmp_path / "episodes").iterdir()) == []


def test_a_writer_killed_at_any_moment_leaves_only_whole_files(tmp_path, episode):
    script = textwrap.dedent("""
        import sys
        from glam_eval.core.records import EpisodeRecord
        from glam_eval.results import columns_of, write_table
        kinds = {str: "x", int: 1, float: 0.5, bool: True}
        row = EpisodeRecord(**{c.attribute: kinds[c.python_type] for c in columns_of(EpisodeRecord)})
        print("ready", flush=True)
        for i in range(100_000):
            write_table(sys.argv[1], "episodes", [row] * 2_000, f"file{i}")
    """)
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("episodes/*.parquet"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    files = list(tmp_path.glob("episodes/*.parquet"))
    assert len(files) >= 3
    (tmp_path / "episodes" / "_leftover.writing").write_bytes(b"half a fi")
    assert len(pd.read_parquet(tmp_path / "episodes")) == 2_000 * len(files)
