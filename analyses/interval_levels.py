"""Would intervals of another nominal level cover 93 to 97% in every kind of study? No level does.

Mean success of 3, 5 and 10 seeds, in 36 kinds of study each, whose truth is known: for each level the share
of intervals that hold it where that is least and most. ``python analyses/interval_levels.py`` takes a minute.
"""

from itertools import product

import numpy as np
import pandas as pd

from glam_eval.core.seeds import stream
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.simulation.studies import Cell, Study

LEVELS = (0.75, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95)
REPETITIONS = 1_000


def shares(cell: Cell) -> list[float]:
    """Return for each level the share of studies of one kind whose interval holds the truth."""
    generator = stream(0, "analyses", "interval levels", cell)
    estimates = []
    for _ in range(REPETITIONS):
        study = Study(cell, generator)
        estimates.append(estimate_mean(study.play(study.team(), cell.success), "proportion"))
    ends = np.array([[each.interval(level) for each in estimates] for level in LEVELS])
    return ((ends[..., 0] <= cell.success) & (cell.success <= ends[..., 1])).mean(axis=1).tolist()


if __name__ == "__main__":
    kinds = list(product((0.02, 0.1, 0.5, 0.9, 0.97, 0.99), (0.0, 0.5, 1.5), (0.0, 1.0), (3, 5, 10)))
    table = pd.DataFrame([shares(Cell(*kind)) for kind in kinds], columns=LEVELS)
    table["seeds"] = [kind[-1] for kind in kinds]
    long = table.melt("seeds", var_name="level", value_name="share")
    found = long.groupby(["seeds", "level"])["share"].agg(
        least="min",
        most="max",
        above_97=lambda each: (each > 0.97).mean(),
        below_93=lambda each: (each < 0.93).mean(),
    )
    print(found.round(3).to_string())
