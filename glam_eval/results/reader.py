"""Reading tables: ours, or anyone's with the same columns."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa

from glam_eval.core.errors import UserError
from glam_eval.results.files import concatenate, read_file
from glam_eval.results.layout import ATTEMPTS, changing, files_of, table_names
from glam_eval.results.schema import columns_of, record_type

_DISTINCT_TEXTS = {"actions"}  # nearly every row differs: a dictionary would only cost memory


def load_results(
    path: str | Path, table: str = "episodes", columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a table of a results directory as a DataFrame.

    In ``episodes``, by far the longest table, texts that repeat are pandas categories, which keeps millions
    of episodes small and their grouping fast; in the other tables texts are plain strings. Every row is
    there once, whether its run goes on, is finished, or was killed at any point, and also while a study is
    compacted.

    Args:
        path: A directory that holds ``<table>/*.parquet``, folders of parts in ``<table>/``, or one
            ``<table>.parquet``.
        table: A name of the data dictionary.
        columns: Names of the columns to read. Left out, all are read, columns we don't know included, and
            those that the data dictionary does not call optional must exist.

    Raises:
        UserError: The path is no results directory, a table or column is missing (the available ones are
            named), or a file is damaged (it is named).
    """
    dictionary = text_columns(table) if table == "episodes" else []
    frame: pd.DataFrame = read_table(path, table, columns, dictionary).to_pandas(
        self_destruct=True, split_blocks=True
    )
    return frame


def read_table(
    path: str | Path, table: str, columns: Sequence[str] | None = None, dictionary: Sequence[str] = ()
) -> pa.Table:
    """Return a table of a results directory as an Arrow table; arguments and errors are ``load_results``'.

    ``dictionary`` names text columns whose values are kept once each.
    """
    declared = columns_of(record_type(table))
    required = list(columns) if columns is not None else [c.name for c in declared if not c.column.optional]
    return _read_consistently(Path(path), table, columns, required, list(dictionary))


def finished_runs(path: str | Path) -> set[str]:
    """Return the ids of the runs that are finished: none where there is no table of runs.

    Raises:
        UserError: A file of the table is damaged; the message names it.
    """
    root = Path(path)
    if "runs" not in table_names(root):
        return set()
    runs = load_results(root, "runs", columns=["run_id", "status"])
    return set(runs.loc[runs["status"] == "finished", "run_id"])


def text_columns(table: str) -> list[str]:
    """Return a table's text columns whose values repeat."""
    columns = columns_of(record_type(table))
    return [c.name for c in columns if c.python_type is str and c.name not in _DISTINCT_TEXTS]


def _read_consistently(
    root: Path, table: str, columns: Sequence[str] | None, required: list[str], dictionary: list[str]
) -> pa.Table:
    """Return a table as it was at one moment, even if its files are merged or compacted meanwhile."""
    for _ in range(ATTEMPTS):
        try:
            files = _files(root, table)
            identities = [_identity(file) for file in files]
            parts = _read_files(files, columns, required, dictionary)
        except FileNotFoundError:
            continue
        now = [_identity(file) for file in files]
        if all(new in (old, None) for old, new in zip(identities, now, strict=True)):  # none was replaced
            return concatenate(parts, files[0].parent)
    raise changing(root / table)


def _read_files(
    files: list[Path], columns: Sequence[str] | None, required: list[str], dictionary: list[str]
) -> list[pa.Table]:
    """Return the rows of each file. Many files are read side by side, measured to take 3/4 of the time."""
    if len(files) == 1:
        return [read_file(files[0], columns, required, dictionary)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(
            pool.map(lambda file: read_file(file, columns, required, dictionary, use_threads=False), files)
        )


def _files(root: Path, table: str) -> list[Path]:
    files = files_of(root, table)
    if files:
        return files
    available = table_names(root)
    if not available:
        raise UserError(f"{root} holds no results: expected tables like {root / 'episodes'}/*.parquet in it")
    raise UserError(f"{root} has no table {table!r}: it has {', '.join(available)}")


def _identity(file: Path) -> int | None:
    """Return what tells a file from another of its name, None if it is gone."""
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None
