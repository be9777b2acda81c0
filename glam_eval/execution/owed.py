"""What a run owes: which rows of which tables make it complete, whatever its row in ``runs`` says."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import pandas as pd

from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.execution.study import checkpoints, demonstrations_file
from glam_eval.results import finished_runs, load_results, table_names
from glam_eval.results.files import read_file

Rows = Callable[[str], pd.DataFrame | None]  # of a run: its rows of a table, None if it has none

_POINT = ["protocol", "frames", "shift"]  # what tells one evaluation of a run from another
COLUMNS = {  # that tell whether rows are missing
    "training": ["update"],
    "episodes": [*_POINT, "scene_seed"],
    "steps": [*_POINT, "scene_seed", "step"],
    "requests": [*_POINT, "scene_seed"],
    "probes": ["frames", "shift"],
    "language": ["frames"],
    "consequences": ["frames"],
    "saliency": ["frames"],
}
# Protocols asked before and after training, and their tables.
MEASURED = {"retention": "language", "consequences": "consequences", "saliency": "saliency"}
_Read = TypeVar("_Read")


def owed(out: Path, runs: Iterable[PlannedRun]) -> dict[str, str]:
    """Return what each run that is not complete still owes, by run_id, in words.

    A finished run's rows may be gone because somebody deleted a file. A run that trains the demonstrator of
    demonstrations that are still to be collected owes its checkpoint, too.

    Raises:
        UserError: if a file is damaged; the message names it.
    """
    runs, stored = list(runs), _Stored(out)
    found: dict[str, str] = {}
    for planned in runs:
        if isinstance(planned.config, DemonstrationsConfig):
            if not _undamaged(partial(is_collected, out, planned.config)):
                found[planned.run_id] = "all"
        elif planned.run_id not in stored.finished:
            found[planned.run_id] = "all"
        elif table := lacking(planned, stored.rows_of(planned.run_id)):
            found[planned.run_id] = f"rows of {table}"
    collected = [planned for planned in runs if planned.run_id in found]
    for teacher in (each for planned in collected for each in planned.needs):
        if teacher in stored.finished and not any(checkpoints(out, teacher).glob("frames-*")):
            found.setdefault(teacher, "checkpoints")
    return found


def is_collected(out: Path, config: DemonstrationsConfig) -> bool:
    """Return whether a set of demonstrations is complete.

    Raises:
        UserError: if its file is damaged.
    """
    file = demonstrations_file(out, config.run_id)
    return file.exists() and read_file(file, ["step"]).num_rows == config.transitions


def lacking(planned: PlannedRun, rows: Rows, points: Sequence[int] | None = None) -> str:
    """Return a table that lacks rows of an agent's run, empty if none does.

    Args:
        planned: the run.
        rows: reads its rows.
        points: the evaluation points that it has passed, in updates; None for a run that is finished.
    """
    config = planned.config
    if not isinstance(config, RunConfig):  # demonstrations have a table of their own
        return ""
    passed = config.evaluation_updates() if points is None else list(points)
    if not passed:
        return ""
    training = rows("training")
    if not set(range(1, passed[-1] + 1)) <= (set() if training is None else set(training["update"])):
        return "training"
    for protocol in planned.protocols:
        at = passed
        if protocol.name == "generalization":
            at = passed[-1:] if points is None else []
        elif protocol.name in MEASURED:
            at = [update for update in passed if update in (0, config.updates)]
        frames = [update * config.frames_per_update for update in at]
        if protocol.plays:
            if not _has_scenes(rows("episodes"), protocol, frames, protocol.scenes):
                return "episodes"
            replays = min(protocol.replays, protocol.scenes) if planned.replayed else 0
            if not _has_scenes(rows("steps"), protocol, frames, replays) or not _are_whole(rows("steps")):
                return "steps"
            served = config.conversation is not None
            if served and not _has_scenes(rows("requests"), protocol, frames, protocol.scenes):
                return "requests"
        elif protocol.name == "probes":
            if not _has_probes(rows("probes"), config, protocol, passed[-1]):
                return "probes"
        elif not set(frames) <= _frames_in(rows(MEASURED[protocol.name])):
            return MEASURED[protocol.name]
    return ""


class _Stored:
    """The tables of a study by run, each read once, when it is asked for."""

    def __init__(self, out: Path) -> None:
        self._out, self._tables = out, table_names(out)
        self._by_run: dict[str, dict[str, pd.DataFrame]] = {}
        self.finished = _undamaged(lambda: finished_runs(out))

    def rows_of(self, run_id: str) -> Rows:
        """Return what gives a run's rows of a table by name; each table is read once."""

        def rows(table: str) -> pd.DataFrame | None:
            if table not in self._by_run:
                self._by_run[table] = self._read(table)
            return self._by_run[table].get(run_id)

        return rows

    def _read(self, table: str) -> dict[str, pd.DataFrame]:
        if table not in self._tables:
            return {}
        data = _undamaged(lambda: load_results(self._out, table, ["run_id", *COLUMNS[table]]))
        return {str(run_id): part for run_id, part in data.groupby("run_id", observed=True)}


def _undamaged(read: Callable[[], _Read]) -> _Read:
    """Return what is read; where a file is damaged the error says how to go on."""
    try:
        return read()
    except UserError as error:
        raise UserError(f"{error}: delete that file, and the same command makes its rows again") from error


def _has_scenes(
    data: pd.DataFrame | None, protocol: ProtocolConfig, frames: Sequence[int], scenes: int
) -> bool:
    """Return whether so many scenes of each condition are there, at each point."""
    wanted = {(protocol.name, at, condition.label) for at in frames for condition in protocol.conditions}
    if not wanted or not scenes:
        return True
    if data is None:
        return False
    counts = data.groupby(_POINT, observed=True)["scene_seed"].nunique().to_dict()
    return all(counts.get(each, 0) == scenes for each in wanted)


def _are_whole(steps: pd.DataFrame | None) -> bool:
    """Return whether replays have all steps from the first to their last."""
    if steps is None:
        return True
    numbers = steps.groupby([*_POINT, "scene_seed"], observed=True)["step"].agg(["max", "nunique"])
    return bool((numbers["max"] + 1 == numbers["nunique"]).all())


def _has_probes(data: pd.DataFrame | None, config: RunConfig, protocol: ProtocolConfig, passed: int) -> bool:
    """Return whether every condition was asked when it should be, and as many actions each time."""
    asked = [each for each in range(passed + 1) if each % protocol.every == 0 or each == config.updates]
    if data is None:
        from glam_eval.protocols import probe_situations

        return not probe_situations(config, protocol)  # none can be asked with so few actions
    counts = data.groupby(["frames", "shift"], observed=True).size().to_dict()
    labels = [condition.label for condition in protocol.conditions]
    sizes = {counts.get((each * config.frames_per_update, label), 0) for each in asked for label in labels}
    return len(sizes) == 1 and 0 not in sizes


def _frames_in(data: pd.DataFrame | None) -> set[int]:
    return set() if data is None else set(data["frames"])
