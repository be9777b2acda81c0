"""How often do our intervals cover, and our tests claim too much? Simulated studies whose truth is known.

Over success .02 to .99, seeds that spread by 0 to 1.5 logits, scenes that differ or not, 2 to 20 seeds, and
seeds that collapse: ``python analyses/coverage.py`` writes ``results/statistics/coverage.parquet``, in an
hour on one core, and prints what it says of every statistic; ``--summary`` prints that of the table that is
there.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd

from glam_eval.statistics.simulation import REPETITIONS, Cell, grid, simulate


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return each statistic's share over the kinds of study of 3 seeds or more, none of which collapses."""
    rows = table[(table["seeds"] >= 3) & (table["collapse"] == 0) & (table["offered"] > 0)]
    by = rows.groupby(["kind", "statistic"])
    return by.agg(kinds=("share", "size"), offered=("offered", "mean"), mean=("share", "mean"),
                  lowest=("share", "min"), highest=("share", "max")).round(3)  # fmt: skip


def rows_of(cell: Cell, repetitions: int) -> pd.DataFrame:
    """Return the rows of one cell."""
    return simulate([cell], repetitions, print)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, help="studies drawn for each cell")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the cells")
    parser.add_argument("--out", type=Path, default=Path("results/statistics"), help="directory to write to")
    parser.add_argument("--summary", action="store_true", help="simulate nothing, read the table")
    arguments = parser.parse_args()
    file = arguments.out / "coverage.parquet"
    if not arguments.summary:
        with ProcessPoolExecutor(arguments.workers) as pool:
            table = pd.concat(
                pool.map(partial(rows_of, repetitions=arguments.repetitions), grid()), ignore_index=True
            )
        arguments.out.mkdir(parents=True, exist_ok=True)
        table.to_parquet(file, index=False)
    print(summary(pd.read_parquet(file)).to_string())
