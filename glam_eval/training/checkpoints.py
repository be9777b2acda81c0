"""Checkpoint directories: written atomically, verified by checksum, pruned to the last few and the best."""

import contextlib
import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glam_eval.core.errors import UserError
from glam_eval.core.files import force_to_disk, sha256_of

FORMAT = 1
_MANIFEST = "checkpoint.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified checkpoint: its directory and what it says of itself."""

    directory: Path
    frames: int
    state: dict[str, Any]
    score: float | None = None  # by which it was ranked


class CheckpointStore:
    """The checkpoints of one run, in one directory; the newest undamaged one is where the run resumes.

    ``counted`` is what a run's progress is counted in: the first part of its checkpoints' names.
    """

    def __init__(self, directory: Path, keep: int = 2, counted: str = "frames") -> None:
        self.directory = directory
        self._keep = keep
        self._counted = counted

    def write(
        self, frames: int, save: Callable[[Path], None], state: dict[str, Any], score: float | None = None
    ) -> Path:
        """Write a checkpoint: ``save`` fills the directory; ``score`` ranks it (higher is better)."""
        self.directory.mkdir(parents=True, exist_ok=True)
        target = self.directory / f"{self._counted}-{frames:010d}"
        partial = self.directory / f".partial-{frames:010d}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        save(partial)
        checksums = {str(file.relative_to(partial)): sha256_of(file) for file in _files(partial)}
        manifest = {"format": FORMAT, "frames": frames, "score": score, "state": state, "sha256": checksums}
        (partial / _MANIFEST).write_text(json.dumps(manifest, indent=1))
        for file in _files(partial):
            force_to_disk(file)
        replaced = self.directory / f".replaced-{frames:010d}"
        shutil.rmtree(replaced, ignore_errors=True)  # left by a process that was killed right here
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
        force_to_disk(self.directory)
        shutil.rmtree(replaced, ignore_errors=True)
        self._prune()
        return target

    def latest(self) -> Checkpoint | None:
        """Return the newest undamaged checkpoint; a damaged one is named in a warning and passed over."""
        for directory in self._directories():
            try:
                return read_checkpoint(directory)
            except UserError as error:
                warnings.warn(f"{error}; the previous checkpoint is used", stacklevel=2)
        return None

    def _directories(self) -> list[Path]:
        return sorted(self.directory.glob(f"{self._counted}-*"), reverse=True)

    def _prune(self) -> None:
        directories = self._directories()
        scores = {directory: _score(directory) for directory in directories}
        best = max(directories, key=lambda directory: (scores[directory], directory.name))
        for directory in directories[self._keep :]:
            if directory != best:
                shutil.rmtree(directory, ignore_errors=True)


def read_checkpoint(directory: Path) -> Checkpoint:
    """Return a checkpoint after checking every file against its checksum; raise a UserError if damaged."""
    if not directory.is_dir():
        raise UserError(f"no checkpoint {str(directory)!r}: give a directory made by a run")
    try:
        manifest = json.loads((directory / _MANIFEST).read_text())
        checksums: dict[str, str] = manifest["sha256"]
        version, frames, state = manifest["format"], manifest["frames"], manifest["state"]
        score = manifest["score"]
    except FileNotFoundError:
        raise UserError(f"{str(directory)!r} is not a checkpoint: it has no {_MANIFEST}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"checkpoint {str(directory)!r} is damaged: {_MANIFEST} can't be read") from None
    if version > FORMAT:
        raise UserError(f"checkpoint {str(directory)!r} has format {version}: update glam-eval to read it")
    for name, checksum in checksums.items():
        file = directory / name
        if not file.is_file() or sha256_of(file) != checksum:
            raise UserError(f"checkpoint {str(directory)!r} is damaged: {name} is missing or changed")
    return Checkpoint(directory, frames, state, score)


def _score(directory: Path) -> float:
    with contextlib.suppress(OSError, ValueError, KeyError):
        score = json.loads((directory / _MANIFEST).read_text())["score"]
        return -1.0 if score is None else float(score)
    return -1.0


def _files(directory: Path) -> Iterator[Path]:
    return (file for file in sorted(directory.rglob("*")) if file.is_file())
