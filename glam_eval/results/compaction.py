"""A finished study as few files: one a table, rows in one order.

A table's new files are written into a folder that readers skip, then a journal names them and those that they
replace, then they are moved and the old ones deleted. Killed before the journal is there, a compaction did
nothing; killed later, the next one completes it, and until then readers follow the journal.
"""

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from glam_eval.core.errors import UserError
from glam_eval.core.files import force_to_disk, write_bytes_atomically
from glam_eval.core.leases import HeldError, held
from glam_eval.core.tables import TABLES
from glam_eval.results.files import COMPACT, concatenate, read_file, write_file
from glam_eval.results.layout import (
    JOURNAL,
    STAGING,
    SUFFIX,
    Journal,
    files_of,
    part_files,
    read_journal,
    table_names,
)
from glam_eval.results.reader import finished_runs, text_columns
from glam_eval.results.runs import remove_leftovers
from glam_eval.results.writer import DERIVED_TABLES

_LEASE = "compaction"
ROWS_PER_FILE = 2_000_000  # bounds memory: some 20 MB of episodes on disk, 1 GB while they are written
_ORDER = (  # rows equal in these stay as they were: the actions of a probe are in the order offered
    "run_id", "source", "model", "seed", "recipe", "frames", "update", "protocol", "shift", "language",
    "level", "question", "scene_seed", "step", "objective", "probe", "part",
)  # fmt: skip
_OF_A_STUDY = ("runs", "checkpoints", "suite.json")  # any of these: what is unfinished may go on here

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction came to: numbers and sizes of the tables' files, before and after."""

    files_before: int
    bytes_before: int
    files_after: int
    bytes_after: int


def compact(out: Path, report: Report | None = None) -> Compaction:
    """Make one file of each table in a results directory, or a few where it is huge; again changes nothing.

    In a suite's directory only rows of finished runs take part; what runs that go on or failed have stored
    stays where it is, and so does everything but the tables' own files. ``comparisons`` is left to
    whoever computes it.

    Args:
        out: The results directory.
        report: Called after each file that was read, with its table, how many were and how many will be.

    Raises:
        UserError: It is no results directory, another compaction is at work in it, or a file is damaged
            (nothing of its table is changed then).
    """
    with claimed(out):
        tables = [table for table in TABLES if (out / table).is_dir() and table not in DERIVED_TABLES]
        for table in tables:
            recover(out / table)
        if not table_names(out):
            raise UserError(
                f"{out} holds no results: expected tables like {out / 'episodes'}/*.parquet in it"
            )
        before = _measure(out)
        in_study = any((out / name).exists() for name in _OF_A_STUDY)
        finished = finished_runs(out) if in_study else None
        candidates = {table: _candidates(out, table) for table in tables}
        total, done = sum(map(len, candidates.values())), 0
        for table, files in candidates.items():
            kept: dict[Path, pa.Table] = {}
            for file in files:
                rows = read_file(file, dictionary=text_columns(table))
                if finished is None or _is_finished(rows, finished):
                    kept[file] = rows
                done += 1
                if report is not None:
                    report(table, done, total)
            _replace(out / table, kept)
    return Compaction(*before, *_measure(out))


@contextlib.contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Hold a directory for one compaction; nothing is left behind.

    Raises:
        UserError: Another process holds it, or it is no directory.
    """
    if not out.is_dir():
        raise UserError(f"{out} is no directory: give the directory that a suite wrote its results to")
    try:
        with held(out, _LEASE):
            yield
    except HeldError as error:
        raise UserError(f"{out} is being compacted by another process ({error}): wait for it") from None


def recover(folder: Path) -> None:
    """Complete what a killed compaction of a table had begun to move; forget what it had only written.

    Raises:
        UserError: The folder is a link, or its journal is damaged.
    """
    if folder.is_symlink():
        raise UserError(f"{folder} is a link: compact the directory that holds the files themselves")
    journal = read_journal(folder)
    if journal is not None:
        _carry_out(folder, journal)
    if (folder / STAGING).is_dir():
        shutil.rmtree(folder / STAGING)


def compact_files(folder: Path) -> list[Path]:
    """Return the files that compaction has made in a table's folder."""
    compacted = re.compile(rf"{folder.name}(-\d{{3}})?{re.escape(SUFFIX)}")
    return [file for file in part_files(folder) if compacted.fullmatch(file.name)]


