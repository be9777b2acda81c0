"""Writing tables: whole files, atomically, never twice."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from glam_eval.core.errors import UserError
from glam_eval.results.schema import arrow_schema, columns_of, record_type

DERIVED_TABLES = frozenset({"comparisons"})  # computed from the others, so always replaced by the newest


def write_table(out: Path, table: str, rows: Sequence[Any], name: str) -> Path:
    """Write records as ``<out>/<table>/<name>.parquet`` and return that path.

    The file appears complete or not at all: it is written under a name that Parquet readers skip, forced to
    disk, then renamed. A file that exists stays as it is when its rows are equal in every column but the
    volatile ones (seconds, rates, dates), so that repeating finished work is harmless; other content
    raises ``UserError``. Only tables derived from others (``comparisons``) are replaced.
    """
    if not name or name.startswith(("_", ".")) or "/" in name:
        raise ValueError(f"{name!r} is no file name of a table: readers skip names that start with _ or .")
    record = record_type(table)
    columns = columns_of(record)
    arrays = {column.name: [getattr(row, column.attribute) for row in rows] for column in columns}
    data = pa.table(arrays, schema=arrow_schema(record))
    target = Path(out) / table / f"{name}.parquet"
    if target.exists() and table not in DERIVED_TABLES:
        _check_unchanged(target, data, [c.name for c in columns if not c.column.volatile])
    else:
        _replace_atomically(target, data)
    return target


def _check_unchanged(target: Path, data: pa.Table, stable_columns: list[str]) -> None:
    try:
        existing = pq.read_table(target, partitioning=None)
        same = existing.select(stable_columns).to_pandas().equals(data.select(stable_columns).to_pandas())
    except (pa.ArrowException, OSError, KeyError) as error:
        raise UserError(f"{target} exists and can't be read ({_first_line(error)}): delete it") from error
    if not same:
        raise UserError(f"{target} exists with other content: write to another directory, or delete it")


def _replace_atomically(target: Path, data: pa.Table) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix="_", suffix=".writing", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            pq.write_table(data, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _force_directory(target.parent)


def _force_directory(directory: Path) -> None:
    """Force the rename itself to disk (a no-op where directories can't be opened, as on Windows)."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
