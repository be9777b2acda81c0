"""Writing tables: whole files, atomically; a finished file is never written again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from glam_eval.core.errors import UserError
from glam_eval.results.files import read_file, write_file
from glam_eval.results.layout import SUFFIX
from glam_eval.results.schema import arrow_schema, columns_of, record_type

DERIVED_TABLES = frozenset({"comparisons", "overlap"})  # made from the others: the newest replaces them


def write_table(out: Path, table: str, rows: Sequence[Any], name: str) -> Path:
    """Write records as ``<out>/<table>/<name>.parquet``, complete or not at all, and return that path.

    A file that exists stays as it is when its rows are equal in every column but the volatile ones (seconds,
    rates, dates), so that repeating finished work is harmless. Tables derived from others (``comparisons``)
    are replaced, whatever is there.

    Raises:
        UserError: A file of that name holds other rows, or can't be read.
        ValueError: Readers would skip a file of that name.
    """
    data = table_of(table, rows)
    target = Path(out) / table / f"{checked_name(name)}{SUFFIX}"
    if target.exists() and table not in DERIVED_TABLES:
        columns = columns_of(record_type(table))
        _check_unchanged(target, data, [c.name for c in columns if not c.column.volatile])
    else:
        write_file(target, data)
    return target


def table_of(table: str, rows: Sequence[Any]) -> pa.Table:
    """Return records of a table as an Arrow table of its schema."""
    record = record_type(table)
    arrays = {column.name: [getattr(row, column.attribute) for row in rows] for column in columns_of(record)}
    return pa.table(arrays, schema=arrow_schema(record))


def checked_name(name: str) -> str:
    """Return the name of a file or folder of rows; raises ValueError for one that readers would skip."""
    if not name or name.startswith(("_", ".")) or "/" in name:
        raise ValueError(f"{name!r} is no file name of a table: readers skip names that start with _ or .")
    return name


def _check_unchanged(target: Path, data: pa.Table, stable_columns: list[str]) -> None:
    try:
        existing = read_file(target, stable_columns, required=stable_columns)
    except UserError as error:
        raise UserError(f"{target} exists and can't be read ({error}): delete it") from error
    if not existing.to_pandas().equals(data.select(stable_columns).to_pandas()):
        raise UserError(f"{target} exists with other content: write to another directory, or delete it")
