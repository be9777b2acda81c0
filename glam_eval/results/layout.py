"""Which files hold a table's rows now, also while a run goes on and after a crash at any point.

A table's folder holds files of finished work (``<run_id>.parquet``, or ``<table>.parquet`` of a whole study)
and, for each run that goes on, a folder of parts. Two rules make every row count once: parts beside a file of
their run's name are leftovers of a merge, and a journal tells which files a compaction replaces by which.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glam_eval.core.errors import UserError
from glam_eval.core.tables import TABLES

JOURNAL = ".compaction.json"
STAGING = "_compaction"  # a folder in a table's: new files before they replace the old ones
SUFFIX = ".parquet"
ATTEMPTS = 5  # at reading what another process merges or compacts meanwhile


@dataclass(frozen=True, slots=True)
class Journal:
    """A compaction that is under way, or was when it was killed; its new files are complete."""

    new: tuple[str, ...]  # names of the files that replace the old ones
    old: tuple[str, ...]  # names may be among the new ones

    def to_json(self) -> bytes:
        """Return the journal as it is stored."""
        return json.dumps({"new": self.new, "old": self.old}, indent=1).encode()


def files_of(root: Path, table: str) -> list[Path]:
    """Return the files that hold a table's rows, in the order of runs and of their parts.

    Raises:
        UserError: ``root`` is no directory, a journal in it is damaged, or files come and go all the time.
    """
    if not root.is_dir():
        raise UserError(f"{root} is no directory: give the directory that a suite wrote its results to")
    folder, single = root / table, root / f"{table}{SUFFIX}"
    for _ in range(ATTEMPTS):
        try:
            files = _in_folder(folder) if folder.is_dir() else []
        except FileNotFoundError:
            continue
        return files + ([single] if single.is_file() else [])
    raise changing(folder)


def changing(folder: Path) -> UserError:
    """Return the error for a table that could not be read in as many attempts as are made."""
    return UserError(f"{folder} changes while it is read: try again when nothing is written there")


def table_names(path: str | Path) -> list[str]:
    """Return the tables that a directory holds, in the data dictionary's order (none if it is no study)."""
    root = Path(path)
    return [table for table in TABLES if root.is_dir() and files_of(root, table)]


def read_journal(folder: Path) -> Journal | None:
    """Return the journal of a compaction that is under way, or was when it was killed.

    Raises:
        UserError: The journal is damaged, or names anything but files of this folder.
    """
    file = folder / JOURNAL
    try:
        stored = json.loads(file.read_bytes())
        journal = Journal(tuple(stored["new"]), tuple(stored["old"]))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{file} is damaged: restore the folder, or delete this file") from error
    if not all(_is_plain_name(name) for name in journal.new + journal.old):
        raise UserError(f"{file} names files of other folders: delete it")
    return journal


def part_files(folder: Path) -> list[Path]:
    """Return the complete files of a folder, by name; readers skip names that start with _ or a full stop."""
    return sorted(file for file in folder.glob(f"*{SUFFIX}") if not _is_hidden(file.name))


def _in_folder(folder: Path) -> list[Path]:
    journal = read_journal(folder)
    entries = [entry for entry in folder.iterdir() if not _is_hidden(entry.name)]
    files = {entry for entry in entries if entry.name.endswith(SUFFIX)}
    runs = {entry.name: part_files(entry) for entry in entries if entry not in files and entry.is_dir()}
    groups = {file.stem: [file] for file in files}
    for run, parts in runs.items():
        merged = folder / f"{run}{SUFFIX}"  # asked after the parts were listed: they go once it is there
        groups[run] = [merged] if merged.exists() else parts
    if journal is not None:
        for name in journal.old:
            groups.pop(Path(name).stem, None)
        for name in journal.new:
            staged = folder / STAGING / name
            groups[Path(name).stem] = [staged if staged.exists() else folder / name]
    if read_journal(folder) != journal:
        raise FileNotFoundError(f"{folder} is being compacted")
    return [file for _, group in sorted(groups.items()) for file in group]


def _is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def _is_plain_name(name: Any) -> bool:
    if not isinstance(name, str) or Path(name).name != name:
        return False
    return name.endswith(SUFFIX) and not _is_hidden(name)
