"""What trackers are told is the table ``training``; what they do in return touches no run."""

import math
import struct
import threading
import time

import pandas as pd
import pytest
from tiers import tiers

from glam_eval.cli import main
from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.core.errors import UserError
from glam_eval.core.files import refuse_links
from glam_eval.execution import agent_run
from glam_eval.execution.agent_run import AgentRun
from glam_eval.execution.progress import StoppedError
from glam_eval.results import load_results
from glam_eval.tracking import guard, tracked_by
from glam_eval.tracking.registry import VARIABLE, make_tracker

VOLATILE = ["seconds", "started", "finished"]
OWN = """
class Loud:
    def __init__(self, run):
        self.file = (run.directory / f"{run.run_id}.heard").open("a")

    def log(self, frames, values):
        print(frames, *sorted(values), file=self.file)

    def close(self):
        print("closed", file=self.file, flush=True)
"""


@pytest.fixture
def plan(tiny_run):
    """A run that is trained for three updates and evaluated four times."""
    config = tiny_run("symbolic-ppo", evaluations=3)
    return PlannedRun("tiny", config, (ProtocolConfig(name="sample-efficiency", scenes=2),), (), False)


def carry_out(planned, out, stop=lambda: False):
    run = AgentRun(planned, planned.config, out, "cpu", lambda _: None, stop)
    run.carry_out()


def carry_out_with_stops(planned, out, monkeypatch):
    """Stop the run after each of its updates, so that each goes on from a checkpoint."""
    monkeypatch.setattr(agent_run, "CHECKPOINT_SECONDS", 0.0)
    for _ in range(12):
        asked = []

        def stop(asked=asked):
            asked.append(1)
            return len(asked) > 3

        try:
            carry_out(planned, out, stop)
        except StoppedError:
            continue
        return
    raise AssertionError("the run never ends")


def stable(out, table):
    frame = load_results(out, table)
    return frame[[name for name in frame if not name.startswith(tuple(VOLATILE))]]


def assert_told(curves, training, environments):
    """``curves``, name -> {frames: value}, hold every number of a run's table ``training``, and no other.

    But for the success of the first episodes to end, the quick and lucky ones, while fewer ended than are
    played at a time.
    """
    of_ended = ["success_rate", "return_mean", "length_mean"]
    early = training["episodes"] < environments
    assert early.any() and not early.all()
    training = training.assign(**{name: training[name].mask(early) for name in of_ended})
    numbers = training.drop(columns=["run_id", "agent", "model", "seed", "frames"])
    assert {name for name in curves if name.startswith("training/")} == {f"training/{n}" for n in numbers}
    for name, column in numbers.items():
        wanted = dict(zip(training["frames"], column.astype(float), strict=True))
        assert curves[f"training/{name}"].keys() == wanted.keys(), name
        for frames, value in wanted.items():
            told = curves[f"training/{name}"][frames]
            assert told == value or (math.isnan(told) and math.isnan(value)), (name, frames)


