"""Reading tables: ours, or anyone's with the same columns."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from glam_eval.core.errors import UserError
from glam_eval.core.records import TABLES
from glam_eval.results.schema import columns_of, record_type

_DISTINCT_TEXTS = {"actions"}  # nearly every row differs: a dictionary would only cost memory


def load_results(
    path: str | Path, table: str = "episodes", columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a table of a results directory as a DataFrame.

    ``path`` holds ``<table>/*.parquet`` (or one ``<table>.parquet``). ``columns`` selects by name; left out,
    all are read, columns we don't know included, and those that the data dictionary does not call optional
    must exist. In ``episodes``, by far the longest table, texts that repeat are pandas categories, which
    keeps millions of episodes small and their grouping fast; in the other tables texts are plain strings.

    Raises ``UserError`` for a path that is no results directory, a table or column that is missing (naming
    the available ones) and a file that is damaged (naming it).
    """
    record = record_type(table)
    files = _files(Path(path), table)
    declared = columns_of(record)
    required = list(columns) if columns is not None else [c.name for c in declared if not c.column.optional]
    dictionary = (
        [c.name for c in declared if c.python_type is str and c.name not in _DISTINCT_TEXTS]
        if table == "episodes"
        else []
    )
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # reading releases the lock; the order is kept
        parts = list(pool.map(lambda file: _read_file(file, columns, required, dictionary), files))
    try:
        data = pa.concat_tables(parts, promote_options="permissive").unify_dictionaries()
    except pa.ArrowException as error:
        raise UserError(f"the files of {files[0].parent} don't fit together: {error}") from error
    data = data.replace_schema_metadata(None)  # an index that pandas may have stored is no column of ours
    del parts
    frame: pd.DataFrame = data.to_pandas(self_destruct=True, split_blocks=True)
    return frame


def table_names(path: str | Path) -> list[str]:
    """Return the tables that a directory holds, in the data dictionary's order (none if it is no study)."""
    root = Path(path)
    return [t for t in TABLES if any((root / t).glob("*.parquet")) or (root / f"{t}.parquet").is_file()]


def _files(root: Path, table: str) -> list[Path]:
    if not root.is_dir():
        raise UserError(f"{root} is no directory: give the directory that a suite wrote its results to")
    single = root / f"{table}.parquet"
    files = [
        file for file in sorted((root / table).glob("*.parquet")) if not file.name.startswith(("_", "."))
    ]
    files += [single] if single.is_file() else []
    if files:
        return files
    available = table_names(root)
    if not available:
        raise UserError(f"{root} holds no results: expected tables like {root / 'episodes'}/*.parquet in it")
    raise UserError(f"{root} has no table {table!r}: it has {', '.join(available)}")


def _read_file(
    file: Path, columns: Sequence[str] | None, required: list[str], dictionary: list[str]
) -> pa.Table:
    try:
        with pq.ParquetFile(file, read_dictionary=dictionary) as parquet:
            names = parquet.schema_arrow.names
            missing = [name for name in required if name not in names]
            if not missing:
                return parquet.read(columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{file} is damaged: {reason}") from error
    raise UserError(f"{file} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
