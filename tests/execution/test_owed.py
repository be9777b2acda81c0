"""What a run owes: a file deleted after a run finished, or while it was left, is noticed and made again."""

import shutil

import pandas as pd
import pytest
from tiers import tiers

from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.files import sha256_of
from glam_eval.execution import agent_run
from glam_eval.execution.agent_run import AgentRun
from glam_eval.execution.owed import owed
from glam_eval.execution.progress import StoppedError
from glam_eval.results import compact, forget_runs, load_results, table_names

PROTOCOLS = (
    {"name": "sample-efficiency", "scenes": 3, "replays": 1},
    {"name": "generalization", "scenes": 3, "replays": 1, "conditions": ["none", "none@fr"]},
    {"name": "probes", "tasks": ["goto"], "every": 2},
    {"name": "retention", "items": 2},
)
OWED = ("training", "episodes", "steps", "probes", "language")


@pytest.fixture(scope="module")
def planned(tiny_run):
    asked = tuple(ProtocolConfig.parse(each, "test") for each in PROTOCOLS)
    return PlannedRun("test", tiny_run(frames=240), asked, replayed=True)


def carry_out(planned, out, stop=lambda: False):
    AgentRun(planned, planned.config, out, "cpu", lambda _: None, stop).carry_out()


@pytest.fixture(scope="module")
def finished(planned, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    carry_out(planned, out)
    return out


@pytest.fixture
def out(finished, tmp_path):
    """A copy of the finished study."""
    return shutil.copytree(finished, tmp_path / "out")


def stable(out, table):
    data = load_results(out, table)
    data = data[[c for c in data if not c.startswith(("seconds", "started", "finished"))]]
    return data.astype(dict.fromkeys(data.select_dtypes("category"), str))


def assert_same(one, two):
    assert table_names(one) == table_names(two)
    for table in table_names(one):
        pd.testing.assert_frame_equal(stable(one, table), stable(two, table), check_exact=True)


def make_again(planned, out):
    forget_runs(out, owed(out, [planned]).keys())
    carry_out(planned, out)
    assert owed(out, [planned]) == {}


def test_a_finished_run_owes_nothing_compacted_or_not(planned, out):
    assert owed(out, [planned]) == {}
    compact(out)
    assert owed(out, [planned]) == {}


@pytest.mark.parametrize("compacted", tiers([False, True], thorough=[False]))
@pytest.mark.parametrize("table", tiers(OWED, thorough=set(OWED) - {"episodes"}))
def test_a_table_that_was_deleted_is_made_again_equal(planned, finished, out, table, compacted):
    if compacted:
        compact(out)
    shutil.rmtree(out / table)
    assert owed(out, [planned]) == {planned.run_id: f"rows of {table}"}
    make_again(planned, out)
    assert_same(finished, out)


@pytest.mark.parametrize(
    ("table", "lost"),
    [
        ("training", "update == 2"),
        ("episodes", "protocol == 'sample-efficiency' and frames == 80"),
        ("episodes", "protocol == 'generalization' and shift == 'none@fr'"),
        ("steps", "frames == 0"),
        ("steps", "step == 1"),
        ("probes", "frames == 160"),
        ("language", "frames == 240"),
    ],
)
def test_some_rows_that_are_gone_are_noticed(planned, out, table, lost):
    (file,) = (out / table).glob("*.parquet")
    rows = pd.read_parquet(file)
    kept = rows.drop(rows.query(lost).index)
    assert 0 < len(kept) < len(rows)
    kept.to_parquet(file)
    assert owed(out, [planned]) == {planned.run_id: f"rows of {table}"}


def test_rows_of_later_evaluations_beside_a_run_do_no_harm(planned, out):
    rows = pd.read_parquet(out / "episodes").query("protocol == 'generalization'")
    rows.to_parquet(out / "episodes" / f"{planned.run_id}-0000000240-generalization-none.parquet")
    assert owed(out, [planned]) == {}


def test_other_runs_rows_in_shared_files_stay_when_one_is_made_again(planned, finished, out):
    other = PlannedRun("test", planned.config.changed(seed=1), planned.protocols[:1])
    carry_out(other, out)
    compact(out)
    stored = {table: load_results(out, table) for table in OWED[:2]}
    before = {table: rows[rows["run_id"] == other.run_id] for table, rows in stored.items()}
    forget_runs(out, [planned.run_id])
    assert owed(out, [planned, other]) == {planned.run_id: "all"}
    for table, rows in before.items():
        left = load_results(out, table)
        assert set(left["run_id"]) == {other.run_id} and len(left) == len(rows)
    assert "probes" not in table_names(out)


def test_a_damaged_file_is_named_with_the_way_out(planned, out):
    (file,) = (out / "episodes").glob("*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"episodes/.*\.parquet is damaged.*delete that file, and the same"):
        owed(out, [planned])
    file.unlink()
    assert owed(out, [planned]) == {planned.run_id: "rows of episodes"}


@pytest.mark.parametrize(
    "table", tiers(["training", "episodes", "probes", "steps"], thorough=["episodes", "probes", "steps"])
)
def test_rows_lost_while_a_run_was_left_are_made_again(planned, finished, tmp_path, table, monkeypatch):
    monkeypatch.setattr(agent_run, "CHECKPOINT_SECONDS", 0.0)
    asked = iter(range(100))
    with pytest.raises(StoppedError):
        carry_out(planned, tmp_path, lambda: next(asked) > 10)
    shutil.rmtree(tmp_path / table)
    with pytest.warns(UserWarning, match=f"lacks rows of {table}: it begins anew"):
        carry_out(planned, tmp_path)
    assert_same(finished, tmp_path)


def test_parts_that_other_kernels_rounded_otherwise_are_replaced(planned, finished, tmp_path, monkeypatch):
    """What was stored after the last checkpoint, by a machine that sums in another order, is made again."""
    monkeypatch.setattr(AgentRun, "_save", lambda *_, **__: None)
    asked = iter(range(100))
    with pytest.raises(StoppedError):
        carry_out(planned, tmp_path, lambda: next(asked) > 10)
    monkeypatch.undo()
    parts = list((tmp_path / "training").glob("*/*.parquet"))
    for part in parts:
        rows = pd.read_parquet(part)
        rows.assign(policy_loss=rows["policy_loss"] + 1e-7).to_parquet(part)
    assert parts
    carry_out(planned, tmp_path)
    assert_same(finished, tmp_path)


def test_a_run_whose_rows_vanish_under_it_is_not_finished(planned, tmp_path):
    def delete(progress):
        if progress.frames == 240:
            shutil.rmtree(tmp_path / "training", ignore_errors=True)

    run = AgentRun(planned, planned.config, tmp_path, "cpu", delete, lambda: False)
    with pytest.raises(RunFailedError, match="rows of training are gone"):
        run.carry_out()
    assert "runs" not in table_names(tmp_path)


def test_asking_changes_no_file(planned, out):
    before = {file: sha256_of(file) for file in out.rglob("*") if file.is_file()}
    owed(out, [planned])
    assert before == {file: sha256_of(file) for file in out.rglob("*") if file.is_file()}
