"""From stored episodes to comparisons, figures, the report and a few lines for the terminal."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from glam_eval.core.comparison_records import ComparisonRecord, OverlapRecord
from glam_eval.core.console import Console
from glam_eval.core.files import sha256_of, write_text_atomically
from glam_eval.core.seeds import stream
from glam_eval.core.tables import TABLES
from glam_eval.core.version import __version__
from glam_eval.execution.study import IDENTITY
from glam_eval.results import compact, load_results, table_names, write_table
from glam_eval.results.layout import files_of
from glam_eval.results.writer import DERIVED_TABLES
from glam_eval.suites.emptying import DIGESTS, REPORT

if TYPE_CHECKING:
    from glam_eval.report.matrices import Matrix


def conclude(out: Path, console: Console, complete: bool, summary: bool) -> None:
    """Bring a study to its end: few files, and, if asked, what is made of them; and say where that is.

    Args:
        out: the results directory, of which at least one run is finished.
        console: where to print.
        complete: whether all runs are finished.
        summary: whether comparisons, figures and report are wanted.

    Raises:
        UserError: if a file is damaged.
    """
    if complete:
        compact(out)
    if not summary:
        return
    if not is_current(out):
        with console.status("statistics, figures and report"):
            summarise(out)
    print_summary(out, console)


def summarise(out: Path) -> None:
    """Write comparisons, figures and the report of a results directory, and last of what they were made."""
    from glam_eval.figures import Study, draw_all
    from glam_eval.report import build_report
    from glam_eval.statistics import compare

    made_of = _digest_of_tables(out)
    (out / DIGESTS).unlink(missing_ok=True)
    comparisons = compare(
        load_results(out, "episodes"),
        stream(0, "statistics", "comparisons"),
        runs=load_results(out, "runs"),
    )
    rows = [ComparisonRecord(**{str(k): v for k, v in row.items()}) for row in comparisons.to_dict("records")]
    table = write_table(out, "comparisons", rows, "comparisons")
    met = write_table(out, "overlap", list(_overlap(out)), "overlap")
    study = Study.load(out)  # once: figures and report derive the same tables from it
    products = [table, met, *draw_all(out, study=study).written, build_report(out, study)]
    digests = {str(file.relative_to(out)): sha256_of(file) for file in products}
    write_text_atomically(out / DIGESTS, json.dumps({"tables": made_of, "products": digests}, indent=1))


def _overlap(out: Path) -> Iterator[OverlapRecord]:
    """Yield how much of each run's test scenes its training met; nothing of a study that trained nobody."""
    from glam_eval.protocols.overlap import overlap

    if "training" in table_names(out):
        tables = (load_results(out, name) for name in ("runs", "training", "episodes"))
        yield from overlap(*tables)


def is_current(out: Path) -> bool:
    """Return whether comparisons, figures and report are there, whole, and made of the tables as they are.

    They are not if one was made of fewer runs, emptied, damaged or deleted, or if their making was killed.
    """
    try:
        stored = json.loads((out / DIGESTS).read_text(encoding="utf-8"))
        products = dict(stored["products"])
        whole = all(sha256_of(out / name) == digest for name, digest in products.items())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return whole and REPORT in products and bool(stored["tables"] == _digest_of_tables(out))


def _digest_of_tables(out: Path) -> str:
    """Return the SHA-256 of all that comparisons, figures and report depend on."""
    digest = hashlib.sha256(__version__.encode())
    digest.update((out / IDENTITY).read_bytes())  # the report is headed by the suite's title
    for table in sorted(set(TABLES) - DERIVED_TABLES):
        for file in files_of(out, table):
            digest.update(f"\0{file.relative_to(out)}\0{sha256_of(file)}".encode())
    return digest.hexdigest()


def print_summary(out: Path, console: Console) -> None:
    """Print what was found and where everything is."""
    findings(load_results(out, "comparisons"), console)
    told = reading(out, console)
    console.print(f"tables   {out}/{{runs,training,episodes,comparisons,overlap}}/*.parquet", soft_wrap=True)
    console.print(f"figures  {out / 'figures'}", soft_wrap=True)
    console.print(f"report   {out / 'report.html'}", soft_wrap=True)
    for line in told:
        console.print(f"reading  {line}", soft_wrap=True)


def reading(out: Path, console: Console) -> list[str]:
    """Print who reads the goal and who walks, where that was asked; return it as a few lines."""
    from glam_eval.report.reading import headline, reading_matrices
    from glam_eval.statistics import who_reads
    from glam_eval.statistics.pretraining_arms import as_arms

    episodes = load_results(out, "episodes")
    table = who_reads(episodes, runs=load_results(out, "runs"))
    _print_matrices(reading_matrices(table), console)
    arms = as_arms(episodes)
    return headline(table if arms.empty else who_reads(arms))


def findings(comparisons: pd.DataFrame, console: Console) -> None:
    """Print the success of every agent under every condition, with its interval."""
    from glam_eval.report.matrices import matrices

    alone = (comparisons["b"] == "") & (comparisons["measure"] == "success")
    _print_matrices(matrices(comparisons[alone]), console)


def _print_matrices(found: "Iterable[Matrix]", console: Console) -> None:
    from glam_eval.report.printed import drawn

    for matrix in found:
        for line in drawn(matrix, console.width):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