def test_tensorboard_reads_back_the_table_of_a_run_that_was_stopped(plan, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    with tracked_by(["tensorboard"]):
        carry_out_with_stops(plan, tmp_path, monkeypatch)
    read = EventAccumulator(str(tmp_path / "tensorboard" / plan.run_id), size_guidance={"tensors": 0})
    read.Reload()
    curves = {
        tag: {event.step: float(make_ndarray(event.tensor_proto)) for event in read.Tensors(tag)}
        for tag in read.Tags()["tensors"]
    }
    assert_told(curves, load_results(tmp_path, "training"), plan.config.learner.environments)
    assert read.SummaryMetadata("training/entropy").plugin_data.plugin_name == "scalars"
    success = load_results(tmp_path, "episodes").groupby("frames")["success"].mean()
    assert curves["sample-efficiency/none"] == success.to_dict()


def records_of(file):
    """The records of a file of W&B: LevelDB's log format, in blocks of 32 KiB, after a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts = file.read_bytes(), 7, []
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + 7])
        parts.append(data[place + 7 : place + 7 + size])
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(b"".join(parts))
            parts = []


def test_weights_and_biases_read_back_the_table_without_a_network(plan, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    import json

    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_DIR", raising=False)
    out = tmp_path / "study"
    out.mkdir()
    with tracked_by(["wandb"]):
        carry_out_with_stops(plan, out, monkeypatch)
    files = sorted(tmp_path.glob("study-wandb/wandb/*/*.wandb"))
    assert len(files) > 1  # a file for each time that the run was begun
    curves = {}
    for file in files:
        for record in records_of(file):
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                row = {(each.key or "/".join(each.nested_key)): json.loads(each.value_json) for each in items}
                for name in row.keys() - {"_step", "_timestamp", "_runtime"}:
                    curves.setdefault(name, {})[row["_step"]] = float(row[name])
    assert_told(curves, load_results(out, "training"), plan.config.learner.environments)
    refuse_links(out)


class Silent:
    """A tracker that does nothing, for those below to differ from."""

    def __init__(self, run): ...
    def log(self, frames, values): ...
    def close(self): ...


class NotBegun(Silent):
    def __init__(self, run):
        raise OSError("no place to write")


class Raises(Silent):
    def log(self, frames, values):
        raise ValueError("not this number")


class EndsTheProgram(Silent):
    def log(self, frames, values):
        raise SystemExit(3)


class NeverClosed(Silent):
    def close(self):
        raise KeyboardInterrupt


class Hangs(Silent):
    def log(self, frames, values):
        threading.Event().wait()


class Spoils(Silent):
    def log(self, frames, values):
        values.clear()
        raise TypeError


@pytest.fixture(scope="module")
def untracked(tiny_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("untracked")
    config = tiny_run("symbolic-ppo", evaluations=3)
    protocols = (ProtocolConfig(name="sample-efficiency", scenes=2),)
    carry_out(PlannedRun("tiny", config, protocols, (), False), out)
    return out


@pytest.mark.parametrize(
    "tracker",
    tiers(
        [NotBegun, Raises, EndsTheProgram, NeverClosed, Hangs, Spoils],
        thorough=[NotBegun, EndsTheProgram, NeverClosed, Spoils],
    ),
)
def test_a_tracker_that_fails_touches_no_run_and_is_warned_of_once(
    tracker, plan, untracked, tmp_path, monkeypatch
):
    monkeypatch.setattr(guard, "tracker_names", lambda: ["own"])
    monkeypatch.setattr(guard, "make_tracker", lambda name: tracker)
    monkeypatch.setattr(guard, "_CLOSE_SECONDS", 0.5)
    with pytest.warns(
        UserWarning, match=f"tracker 'own' is left out of {plan.run_id}, which goes on"
    ) as told:
        carry_out(plan, tmp_path)
        time.sleep(0.01)
    assert len(told) == 1
    for table in ("training", "episodes"):
        pd.testing.assert_frame_equal(stable(untracked, table), stable(tmp_path, table), check_exact=True)


def test_a_tracker_far_behind_is_given_up(monkeypatch):
    monkeypatch.setattr(guard, "_WAITING", 2)
    with pytest.warns(UserWarning, match="more than 2 updates behind"):
        guarded = guard._Guarded("own", Hangs, type("Run", (), {"run_id": "r"}))
        for step in range(5):
            guarded.log(step, {})


def test_a_missing_tracker_of_the_environment_is_left_out(plan, untracked, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "tensorbord")
    with pytest.warns(UserWarning, match="did you mean 'tensorboard'"):
        carry_out(plan, tmp_path)
    pd.testing.assert_frame_equal(stable(untracked, "training"), stable(tmp_path, "training"))


def install(folder, entry_point):
    """Make a package with a tracker, as pip leaves it."""
    (folder / "loud.py").write_text(OWN)
    (folder / "loud-1.dist-info").mkdir()
    (folder / "loud-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1\n")
    (folder / "loud-1.dist-info/entry_points.txt").write_text(f"[glam_eval.trackers]\n{entry_point}\n")


def test_a_tracker_of_an_installed_package_hears_the_run(plan, tmp_path, monkeypatch):
    install(tmp_path, "loud = loud:Loud")
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    with tracked_by(["loud"]):
        carry_out(plan, out)
    *heard, last = (out / f"{plan.run_id}.heard").read_text().splitlines()
    assert last == "closed"
    assert [int(line.split()[0]) for line in heard] == [0, 80, 80, 160, 160, 240, 240]
    assert "training/approx_kl" in heard[1] and heard[0].split()[1] == "sample-efficiency/none"


def test_a_package_that_cannot_be_loaded_is_one_line(tmp_path, monkeypatch):
    install(tmp_path, "loud = loud:Lout")
    monkeypatch.syspath_prepend(tmp_path)
    cannot = r"tracker 'loud': entry point 'loud:Lout' can't be loaded: AttributeError"
    with pytest.raises(UserError, match=cannot):
        make_tracker("loud")


def test_nothing_starts_with_a_tracker_that_cannot_be_had(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert main(["run-suite", "quick", "--out", str(out), "--tracker", "tensorbord"]) == 2
    assert "unknown tracker 'tensorbord': did you mean 'tensorboard'" in capsys.readouterr().err
    monkeypatch.setattr("glam_eval.tracking.registry.find_spec", lambda _: None)
    assert main(["run-suite", "quick", "--out", str(out), "--tracker", "wandb"]) == 2
    assert "pip install 'glam-eval[wandb]'" in capsys.readouterr().err
    assert not out.exists()
