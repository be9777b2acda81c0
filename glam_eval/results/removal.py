"""Rows of runs that are made again, out of the files of a compacted study."""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from glam_eval.core.tables import TABLES
from glam_eval.results.compaction import claimed, compact_files, recover
from glam_eval.results.files import COMPACT, read_file, write_file
from glam_eval.results.layout import SUFFIX
from glam_eval.results.writer import DERIVED_TABLES


def forget_runs(out: Path, run_ids: Collection[str]) -> None:
    """Take runs back to unfinished: no row of ``runs`` is theirs, and no row of a file that others share.

    What a run has in files of its own stays, for ``RunTables`` to keep or discard. The rows of ``runs`` go
    first: killed in between, the same call again comes to the same.

    Args:
        out: The results directory.
        run_ids: The runs.

    Raises:
        UserError: A file is damaged (it is named), or a compaction is at work.
    """
    if not run_ids:
        return
    with claimed(out):
        for table in sorted(set(TABLES) - DERIVED_TABLES, key=lambda table: (table != "runs", table)):
            if not (out / table).is_dir():
                continue
            recover(out / table)
            if table == "runs":
                for run_id in run_ids:
                    (out / table / f"{run_id}{SUFFIX}").unlink(missing_ok=True)
            for file in compact_files(out / table):
                _remove_rows(file, run_ids)


def _remove_rows(file: Path, run_ids: Collection[str]) -> None:
    """Write a file without some runs' rows, or delete it if no others are in it."""
    rows = read_file(file)
    if "run_id" not in rows.column_names:
        return
    others = rows.filter(pc.invert(pc.is_in(rows["run_id"], pa.array(sorted(run_ids)))))
    if not others.num_rows:
        file.unlink()
    elif others.num_rows < rows.num_rows:
        write_file(file, others, COMPACT)
