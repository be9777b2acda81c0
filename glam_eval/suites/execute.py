"""One run from nothing, or from its last checkpoint, to all of its results."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.core.records import TrainingRecord
from glam_eval.policies import LanguageModelPolicy
from glam_eval.protocols import Played, Prober, language_records, play_condition
from glam_eval.results import write_table
from glam_eval.suites.directory import is_written
from glam_eval.suites.messages import Plan, Progress
from glam_eval.suites.rows import date, run_record
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.run import TrainingRun

CHECKPOINT_SECONDS = 60.0  # at most this much work is lost to a crash; results do not depend on it


class StoppedError(Exception):
    """The run was asked to stop; everything so far is in its checkpoint."""


class Execution:
    """Carries out a plan; ``report`` is called after every update and evaluation."""

    def __init__(
        self,
        plan: Plan,
        out: Path,
        device: str,
        report: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        self._plan, self._out, self._device = plan, out, device
        self._report, self._stop = report, stop
        self._store = CheckpointStore(out / "checkpoints" / plan.config.run_id)
        self._began = time.perf_counter()
        self._saved = time.perf_counter()
        checkpoint = self._store.latest()
        self._run = TrainingRun(plan.config, device, checkpoint)
        state = checkpoint.state if checkpoint else {}
        self._pending = [TrainingRecord(**record) for record in state.get("pending", [])]
        self._prober = self._make_prober(state.get("probes"))
        self._seconds_before = float(state.get("seconds", 0.0))
        self._started = str(state.get("started", date(time.time())))

    def carry_out(self) -> None:
        """Train, evaluate and write; raises StoppedError when asked to stop."""
        config = self._plan.config
        for target in config.evaluation_updates():
            if target < self._run.update:
                continue
            self._train_until(target)
            score = self._evaluate_on_curve()
            if target in (0, config.updates):
                self._measure_language()
            self._flush()
            self._save(score)
        for condition in self._conditions("generalization"):
            self._evaluate(*condition)
        row = run_record(
            self._plan,
            parameters=self._run.policy.count_parameters(),
            frames=self._run.frames,
            device=self._device,
            started=self._started,
            seconds=self._seconds(),
            status="finished",
        )
        write_table(self._out, "runs", [row], config.run_id)

    def _train_until(self, target: int) -> None:
        total = self._plan.config.updates * self._plan.config.frames_per_update
        self._probe()
        while self._run.update < target:
            self._stop_if_asked()
            record = self._run.advance()
            self._pending.append(record)
            self._probe()
            rate = self._plan.config.frames_per_update / record.seconds
            self._report(Progress(record.run_id, "training", record.frames, total, record.success_rate, rate))
            if time.perf_counter() - self._saved > CHECKPOINT_SECONDS:
                self._save()

    def _evaluate_on_curve(self) -> float | None:
        """Evaluate where training stands now; return the mean success over the curve's conditions."""
        scores = [self._evaluate(*condition) for condition in self._conditions("sample-efficiency")]
        known = [score for score in scores if score is not None]
        return sum(known) / len(known) if known else None

    def _conditions(self, name: str) -> list[tuple[ProtocolConfig, ConditionConfig]]:
        """Return every condition of a protocol with it, none where the plan has no such protocol."""
        asked = [protocol for protocol in self._plan.protocols if protocol.name == name]
        return [(protocol, condition) for protocol in asked for condition in protocol.conditions]

    def _evaluate(self, protocol: ProtocolConfig, condition: ConditionConfig) -> float | None:
        """Play and store one condition; return its success, or None if it was already stored."""
        config, frames = self._plan.config, self._run.frames
        name = f"{config.run_id}-{frames:010d}-{protocol.name}-{condition.label}"
        if is_written(self._out, "episodes", name):
            return None
        played: list[Played] = []
        for one in play_condition(self._run.policy, config, frames, protocol, condition):
            played.append(one)
            self._stop_if_asked()
        played.sort(key=lambda one: one.episode.scene_seed)
        steps = [step for one in played for step in one.steps]
        if steps:
            write_table(self._out, "steps", steps, name)
        write_table(self._out, "episodes", [one.episode for one in played], name)
        success = sum(one.episode.success for one in played) / len(played)
        total = config.updates * config.frames_per_update
        self._report(Progress(config.run_id, condition.label, frames, total, success, float("nan")))
        return success

    def _make_prober(self, state: dict[str, Any] | None) -> Prober | None:
        for protocol in self._plan.protocols:
            if protocol.name == "probes":
                prober = Prober(self._run.policy, self._plan.config, protocol)
                return prober.restored(state) if state else prober
        return None

    def _probe(self) -> None:
        if self._prober:
            self._prober.ask(self._run.update)

    def _measure_language(self) -> None:
        """Store what the language model knows of language now, where a protocol asks and it is not stored."""
        config, policy = self._plan.config, self._run.policy
        name = f"{config.run_id}-{self._run.frames:010d}"
        if not isinstance(policy, LanguageModelPolicy) or is_written(self._out, "language", name):
            return
        for protocol in self._plan.protocols:
            if protocol.name == "retention":
                rows = language_records(policy, config, self._run.frames, protocol)
                write_table(self._out, "language", rows, name)

    def _flush(self) -> None:
        """Write the updates and probes that no file holds yet."""
        name = f"{self._plan.config.run_id}-{self._run.frames:010d}"
        if self._pending:
            write_table(self._out, "training", self._pending, name)
            self._pending = []
        if self._prober and (rows := self._prober.records()):
            write_table(self._out, "probes", rows, name)

    def _save(self, score: float | None = None) -> None:
        state = {
            **self._run.state(),
            "protocols": [protocol.model_dump(mode="json") for protocol in self._plan.protocols],
            "pending": [asdict(record) for record in self._pending],
            "probes": self._prober.state() if self._prober else None,
            "seconds": self._seconds(),
            "started": self._started,
        }
        self._store.write(self._run.frames, self._run.save, state, score)
        self._saved = time.perf_counter()

    def _stop_if_asked(self) -> None:
        if self._stop():
            self._save()
            raise StoppedError

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._began
