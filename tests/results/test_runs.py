"""The tables of a run: parts, merged files, and every way to be killed in between."""

from collections import Counter

import pandas as pd
import pyarrow.parquet as pq
import pytest
from kills import after_each_kill, listing
from tables import finish, rows, zeros

from glam_eval.core.answer_records import ProbeRecord
from glam_eval.core.errors import UserError
from glam_eval.core.records import TrainingRecord
from glam_eval.results import RunTables, columns_of, finished_runs, table_names, write_table


def test_parts_are_read_at_once_and_become_one_file_in_their_order(tmp_path, episodes):
    tables = RunTables(tmp_path, "r1")
    for frames in (300, 100, 200):
        tables.write("episodes", f"{frames:05d}-none", episodes("r1", frames))
    tables.write("probes", "00100", [])
    assert tables.parts("episodes") == ["00100-none", "00200-none", "00300-none"]
    assert len(pd.read_parquet(tmp_path / "episodes")) == 9
    before = rows(tmp_path)
    tables.merge()
    assert listing(tmp_path) == ["episodes", "episodes/r1.parquet", "probes", "probes/r1.parquet"]
    assert rows(tmp_path).equals(before)
    assert before.frames.tolist() == [100] * 3 + [200] * 3 + [300] * 3
    assert pd.read_parquet(tmp_path / "episodes").equals(before)
    assert list(rows(tmp_path, "probes").columns) == [c.name for c in columns_of(ProbeRecord)]
    described = pq.read_schema(tmp_path / "episodes" / "r1.parquet").field("length").metadata
    assert described[b"unit"] == b"steps"


@pytest.mark.parametrize("merged", [False, True])
def test_a_part_can_be_asked_for_whether_merged_or_not(tmp_path, episodes, merged):
    tables = RunTables(tmp_path, "r1")
    tables.write("episodes", "a", episodes("r1", 1, success=False))
    tables.write("episodes", "b", episodes("r1", 2, scenes=5))
    tables.write("steps", "a", [])
    if merged:
        tables.merge()
    assert tables.has("episodes", "a")
    assert tables.has("steps", "a")
    assert not tables.has("steps", "b")
    assert not tables.has("training", "a")
    assert tables.parts("episodes") == ["a", "b"]
    assert tables.read("episodes", "b", ["success", "frames"]).to_dict("list") == {
        "success": [True] * 5,
        "frames": [2] * 5,
    }
    assert tables.read("episodes", "a").success.tolist() == [False] * 3
    assert tables.read("episodes", "c") is None
    with pytest.raises(UserError, match="lacks the column colour"):
        tables.read("episodes", "a", ["colour"])


@pytest.mark.parametrize("merged", [False, True])
def test_parts_of_an_unfinished_run_are_replaced_and_discarded(tmp_path, episodes, merged):
    tables = RunTables(tmp_path, "r1")
    tables.write("training", "1", [zeros(TrainingRecord, entropy=0.1)])
    tables.write("training", "2", [zeros(TrainingRecord, entropy=0.2)])
    tables.write("episodes", "2", episodes("r1", 2))
    if merged:
        tables.merge()
    tables.write("training", "1", [zeros(TrainingRecord, entropy=0.100001)])
    assert rows(tmp_path, "training").entropy.tolist() == [0.100001, 0.2]
    tables.discard(lambda table, part: part <= "1")
    assert rows(tmp_path, "training").entropy.tolist() == [0.100001]
    assert tables.parts("episodes") == []
    assert table_names(tmp_path) == ["training"]
    tables.merge()
    assert [name for name in listing(tmp_path) if "." in name] == ["training/r1.parquet"]


def test_a_finished_runs_rows_are_never_written_again(tmp_path, episodes):
    tables = RunTables(tmp_path, "r1")
    tables.write("episodes", "1", episodes("r1", 1))
    tables.merge()
    finish(tmp_path, "r1")
    file = tmp_path / "episodes" / "r1.parquet"
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    again = RunTables(tmp_path, "r1")
    with pytest.raises(ValueError, match="r1 is finished"):
        again.write("episodes", "1", episodes("r1", 1, success=False))
    with pytest.raises(ValueError, match="r1 is finished"):
        again.discard(lambda table, part: False)
    again.merge()
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_names_that_readers_would_skip_and_files_of_others_are_refused(tmp_path, episodes):
    with pytest.raises(ValueError, match="no file name"):
        RunTables(tmp_path, "../r1")
    tables = RunTables(tmp_path, "r1")
    with pytest.raises(ValueError, match="no file name"):
        tables.write("episodes", "_a", episodes("r1", 1))
    with pytest.raises(UserError, match="unknown table 'episode'"):
        tables.has("episode", "a")
    write_table(tmp_path, "episodes", episodes("r1", 1), "r1")
    with pytest.raises(UserError, match=r"r1\.parquet was not made by this run"):
        tables.write("episodes", "a", episodes("r1", 1))
    assert len(rows(tmp_path)) == 3


