"""Checkpoint directories: written atomically, verified by checksum, pruned to the last few and the best."""

import contextlib
import hashlib
import json
import math
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glam_eval.core.errors import UserError
from glam_eval.core.files import force_to_disk, sha256_of

FORMAT = 2  # 1 had no checksum of the manifest itself, so a changed digit of its state went unseen
_MANIFEST = "checkpoint.json"
_FACTS = ("frames", "state", "score", "temporary")
_PARTIAL, _REPLACED = ".partial-", ".replaced-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified checkpoint: its directory and what it says of itself."""

    directory: Path
    frames: int
    state: dict[str, Any]
    score: float | None = None  # by which it was ranked
    temporary: bool = False  # goes when a newer one is there


class CheckpointStore:
    """The checkpoints of one run, in one directory; the newest undamaged one is where the run resumes.

    ``counted`` is what a run's progress is counted in: the first part of its checkpoints' names.
    """

    def __init__(self, directory: Path, keep: int = 2, counted: str = "frames") -> None:
        self.directory = directory
        self._keep = keep
        self._counted = counted

    def write(
        self,
        frames: int,
        save: Callable[[Path], None],
        state: dict[str, Any],
        score: float | None = None,
        temporary: bool = False,
    ) -> Path:
        """Write a checkpoint and return its directory; older ones that are not kept are deleted.

        Args:
            frames: how far the run got.
            save: fills the directory.
            state: what else there is to restore, JSON-serialisable.
            score: ranks it; the highest is kept.
            temporary: whether it goes when a newer one is there. Which others are left at the end then does
                not depend on when a run was interrupted.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.tidy()
        target = self.directory / f"{self._counted}-{frames:010d}"
        partial = self.directory / f"{_PARTIAL}{frames:010d}"
        partial.mkdir()
        save(partial)
        checksums = {str(file.relative_to(partial)): sha256_of(file) for file in _files(partial)}
        manifest: dict[str, Any] = {"format": FORMAT, "frames": frames, "score": score}
        manifest["temporary"] = temporary
        manifest |= {"state": state, "sha256": checksums}
        manifest = json.loads(json.dumps(manifest))  # as it is read back: keys are text
        sealed = manifest | {"checksum": _checksum(manifest)}
        (partial / _MANIFEST).write_text(json.dumps(sealed, indent=1))
        for file in _files(partial):
            force_to_disk(file)
        replaced = self.directory / f"{_REPLACED}{frames:010d}"
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
        force_to_disk(self.directory)
        self.tidy()
        self._prune()
        return target

    def tidy(self) -> None:
        """Remove what a writer that was killed left behind, and put back the checkpoint it was replacing."""
        for replaced in self.directory.glob(f"{_REPLACED}*"):
            target = self.directory / f"{self._counted}-{replaced.name.removeprefix(_REPLACED)}"
            if replaced.is_dir() and not target.exists():
                replaced.rename(target)
            else:
                _remove(replaced)
        for partial in self.directory.glob(f"{_PARTIAL}*"):
            _remove(partial)

    def resume(self) -> Checkpoint | None:
        """Return where a writer goes on, after removing what a killed one left or had yet to remove."""
        self.tidy()
        checkpoint = self.latest()
        if checkpoint is not None and checkpoint.directory == self._directories()[0]:
            self._prune()  # where the newest is damaged, whatever there is may be needed
        return checkpoint

    def clear(self) -> None:
        """Remove all checkpoints."""
        _remove(self.directory)

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
        newest, *others = self._directories()
        ranks = {directory: _rank(directory) for directory in (newest, *others)}
        lasting = [directory for directory, rank in ranks.items() if rank is not None]
        kept = {newest, *lasting[: self._keep]}
        if lasting:
            kept.add(max(lasting, key=lambda directory: (ranks[directory], directory.name)))
        for directory in set(others) - kept:
            _remove(directory)


def read_checkpoint(directory: Path) -> Checkpoint:
    """Return a checkpoint after checking every file against its checksum; raise a UserError if damaged."""
    if not directory.is_dir():
        raise UserError(f"no checkpoint {str(directory)!r}: give a directory made by a run")
    manifest = _read_manifest(directory)
    for name, checksum in manifest["sha256"].items():
        file = directory / name
        if not file.is_file() or sha256_of(file) != checksum:
            raise UserError(f"checkpoint {str(directory)!r} is damaged: {name} is missing or changed")
    return Checkpoint(directory, **{name: manifest[name] for name in _FACTS})


def _read_manifest(directory: Path) -> dict[str, Any]:
    """Return what a checkpoint says of itself; raises a UserError where it is damaged, too old or too new."""
    damaged = UserError(f"checkpoint {str(directory)!r} is damaged: {_MANIFEST} can't be read")
    try:
        manifest = json.loads((directory / _MANIFEST).read_text(encoding="utf-8"))
        version = int(manifest["format"])
    except FileNotFoundError:
        raise UserError(f"{str(directory)!r} is not a checkpoint: it has no {_MANIFEST}") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise damaged from None
    if version > FORMAT:
        raise UserError(f"checkpoint {str(directory)!r} has format {version}: update glam-eval to read it")
    if version < FORMAT:
        raise UserError(
            f"checkpoint {str(directory)!r} has format {version}, of an older glam-eval: make it again"
        )
    checksum = manifest.pop("checksum", None)
    if checksum != _checksum(manifest):
        raise UserError(f"checkpoint {str(directory)!r} is damaged: {_MANIFEST} has changed")
    return dict(manifest)


def _checksum(manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of a manifest's values, however they are laid out in the file."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _rank(directory: Path) -> float | None:
    """Return what a checkpoint is ranked by, least if it is damaged or has none; None: it is temporary."""
    with contextlib.suppress(UserError):
        manifest = _read_manifest(directory)
        score = manifest["score"]
        if manifest["temporary"]:
            return None
        return -math.inf if score is None or math.isnan(score) else float(score)
    return -math.inf


def _remove(path: Path) -> None:
    """Remove a directory with all that is in it, a file or a link; never what a link leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _files(directory: Path) -> Iterator[Path]:
    return (file for file in sorted(directory.rglob("*")) if file.is_file())
