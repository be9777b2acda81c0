"""The run of an agent: trained, checkpointed, evaluated and stored."""

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.core.records import TrainingRecord
from glam_eval.execution.demonstrations import demonstrations_of
from glam_eval.execution.owed import COLUMNS, MEASURED, lacking
from glam_eval.execution.progress import TRAINING, Progress, Report, StoppedError
from glam_eval.execution.rows import date, run_record
from glam_eval.execution.study import answers_file, checkpoints
from glam_eval.policies.base import AnsweringPolicy
from glam_eval.protocols import Played, Prober, measured_records, play_condition
from glam_eval.results import RunTables, write_table
from glam_eval.tracking import TrackedRun, open_trackers, training_values
from glam_eval.training.checkpoints import Checkpoint, CheckpointStore
from glam_eval.training.run import TrainingRun

CHECKPOINT_SECONDS = 60.0  # at most this much work is lost to a crash; results do not depend on it


class AgentRun:
    """Carries out the run of an agent; ``report`` is called after every update and evaluation."""

    def __init__(
        self,
        planned: PlannedRun,
        config: RunConfig,
        out: Path,
        device: str,
        report: Report,
        stop: Callable[[], bool],
    ) -> None:
        self._planned, self._config, self._out, self._device = planned, config, out, device
        self._report, self._stop = report, stop
        self._tables = RunTables(out, config.run_id)
        self._store = CheckpointStore(checkpoints(out, config.run_id))
        self._began = self._saved = time.perf_counter()
        checkpoint = self._resumable()
        self._run = TrainingRun(config, device, checkpoint, demonstrations_of(config, out))
        if isinstance(self._run.policy, AnsweringPolicy):
            self._run.policy.keep(answers_file(out, config.run_id))
        self._kept = checkpoint.frames if checkpoint and not checkpoint.temporary else None
        # What was stored after the checkpoint is made again, by kernels that may round otherwise.
        self._tables.discard(lambda _, part: checkpoint is not None and _frames_of(part) <= checkpoint.frames)
        state = checkpoint.state if checkpoint else {}
        self._pending = [TrainingRecord(**record) for record in state.get("pending", [])]
        self._prober = self._make_prober(state.get("probes"))
        self._seconds_before = float(state.get("seconds", 0.0))
        self._started = str(state.get("started", date(time.time())))
        reached = checkpoint.frames if checkpoint else None
        self._trackers = open_trackers(TrackedRun(out, planned.suite, config.run_id, config.read(), reached))

    def _resumable(self) -> Checkpoint | None:
        """Return the last checkpoint; none, and none is left, where rows are gone that it counts on."""
        checkpoint = self._store.resume()
        if checkpoint is None:
            return None
        update = checkpoint.state["update"]
        points = [
            point
            for point in self._config.evaluation_updates()
            if point < update + (not checkpoint.temporary)
        ]
        if table := lacking(self._planned, self._rows, points):
            warnings.warn(f"{self._config.run_id} lacks rows of {table}: it begins anew", stacklevel=2)
            self._store.clear()
            return None
        return checkpoint

    def _rows(self, table: str) -> pd.DataFrame | None:
        return self._tables.read_all(table, COLUMNS[table])

    def carry_out(self) -> None:
        """Train, evaluate and write; raises StoppedError when asked to stop."""
        with self._run, self._trackers:
            self._to_the_end()

    def _to_the_end(self) -> None:
        config = self._config
        for target in config.evaluation_updates():
            if target < self._run.update:
                continue
            self._train_until(target)
            score = self._evaluate_on_curve()
            if target in (0, config.updates):
                self._measure()
            self._flush()
            if self._kept != self._run.frames:
                self._save(score, temporary=False)
        for condition in self._conditions("generalization"):
            self._evaluate(*condition)
        self._tables.merge()
        if table := lacking(self._planned, self._rows):
            raise RunFailedError(f"rows of {table} are gone that were stored: start it again")
        row = run_record(
            self._planned.suite,
            config,
            parameters=self._run.policy.count_parameters(),
            frames=self._run.frames,
            device=self._device,
            started=self._started,
            seconds=self._seconds(),
            status="finished",
        )
        write_table(self._out, "runs", [row], config.run_id)

    def _train_until(self, target: int) -> None:
        """Train to an update; success is told once as many episodes ended as are played at a time."""
        environments = getattr(self._config.learner, "environments", 0)  # clones play none
        self._probe()
        while self._run.update < target:
            self._stop_if_asked()
            record = self._run.advance()
            self._pending.append(record)
            early = record.episodes < environments
            self._trackers.log(record.frames, training_values(record, early=early))
            self._probe()
            rate = self._config.frames_per_update / record.seconds
            self._tell(TRAINING, math.nan if early else record.success_rate, rate)
            if time.perf_counter() - self._saved > CHECKPOINT_SECONDS:
                self._save()

    def _tell(self, phase: str, success: float, rate: float = float("nan")) -> None:
        config, frames = self._config, self._run.frames
        self._report(Progress(config.run_id, phase, frames, config.total_frames, success, rate))

    def _evaluate_on_curve(self) -> float | None:
        """Evaluate where training stands now; return the mean success over the curve's conditions."""
        scores = [self._evaluate(*condition) for condition in self._conditions("sample-efficiency")]
        return sum(scores) / len(scores) if scores else None

    def _conditions(self, name: str) -> list[tuple[ProtocolConfig, ConditionConfig]]:
        """Return every condition of a protocol with it, none where the run is not asked it."""
        asked = [protocol for protocol in self._planned.protocols if protocol.name == name]
        return [(protocol, condition) for protocol in asked for condition in protocol.conditions]

    def _evaluate(self, protocol: ProtocolConfig, condition: ConditionConfig) -> float:
        """Play and store one condition, unless it is stored; return its success."""
        frames = self._run.frames
        part = f"{frames:010d}-{protocol.name}-{condition.label}"
        if self._tables.has("episodes", part):
            stored = self._tables.read("episodes", part, ["success"])
            return float("nan") if stored is None else float(stored["success"].mean())
        played: list[Played] = []
        replays = protocol.replays if self._planned.replayed else 0
        policy, stop = self._run.policy, self._stop_if_asked
        for one in play_condition(policy, self._config, frames, protocol, condition, replays, stop):
            played.append(one)
            self._stop_if_asked()
        played.sort(key=lambda one: one.episode.scene_seed)
        for table, rows in (
            ("steps", [step for one in played for step in one.steps]),
            ("requests", [request for one in played for request in one.requests]),
        ):
            if rows:
                self._tables.write(table, part, rows)
        self._tables.write("episodes", part, [one.episode for one in played])
        success = sum(one.episode.success for one in played) / len(played)
        self._trackers.log(frames, {f"{protocol.name}/{condition.label}": success})
        self._tell(condition.label, success)
        return success

    def _make_prober(self, state: dict[str, Any] | None) -> Prober | None:
        for protocol in self._planned.protocols:
            if protocol.name == "probes":
                prober = Prober(self._run.policy, self._config, protocol)
                return prober.restored(state) if state else prober
        return None

    def _probe(self) -> None:
        if self._prober:
            self._prober.ask(self._run.update)

    def _measure(self) -> None:
        """Store what is asked before and after training, where a protocol asks it and it is not stored."""
        part = f"{self._run.frames:010d}"
        for protocol in self._planned.protocols:
            table = MEASURED.get(protocol.name)
            if table is not None and not self._tables.has(table, part):
                rows = measured_records(self._run.policy, self._config, self._run.frames, protocol)
                self._tables.write(table, part, rows)

    def _flush(self) -> None:
        """Store the updates and probes that no part holds yet."""
        part = f"{self._run.frames:010d}"
        if self._pending:
            self._tables.write("training", part, self._pending)
            self._pending = []
        if self._prober and (rows := self._prober.records()):
            self._tables.write("probes", part, rows)

    def _save(self, score: float | None = None, temporary: bool = True) -> None:
        state = {
            **self._run.state(),
            "protocols": [protocol.model_dump(mode="json") for protocol in self._planned.protocols],
            "pending": [asdict(record) for record in self._pending],
            "probes": self._prober.state() if self._prober else None,
            "seconds": self._seconds(),
            "started": self._started,
        }
        self._store.write(self._run.frames, self._run.save, state, score, temporary)
        if not temporary:
            self._kept = self._run.frames
        self._saved = time.perf_counter()

    def _stop_if_asked(self) -> None:
        if self._stop():
            if self._kept != self._run.frames:  # the checkpoint of an evaluation point stays as it is
                self._save()
            raise StoppedError

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._began


def _frames_of(part: str) -> int:
    """Return the frames that the name of a part begins with."""
    return int(part.partition("-")[0])