def _candidates(out: Path, table: str) -> list[Path]:
    """Return the files of a table that are no run's parts, none if they are compact already."""
    folder = out / table
    files = [file for file in files_of(out, table) if file.parent == folder]
    return [] if set(files) <= set(compact_files(folder)) else files


def _is_finished(rows: pa.Table, finished: set[str]) -> bool:
    """Return whether all rows are those of finished runs, which rows that name no run never are."""
    if "run_id" not in rows.column_names:
        return False
    statuses = pc.unique(rows["status"]).to_pylist() if "status" in rows.column_names else []
    return set(pc.unique(rows["run_id"]).to_pylist()) <= finished and set(statuses) <= {"finished"}


def _replace(folder: Path, kept: dict[Path, pa.Table]) -> None:
    """Replace files of a table by few that hold the same rows."""
    if not kept:
        return
    for file in kept:
        remove_leftovers(file)
    data = concatenate(list(kept.values()), folder)
    order = _order(data)
    pieces = [order[start : start + ROWS_PER_FILE] for start in range(0, max(len(order), 1), ROWS_PER_FILE)]
    names = [f"{folder.name}{SUFFIX}"]
    if len(pieces) > 1:
        names = [f"{folder.name}-{number:03d}{SUFFIX}" for number in range(len(pieces))]
    schema = _plain(data.schema)
    for name, piece in zip(names, pieces, strict=True):
        write_file(folder / STAGING / name, data.take(pa.array(piece)).cast(schema), COMPACT)
    journal = Journal(tuple(names), tuple(file.name for file in kept))
    write_bytes_atomically(folder / JOURNAL, journal.to_json())
    _carry_out(folder, journal)


def _carry_out(folder: Path, journal: Journal) -> None:
    """Put a table's new files in the place of the old ones; begun anew, it goes on where it was killed."""
    if lost := [
        name for name in journal.new if not ((folder / STAGING / name).exists() or (folder / name).exists())
    ]:
        raise UserError(f"{folder / JOURNAL} names files that are gone, {', '.join(lost)}: delete it")
    for name in journal.new:
        staged = folder / STAGING / name
        if staged.exists():
            staged.replace(folder / name)
    force_to_disk(folder)
    for name in set(journal.old) - set(journal.new):
        (folder / name).unlink(missing_ok=True)
    force_to_disk(folder)
    (folder / JOURNAL).unlink()
    shutil.rmtree(folder / STAGING)


def _order(data: pa.Table) -> NDArray[np.intp]:
    """Return the positions of rows in the order of their keys."""
    keys = [name for name in _ORDER if name in data.column_names]
    if not keys:
        return np.arange(data.num_rows)
    return np.lexsort([_ranks(data[name]) for name in reversed(keys)])  # the last key counts most


def _ranks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return numbers in the order of a column's values; no value comes first."""
    if not pa.types.is_dictionary(column.type):
        numbers: NDArray[np.int64] = column.to_numpy()
        return numbers
    values = column.to_pandas().cat
    ranks = np.argsort(np.argsort(values.categories.to_numpy(dtype=object)))
    in_order: NDArray[np.int64] = np.append(ranks, -1)[values.codes.to_numpy()]  # the code of no value is -1
    return in_order


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema whose dictionaries are plain columns: Parquet makes its own."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in schema
    ]
    return pa.schema(fields)


def _measure(out: Path) -> tuple[int, int]:
    """Return number and bytes of all tables' files."""
    files = [file for table in TABLES for file in files_of(out, table)]
    return len(files), sum(file.stat().st_size for file in files)
