"""Compaction: the same rows in few files, whatever is killed, unfinished, foreign or hostile."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kills import after_each_kill, listing
from tables import every_row, finish, rows, zeros

from glam_eval.core.answer_records import LanguageRecord, ProbeRecord
from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.core.errors import UserError
from glam_eval.core.records import DemonstrationRecord
from glam_eval.results import RunTables, compact, compaction, finished_runs, load_results, write_table

SHIFTS = ("none", "new_nouns")


@pytest.fixture
def old_run(episodes):
    """A run as earlier versions stored it: a file for each checkpoint and condition."""

    def make(out, run_id, status="finished"):
        for frames in (900, 1000):
            for shift in SHIFTS:
                write_table(
                    out, "episodes", episodes(run_id, frames, shift=shift), f"{run_id}-{frames:06d}-{shift}"
                )
            actions = [
                zeros(ProbeRecord, run_id=run_id, frames=frames, action=a) for a in ("left", "right", "go")
            ]
            write_table(out, "probes", actions, f"{run_id}-{frames:06d}")
        finish(out, run_id, status)

    return make


@pytest.fixture
def new_run(episodes):
    """A run as it is stored now: parts, a file a table, and then its row."""

    def make(out, run_id, stage="finished"):
        tables = RunTables(out, run_id)
        for frames in (900, 1000):
            for shift in SHIFTS:
                tables.write("episodes", f"{frames:06d}-{shift}", episodes(run_id, frames, shift=shift))
        if stage in ("merged", "finished"):
            tables.merge()
        if stage == "finished":
            finish(out, run_id)

    return make


def contents(out):
    return {file: file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


def test_every_table_of_old_and_new_runs_becomes_one_file_in_order(tmp_path, old_run, new_run):
    new_run(tmp_path, "b")
    old_run(tmp_path, "c")
    old_run(tmp_path, "a")
    before = every_row(tmp_path)
    done = compact(tmp_path)
    assert [name for name in listing(tmp_path) if "." in name] == [
        "episodes/episodes.parquet",
        "probes/probes.parquet",
        "runs/runs.parquet",
    ]
    assert (done.files_before, done.files_after) == (3 + 1 + 2 * (4 + 2), 3)
    assert done.bytes_after == sum(map(len, contents(tmp_path).values())) < done.bytes_before
    assert every_row(tmp_path) == before
    ordered = rows(tmp_path)[["run_id", "frames", "shift", "scene_seed"]]
    assert ordered.values.tolist() == [
        [run, frames, shift, scene]
        for run in "abc"
        for frames in (900, 1000)
        for shift in sorted(SHIFTS)
        for scene in range(3)
    ]
    assert rows(tmp_path, "probes").action.tolist() == ["left", "right", "go"] * 4  # as they were offered
    assert pd.read_parquet(tmp_path / "episodes").equals(rows(tmp_path))
    assert finished_runs(tmp_path) == {"a", "b", "c"}


def test_again_changes_nothing_and_later_runs_join(tmp_path, old_run, new_run):
    at_once, in_turn = tmp_path / "at-once", tmp_path / "in-turn"
    for out in (at_once, in_turn):
        old_run(out, "b")
    compact(in_turn)
    before = {file: file.stat().st_mtime_ns for file in contents(in_turn)}
    assert compact(in_turn).files_before == 3
    assert {file: file.stat().st_mtime_ns for file in contents(in_turn)} == before
    for out in (at_once, in_turn):
        new_run(out, "a")
        compact(out)
    assert list(contents(at_once).values()) == list(contents(in_turn).values())
    assert listing(at_once) == listing(in_turn)


@pytest.mark.parametrize("stage", ["parts", "merged"])
def test_runs_that_go_on_or_failed_stay_as_they_are(tmp_path, old_run, new_run, stage):
    new_run(tmp_path, "goes-on", stage)
    old_run(tmp_path, "failed", "failed")
    finish(tmp_path, "done", "failed")  # before it was tried again
    theirs = contents(tmp_path)
    old_run(tmp_path, "done")
    write_table(tmp_path, "demonstrations", [], "bot")
    before = every_row(tmp_path)
    compact(tmp_path)
    after = contents(tmp_path)
    assert theirs.items() <= after.items()
    assert len(after) == len(theirs) + 4
    assert every_row(tmp_path) == before
    new_run(tmp_path, "goes-on")  # it resumes, and joins
    compact(tmp_path)
    assert set(load_results(tmp_path).run_id[load_results(tmp_path).run_id != "failed"]) == {
        "done",
        "goes-on",
    }
    assert not (tmp_path / "episodes" / "goes-on").exists()


def test_a_study_without_a_finished_run_stays_as_it_is(tmp_path, new_run):
    new_run(tmp_path, "a", "merged")
    (tmp_path / "suite.json").write_text("{}")
    before = contents(tmp_path)
    compact(tmp_path)
    assert contents(tmp_path) == before


def test_tables_outside_of_studies_need_no_runs(tmp_path):
    for model in ("t5-b", "t5-a"):
        write_table(tmp_path, "language", [zeros(LanguageRecord, run_id=model, model=model)], model)
    shown = DemonstrationRecord("GoToLocal", 1, 1, "prompt", ["left"], action=0, source="bot")
    for step in (2, 1):
        write_table(tmp_path, "demonstrations", [replace(shown, step=step)], f"bot-{step}")
    compact(tmp_path)
    assert len(contents(tmp_path)) == 2
    assert rows(tmp_path, "language").model.tolist() == ["t5-a", "t5-b"]
    assert rows(tmp_path, "demonstrations").step.tolist() == [1, 2]


def test_a_huge_table_becomes_a_few_files_that_shrink_and_grow(tmp_path, old_run, monkeypatch):
    old_run(tmp_path, "b")
    before = every_row(tmp_path)
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", 5)
    compact(tmp_path)
    names = [f"episodes-{number:03d}.parquet" for number in range(3)]
    assert listing(tmp_path / "episodes") == names
    assert every_row(tmp_path) == before
    assert rows(tmp_path).frames.is_monotonic_increasing
    whole = contents(tmp_path)
    compact(tmp_path)
    assert contents(tmp_path) == whole
    old_run(tmp_path, "a")
    before = every_row(tmp_path)
    compact(tmp_path)
    assert len(listing(tmp_path / "episodes")) == 5
    assert every_row(tmp_path) == before
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", 100)
    old_run(tmp_path, "c")
    compact(tmp_path)
    assert listing(tmp_path / "episodes") == ["episodes.parquet"]
    assert len(rows(tmp_path)) == 36


def test_only_the_tables_own_files_are_touched(tmp_path, old_run):
    write_table(tmp_path, "comparisons", [zeros(ComparisonRecord)], "comparisons")
    for name in (
        "report.html",
        "episodes/notes.txt",
        "mine/a.parquet",
        "episodes/_mine.parquet",
        "agents.parquet",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"theirs")
    (tmp_path / "comparisons" / "comparisons.parquet").write_bytes(b"damaged, but derived")
    theirs = contents(tmp_path)
    old_run(tmp_path, "a")
    compact(tmp_path)
    assert theirs.items() <= contents(tmp_path).items()


def test_files_made_elsewhere_keep_their_columns(tmp_path, episode, old_run):
    old_run(tmp_path, "a")
    theirs = rows(tmp_path).drop(columns=["actions", "value"]).assign(colour="red", run_id="b", seed=7)
    theirs["agent"] = pd.Categorical(theirs.agent)
    theirs.sample(frac=1, random_state=0).to_parquet(tmp_path / "episodes" / "b.parquet")
    finish(tmp_path, "b")
    before = load_results(tmp_path).sort_values(
        ["run_id", "frames", "shift", "scene_seed"], ignore_index=True
    )
    compact(tmp_path)
    after = load_results(tmp_path)
    assert after.colour.isna().sum() == 12
    pd.testing.assert_frame_equal(after.astype(object), before.astype(object)[list(after)], check_exact=True)
    assert listing(tmp_path / "episodes") == ["episodes.parquet"]


def test_a_damaged_file_is_named_and_its_table_left_alone(tmp_path, old_run):
    old_run(tmp_path, "a")
    file = tmp_path / "episodes" / "a-001000-none.parquet"
    content = bytearray(file.read_bytes())
    content[200] ^= 4
    file.write_bytes(content)
    before = contents(tmp_path / "episodes")
    with pytest.raises(UserError, match=r"a-001000-none\.parquet is damaged"):
        compact(tmp_path)
    assert contents(tmp_path / "episodes") == before


def test_wrong_directories_are_named(tmp_path, old_run):
    with pytest.raises(UserError, match="is no directory"):
        compact(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no results"):
        compact(tmp_path)
    old_run(tmp_path / "study", "a")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "episodes").symlink_to(tmp_path / "study" / "episodes")
    before = contents(tmp_path)
    with pytest.raises(UserError, match="episodes is a link"):
        compact(tmp_path / "other")
    assert contents(tmp_path) == before


def test_two_at_once_are_refused(tmp_path, old_run):
    old_run(tmp_path, "a")
    with (
        compaction.claimed(tmp_path),
        pytest.raises(UserError, match=r"being compacted by another process \(process \d+ on "),
    ):
        compact(tmp_path)
    assert compact(tmp_path).files_after == 3


@pytest.mark.parametrize(
    ("journal", "message"),
    [
        ({"new": ["episodes.parquet"], "old": ["../../precious.parquet"]}, "names files of other folders"),
        ({"new": ["/tmp/x.parquet"], "old": []}, "names files of other folders"),
        ({"new": ["gone.parquet"], "old": ["a-001000-none.parquet"]}, "names files that are gone"),
        ({"new": [7], "old": []}, "names files of other folders"),
        ({"new": []}, "is damaged"),
        (["episodes.parquet"], "is damaged"),
    ],
)
def test_a_journal_that_we_did_not_write_deletes_nothing(tmp_path, old_run, journal, message):
    old_run(tmp_path / "study" / "inner", "a")
    (tmp_path / "precious.parquet").write_bytes(b"mine")
    file = tmp_path / "study" / "inner" / "episodes" / ".compaction.json"
    file.write_text(json.dumps(journal))
    before = contents(tmp_path)
    with pytest.raises(UserError, match=message):
        compact(tmp_path / "study" / "inner")
    assert contents(tmp_path) == before
    file.unlink()
    assert compact(tmp_path / "study" / "inner").files_after == 3


@pytest.mark.thorough
def test_killed_at_any_operation_every_row_is_there_once_and_the_next_time_ends_it(
    tmp_path, old_run, new_run, monkeypatch
):
    start, work, straight = tmp_path / "start", tmp_path / "work", tmp_path / "straight"
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", 20)
    old_run(start, "a")
    compact(start)
    old_run(start, "c")
    new_run(start, "b")
    new_run(start, "goes-on", "parts")
    (start / "episodes" / "b").mkdir()  # what a merge that was killed leaves behind
    (start / "episodes" / "b" / "000900-none.parquet").write_bytes(
        (start / "episodes" / "goes-on" / "000900-none.parquet").read_bytes()
    )
    wanted = every_row(start)
    assert [len(table) for table in wanted.values()] == [3, 48, 12]
    *_, operations = after_each_kill(start, straight, compact)
    assert operations > 40
    for killed in after_each_kill(start, work, compact):
        assert every_row(work) == wanted, killed
        compact(work)
        assert every_row(work) == wanted, killed
        assert listing(work) == listing(straight), killed
        for file in work.rglob("*.parquet"):
            assert file.read_bytes() == (straight / file.relative_to(work)).read_bytes(), (killed, file)


@pytest.mark.thorough
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    layouts=st.lists(st.sampled_from(["old", "new", "merged", "parts", "failed", "compact"]), max_size=6),
    limit=st.integers(1, 40),
)
def test_any_study_holds_the_same_rows_afterwards(
    tmp_path_factory, old_run, new_run, monkeypatch, layouts, limit
):
    out = tmp_path_factory.mktemp("study")
    old_run(out, "r")
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", limit)
    for number, layout in enumerate(layouts):
        match layout:
            case "old":
                old_run(out, f"{number}-old")
            case "new":
                new_run(out, f"{number}-new")
            case "failed":
                old_run(out, f"{number}-failed", "failed")
            case "compact":
                compact(out)
            case stage:
                new_run(out, f"{number}-{stage}", stage)
    before = every_row(out)
    compact(out)
    assert every_row(out) == before
    whole = contents(out)
    compact(out)
    assert contents(out) == whole