def test_a_damaged_part_is_named_and_nothing_is_merged(tmp_path, episodes):
    tables = RunTables(tmp_path, "r1")
    for part in "ab":
        tables.write("episodes", part, episodes("r1", 1))
    file = tmp_path / "episodes" / "r1" / "b.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    before = listing(tmp_path)
    with pytest.raises(UserError, match=r"r1/b\.parquet is damaged"):
        tables.merge()
    assert listing(tmp_path) == before


def test_finished_runs_are_those_whose_row_says_so(tmp_path):
    assert finished_runs(tmp_path / "nowhere") == set()
    assert finished_runs(tmp_path) == set()
    finish(tmp_path, "r1")
    finish(tmp_path, "r2")
    finish(tmp_path, "r3", "failed")
    assert finished_runs(tmp_path) == {"r1", "r2"}


def keys(frame):
    """Which rows are there, how often."""
    return Counter(frame[["run_id", "frames", "scene_seed"]].itertuples(index=False, name=None))


@pytest.mark.thorough
def test_killed_at_any_operation_a_run_comes_to_the_same_tables(tmp_path, episodes):
    """As a suite does it: resume from a checkpoint, write what is not there, merge, say so in runs."""
    start, straight = tmp_path / "start", tmp_path / "straight"
    RunTables(start, "r0").write("episodes", "1", episodes("r0", 1))
    RunTables(start, "r0").merge()
    finish(start, "r0")
    RunTables(start, "r1").write("episodes", "1", episodes("r1", 1))
    RunTables(start, "r1").write(
        "episodes", "2", episodes("r1", 2, success=False)
    )  # later than the checkpoint

    def carry_out(out):
        if "r1" in finished_runs(out):
            return
        tables = RunTables(out, "r1")
        tables.discard(lambda table, part: part == "1")
        for frames in (1, 2, 3):
            if not tables.has("episodes", str(frames)):
                tables.write("episodes", str(frames), episodes("r1", frames))
            tables.write("training", str(frames), [zeros(TrainingRecord, run_id="r1", update=frames)])
        tables.merge()
        finish(out, "r1")

    *_, operations = after_each_kill(start, straight, carry_out)
    whole, wanted = keys(rows(straight)), {t: rows(straight, t) for t in table_names(straight)}
    assert (len(rows(straight)), set(whole.values())) == (12, {1})
    assert operations > 30
    for killed in after_each_kill(start, tmp_path / "work", carry_out):
        work = tmp_path / "work"
        seen = keys(rows(work))
        assert seen <= whole, killed
        assert {key for key in whole if key[:2] in {("r0", 1), ("r1", 1)}} <= set(seen), killed
        carry_out(work)
        assert listing(work) == listing(straight), killed
        for table, frame in wanted.items():
            pd.testing.assert_frame_equal(rows(work, table), frame, check_exact=True)


def test_killed_at_any_operation_a_merged_table_is_replaced_whole(tmp_path, episodes):
    start, work = tmp_path / "start", tmp_path / "work"
    for frames in (1, 2, 3):
        RunTables(start, "r1").write("episodes", str(frames), episodes("r1", frames))
    RunTables(start, "r1").merge()

    def write_again(out):
        tables = RunTables(out, "r1")
        tables.write("episodes", "2", episodes("r1", 2, success=False))
        tables.merge()

    for killed in after_each_kill(start, work, write_again):
        stored = rows(work)
        assert set(keys(stored).values()) == {1}, killed
        assert len(stored) == 9, killed
        write_again(work)
        assert listing(work) == ["episodes", "episodes/r1.parquet"], killed
        assert rows(work).success.tolist() == [True] * 3 + [False] * 3 + [True] * 3, killed
