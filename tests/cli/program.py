"""Running the program as a person does, and comparing what two runs of it stored."""

import contextlib
import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd

from glam_eval.cli import main
from glam_eval.core.tables import TABLES
from glam_eval.launchers import scheduler
from glam_eval.results import columns_of, load_results, table_names
from glam_eval.results.writer import DERIVED_TABLES

SUITE_TABLES = ("runs", "training", "episodes", "steps", "comparisons", "overlap")

# Workers of ``answer`` are copies of a process that has loaded what they need, which else takes each seconds.
# Of the environment they have what was set when the first of them began.
READY = multiprocessing.get_context("forkserver")
READY.set_forkserver_preload(["glam_eval.execution.agent_run", "glam_eval.policies.language_model"])


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "glam_eval", *map(str, arguments)]


def glam_eval(*arguments, cwd=None, timeout=300) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=cwd, timeout=timeout)


def answer(*arguments) -> subprocess.CompletedProcess:
    """Ask the program within this process, which has loaded everything: what it does and says is the same."""
    said, complained = io.StringIO(), io.StringIO()
    asked = list(map(str, arguments))
    copies = mock.patch.object(scheduler, "multiprocessing", SimpleNamespace(get_context=lambda _: READY))
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained), copies:
        code = main(asked)
    return subprocess.CompletedProcess(asked, code, said.getvalue(), complained.getvalue())


def fresh(code: str, without: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess:
    """Run code in a copy of a process that has loaded what language models need, and used none of it.

    What it says is the same as a new process's, but that loading takes each of those some seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        said, complained = Path(folder) / "said", Path(folder) / "complained"
        asked = (code, without, environment, said, complained)
        copy = READY.Process(target=_carry_out, args=asked)
        copy.start()
        copy.join()
        return subprocess.CompletedProcess([code], copy.exitcode, said.read_text(), complained.read_text())


def _carry_out(code: str, without: tuple[str, ...], environment: dict[str, str], *files: Path) -> None:
    for name in without:
        os.environ.pop(name, "")
    os.environ.update(environment)
    said, complained = (file.open("w") for file in files)
    with said, complained, contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        exec(code, {"__name__": "__main__"})


def stable_table(out: Path, table: str) -> pd.DataFrame:
    """A table without its volatile columns, in an order that does not depend on files."""
    frame = load_results(out, table)
    volatile = [column.name for column in columns_of(TABLES[table]) if column.column.volatile]
    frame = frame.drop(columns=volatile)
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("category").columns, str))
    if frame.empty:
        return frame
    keys = [name for name in frame.columns if not isinstance(frame[name].iloc[0], list | np.ndarray)]
    return frame.sort_values(keys).reset_index(drop=True)


def assert_same_results(one: Path, two: Path, besides: str = "") -> None:
    """Every column of every table is equal but times; ``besides`` a derived table leaves all such out."""
    left_out = DERIVED_TABLES if besides in DERIVED_TABLES else frozenset()
    tables = [table for table in table_names(one) if table not in left_out]
    assert tables == [table for table in table_names(two) if table not in left_out]
    for table in tables:
        pd.testing.assert_frame_equal(stable_table(one, table), stable_table(two, table), check_exact=True)
