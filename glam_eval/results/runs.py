"""The tables of one run: parts while it goes on, one file a table when it ends."""

import json
import shutil
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from glam_eval.core.errors import UserError
from glam_eval.core.files import force_to_disk
from glam_eval.core.tables import TABLES
from glam_eval.results.files import concatenate, read_file, write_file
from glam_eval.results.layout import SUFFIX, part_files
from glam_eval.results.reader import finished_runs
from glam_eval.results.schema import record_type
from glam_eval.results.writer import DERIVED_TABLES, checked_name, table_of

_TABLES = [table for table in TABLES if table not in {"runs", *DERIVED_TABLES}]  # those made of parts
_PARTS = b"glam_eval.parts"  # metadata of a merged file: names of its parts and their numbers of rows


class RunTables:
    """The tables of one run in a results directory.

    Until ``merge``, rows are parts, ``<out>/<table>/<run_id>/<part>.parquet``; from then on they are one
    file, ``<out>/<table>/<run_id>.parquet``, in the order of the parts' names. A process that is killed
    between any two steps leaves every row readable once, and the same calls again come to the same tables.
    As long as the run has no row in ``runs`` its parts may be replaced, merged or not. One process at a time
    may write.

    Args:
        out: The results directory.
        run_id: The run.
    """

    def __init__(self, out: Path, run_id: str) -> None:
        self._out, self._run_id = Path(out), checked_name(run_id)

    def write(self, table: str, part: str, rows: Sequence[Any]) -> None:
        """Write a part, complete or not at all, in place of one of that name.

        Raises:
            ValueError: The run is finished, or the name is none that readers read.
        """
        self._check_unfinished()
        data = table_of(table, rows)
        if self._merged(table).exists():
            self._split(table, self.parts(table))
        write_file(self._part(table, part), data)

    def has(self, table: str, part: str) -> bool:
        """Return whether a part is stored, merged or not."""
        return part in self.parts(table)

    def parts(self, table: str) -> list[str]:
        """Return the names of the parts that are stored, merged or not, in order."""
        record_type(table)
        if self._merged(table).exists():
            return [name for name, _ in _bounds(self._merged(table), self._read_merged(table, columns=[]))]
        return [file.stem for file in part_files(self._folder(table))]

    def read(self, table: str, part: str, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
        """Return the rows of a part, merged or not, and only some columns if asked; None if it is not stored.

        Raises:
            UserError: The file is damaged or lacks a column; the message names it.
        """
        if not self.has(table, part):
            return None
        if not self._merged(table).exists():
            data = read_file(self._part(table, part), columns, required=columns or ())
        else:
            merged = self._read_merged(table, columns)
            data = dict(_slices(merged, _bounds(self._merged(table), merged)))[part]
        frame: pd.DataFrame = data.replace_schema_metadata(None).to_pandas()
        return frame

    def read_all(self, table: str, columns: Sequence[str]) -> pd.DataFrame | None:
        """Return some columns of all parts, merged or not; None if there is none.

        Raises:
            UserError: A file is damaged or lacks a column; the message names it.
        """
        if self._merged(table).exists():
            data = self._read_merged(table, columns)
        elif files := part_files(self._folder(table)):
            data = concatenate(
                [read_file(file, columns, required=columns) for file in files], files[0].parent
            )
        else:
            return None
        frame: pd.DataFrame = data.replace_schema_metadata(None).to_pandas()
        return frame

    def discard(self, keep: Callable[[str, str], bool]) -> None:
        """Delete the parts for which ``keep(table, part)`` is false, merged or not.

        A run that resumes from a checkpoint discards what was stored later than that.

        Raises:
            ValueError: The run is finished.
        """
        self._check_unfinished()
        for table in _TABLES:
            stored = self.parts(table)
            kept = [part for part in stored if keep(table, part)]
            if kept == stored:
                continue
            if self._merged(table).exists():
                self._split(table, kept)
            else:
                for part in set(stored) - set(kept):
                    self._part(table, part).unlink()

    def merge(self) -> None:
        """Make one file of each table's parts; what an earlier, killed merge left behind is removed.

        Raises:
            UserError: A part is damaged; the message names it.
        """
        for table in _TABLES:
            folder, merged = self._folder(table), self._merged(table)
            if folder.is_dir() and not merged.exists():
                self._merge(table)
            remove_leftovers(merged)

    def _merge(self, table: str) -> None:
        folder = self._folder(table)
        files = part_files(folder)
        if not files:
            return
        parts = [read_file(file) for file in files]
        names = [[file.stem, part.num_rows] for file, part in zip(files, parts, strict=True)]
        data = concatenate(parts, folder)
        whole = folder / f"_merged{SUFFIX}"
        write_file(whole, data.replace_schema_metadata({_PARTS: json.dumps(names)}))
        whole.replace(self._merged(table))
        force_to_disk(self._merged(table).parent)

    def _split(self, table: str, kept: Sequence[str]) -> None:
        """Turn a merged file into parts again, those named."""
        merged, folder = self._merged(table), self._folder(table)
        data = self._read_merged(table)
        slices = _slices(data, _bounds(merged, data))
        remove_leftovers(merged)
        staging = folder.with_name(f"_{self._run_id}.split")
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir()
        for name, rows in slices:
            if name in kept:
                write_file(staging / f"{name}{SUFFIX}", rows.replace_schema_metadata(None))
        staging.rename(folder)
        force_to_disk(folder.parent)
        merged.unlink()
        force_to_disk(folder.parent)

    def _folder(self, table: str) -> Path:
        return self._out / table / self._run_id

    def _merged(self, table: str) -> Path:
        return self._out / table / f"{self._run_id}{SUFFIX}"

    def _part(self, table: str, part: str) -> Path:
        return self._folder(table) / f"{checked_name(part)}{SUFFIX}"

    def _read_merged(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        return read_file(self._merged(table), columns, required=columns or ())

    def _check_unfinished(self) -> None:
        if self._is_finished:
            raise ValueError(f"run {self._run_id} is finished: its rows are never written again")

    @cached_property
    def _is_finished(self) -> bool:
        return self._run_id in finished_runs(self._out)


def remove_leftovers(merged: Path) -> None:
    """Delete the folder of parts that a killed merge left beside a merged file, if there is one.

    The folder is renamed first, so that no reader meets half of it.
    """
    folder = merged.with_suffix("")
    doomed = folder.with_name(f"_{folder.name}.merged")
    if doomed.exists():
        shutil.rmtree(doomed)
    if folder.is_dir():
        folder.rename(doomed)
        shutil.rmtree(doomed)


def _bounds(file: Path, data: pa.Table) -> list[tuple[str, int]]:
    """Return names and numbers of rows of a merged file's parts, in order."""
    try:
        return [(str(name), int(rows)) for name, rows in json.loads(data.schema.metadata[_PARTS])]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{file} was not made by this run: move it away, or write elsewhere") from error


def _slices(data: pa.Table, bounds: Sequence[tuple[str, int]]) -> list[tuple[str, pa.Table]]:
    starts = accumulate((rows for _, rows in bounds), initial=0)
    return [(name, data.slice(start, rows)) for (name, rows), start in zip(bounds, starts, strict=False)]
