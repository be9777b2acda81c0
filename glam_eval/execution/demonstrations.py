"""Demonstrations on disk: collected by a run of their own, read by any number of clones."""

import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from math import nan
from pathlib import Path

import pyarrow as pa

from glam_eval.config.agents import describe_agent
from glam_eval.config.demonstrations import DemonstrationsConfig, set_of_seed
from glam_eval.config.learners import CloningConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.files import names_directory
from glam_eval.core.records import DemonstrationRecord
from glam_eval.core.seeds import stream
from glam_eval.environments import offered_actions
from glam_eval.execution.owed import is_collected
from glam_eval.execution.progress import COLLECTING, Progress, Report, StoppedError
from glam_eval.execution.study import checkpoints, demonstrations_file, log_file
from glam_eval.results import RunTables
from glam_eval.results.files import concatenate, read_file
from glam_eval.results.layout import files_of
from glam_eval.training.checkpoints import Checkpoint, CheckpointStore, read_checkpoint

TABLE = "demonstrations"
_COLUMNS = [field.name for field in fields(DemonstrationRecord)]
CHECKPOINT_SECONDS = 30.0  # at most this much work is lost to a crash; results do not depend on it
_REPORT_STEPS = 10
_MUST_AGREE = ("language", "actions", "template", "remembered")  # between a checkpoint's world and a clone's


class DemonstrationsRun:
    """Carries out a collection; it resumes from its last checkpoint, and its table is its result."""

    def __init__(
        self,
        config: DemonstrationsConfig,
        teacher: str,
        out: Path,
        device: str,
        report: Report,
        stop: Callable[[], bool],
    ) -> None:
        """Begin, or continue, to collect.

        Args:
            config: what is collected.
            teacher: run_id of the run in ``out`` that trained who demonstrates; empty where none had to be.
            out: directory of the study.
            device: where the demonstrator computes.
            report: called now and then.
            stop: asked after every step.
        """
        from glam_eval.training.demonstrations import DemonstrationCollector

        self._config, self._out, self._report, self._stop = config, out, report, stop
        self._tables = RunTables(out, config.run_id)
        self._store = CheckpointStore(checkpoints(out, config.run_id), keep=1, counted="steps")
        self._collector = DemonstrationCollector(config, device, _demonstrator(config, teacher, out))
        checkpoint = self._store.resume()
        if checkpoint:
            self._collector.restore(checkpoint)
        self._tables.discard(lambda _, part: int(part) <= self._collector.collected)
        self._pending: list[DemonstrationRecord] = []
        self._saved = self._began = time.perf_counter()

    def carry_out(self) -> None:
        """Collect what is wanted and store it; raises StoppedError when asked to stop."""
        if not is_collected(self._out, self._config):
            before = self._collector.collected
            while not self._collector.finished:
                self._pending += self._collector.advance()
                if self._stop():
                    self._save()
                    raise StoppedError
                if time.perf_counter() - self._saved > CHECKPOINT_SECONDS:
                    self._save()
                if self._collector.step % _REPORT_STEPS == 0:
                    self._tell(before)
            self._tell(before)
            self._save()
            self._tables.merge()
            self._log()
        self._store.clear()

    def _tell(self, before: int) -> None:
        config, collector = self._config, self._collector
        rate = (collector.collected - before) / (time.perf_counter() - self._began)
        ended = collector.solved + collector.failed
        solved = collector.solved / ended if ended else nan
        phase = f"{COLLECTING}, {self.left_out}" if self.left_out else COLLECTING
        self._report(Progress(config.run_id, phase, collector.collected, config.transitions, solved, rate))

    @property
    def left_out(self) -> str:
        """What was left out because the demonstrator failed, in words; empty if nothing was."""
        collector = self._collector
        ended = collector.solved + collector.failed
        steps = f"their {collector.left_out:,} steps are left out"
        return f"{collector.failed:,} of {ended:,} episodes failed: {steps}" if collector.failed else ""

    def _log(self) -> None:
        if self.left_out:
            log = log_file(self._out, self._config.run_id)
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as stream:
                stream.write(f"{self.left_out}\n")

    def _save(self) -> None:
        """Store what was collected since the last time, then a checkpoint that counts on it."""
        if self._pending:
            self._tables.write(TABLE, f"{self._collector.collected:010d}", self._pending)
            self._pending = []
        self._store.write(self._collector.step, self._collector.save, self._collector.state())
        self._saved = time.perf_counter()


