"""How often do our intervals cover, and our tests claim too much? Simulated studies whose truth is known.

Over success .02 to .99, seeds that spread by 0 to 1.5 logits, scenes that differ or not, 2 to 20 seeds, and
seeds that collapse: ``python analyses/coverage.py`` writes ``results/statistics/coverage.parquet``, in an
hour on one core.
"""

import argparse
from pathlib import Path

from glam_eval.statistics.simulation import grid, simulate

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=500, help="studies drawn for each cell")
    parser.add_argument("--out", type=Path, default=Path("results/statistics"), help="directory to write to")
    arguments = parser.parse_args()
    table = simulate(grid(), arguments.repetitions, print)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table.to_parquet(arguments.out / "coverage.parquet", index=False)