def collected_demonstrations(out: Path, run_id: str) -> list[DemonstrationRecord]:
    """Return the demonstrations that a run of the study in a directory collected."""
    return _records(read_file(demonstrations_file(out, run_id), _COLUMNS, required=_COLUMNS))


def stored_demonstrations(settings: CloningConfig, seed: int) -> list[DemonstrationRecord]:
    """Return the demonstrations that a directory holds, or as many of them as are asked for.

    Raises:
        UserError: if the directory holds fewer, or can't be read.
    """
    records, wanted = _records(_read(Path(settings.demonstrations), _COLUMNS)), settings.transitions
    if wanted is None:
        return records
    if wanted > len(records):
        raise UserError(
            f"cloning.transitions = {wanted}, but {settings.demonstrations!r} holds {len(records)}"
        )
    chosen = stream(seed, "subsample").choice(len(records), size=wanted, replace=False)
    return [records[index] for index in sorted(chosen.tolist())]


def demonstrations_of(config: RunConfig, out: Path) -> Sequence[DemonstrationRecord]:
    """Return what a run imitates, as it is stored; nothing for agents that don't imitate."""
    if not isinstance(config.learner, CloningConfig):
        return ()
    if config.learner.content:
        return stored_demonstrations(config.learner, config.seed)
    return collected_demonstrations(out, set_of_seed(config.learner.demonstrations, config.seed))


def check_demonstrations(config: RunConfig | DemonstrationsConfig) -> None:
    """Raise a UserError unless a run fits the demonstrations or the checkpoint that it is to learn from.

    Those offer the same actions, or are told in the same words, as the run itself.
    """
    if isinstance(config, DemonstrationsConfig):
        if names_directory(config.source):
            _check_world(config)
    elif isinstance(config.learner, CloningConfig) and config.learner.content:
        _check_actions(config, Path(config.learner.demonstrations))


def describe_demonstrations(directory: Path) -> tuple[int, bool]:
    """Return how many demonstrations a directory holds, and whether no trained agent made any of them."""
    sources = pa.compute.unique(_read(directory, ["source"])["source"]).to_pylist()
    count = _read(directory, ["step"]).num_rows
    return count, all(_is_reference(source) for source in sources)


def _is_reference(source: str) -> bool:
    try:
        return describe_agent(source).role == "reference"
    except UserError:  # a run_id
        return False


def _demonstrator(config: DemonstrationsConfig, teacher: str, out: Path) -> Checkpoint | None:
    """Return the checkpoint of who demonstrates; None for an agent that nothing has to be trained for."""
    if not teacher:
        return read_checkpoint(Path(config.source)) if Path(config.source).is_dir() else None
    found = CheckpointStore(checkpoints(out, teacher)).latest()
    if found is None:
        raise UserError(f"run {teacher} has no checkpoint in {str(out)!r}: start over with --fresh")
    return found


def _check_world(config: DemonstrationsConfig) -> None:
    checkpoint = read_checkpoint(Path(config.source))
    made_by = RunConfig.parse(checkpoint.state["config"], source=config.source)
    for name in _MUST_AGREE:
        theirs, ours = getattr(made_by.environment, name), getattr(config.environment, name)
        if theirs != ours:
            raise UserError(f"the demonstrator has environment.{name} = {theirs!r}, this run has {ours!r}")


def _check_actions(config: RunConfig, directory: Path) -> None:
    ours = offered_actions(config.environment)
    offers = {tuple(offer) for offer in _read(directory, ["actions"])["actions"].to_pylist()}
    if not offers:
        raise UserError(f"{directory}/{TABLE} is empty: collect some by glam-eval clone")
    for other in sorted(offers - {ours}) if ours else ():
        raise UserError(
            f"the demonstrations in {directory} offer {', '.join(other)}; this run offers "
            f"{', '.join(ours)}: set environment.actions and environment.language as theirs"
        )


def _records(table: pa.Table) -> list[DemonstrationRecord]:
    return [DemonstrationRecord(**row) for row in table.to_pylist()]


def _read(directory: Path, columns: list[str]) -> pa.Table:
    """Return the demonstrations that a directory holds, checksums verified."""
    files = files_of(directory, TABLE)
    if not files:
        raise UserError(f"{str(directory)!r} holds no demonstrations: collect some by glam-eval clone")
    return concatenate([read_file(file, columns, required=columns) for file in files], directory / TABLE)
