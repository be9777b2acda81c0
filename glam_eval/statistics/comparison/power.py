"""How many seeds and scenes a difference needs, from the variances seen so far."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from glam_eval.statistics.cells import Cells, final_checkpoints, tabulate
from glam_eval.statistics.comparison.bases import find_bases
from glam_eval.statistics.comparison.families import Training, pairs_question, question_of, training_of
from glam_eval.statistics.inference.estimates import FEWEST_SEEDS
from glam_eval.statistics.inference.intervals import Components, variance_components
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.names import condition_name

MOST_SEEDS = 200  # a plan beyond this says "no": more seeds than any study of this kind trains
NEGLIGIBLE = 5.0  # standard errors from which the wrong tail is below 1e-11, and soon NaN in SciPy
FEW_SEEDS = 5  # variances seen with fewer are too uncertain to plan with, and the plan says so


@dataclass(frozen=True, slots=True)
class Design:
    """The variance of a difference as a function of the study's size.

    ``sides`` holds a seed's variance and residual per side: one side for paired conditions of the same seeds,
    two for independent agents. ``scenes`` is the variance of the difference between scenes.
    """

    sides: tuple[Components, ...]
    scenes: float

    def power(self, difference: float, seeds: int, scenes: int, alpha: float = 0.05) -> float:
        """Return the probability that the two-sided t test of a study of this size finds the difference."""
        parts = np.array([(side.seeds + side.residual / scenes) / seeds for side in self.sides])
        error = float(np.sqrt(parts.sum() + self.scenes / scenes))
        if error == 0:
            return 1.0
        freedom = (seeds - 1) * float(parts.sum() ** 2 / (parts**2).sum()) if parts.any() else seeds - 1
        critical = stats.t.ppf(1 - alpha / 2, freedom)
        shift = difference / error
        wrong_side = stats.nct.cdf(-critical, freedom, shift) if shift < NEGLIGIBLE else 0.0
        return float(stats.nct.sf(critical, freedom, shift) + wrong_side)

    def seeds_needed(self, difference: float, scenes: int, power: float = 0.8, alpha: float = 0.05) -> float:
        """Return the fewest seeds per condition that reach the power; NaN if ``MOST_SEEDS`` do not.

        At least as many as an interval and a test need.
        """
        if self.power(difference, MOST_SEEDS, scenes, alpha) < power:
            return np.nan
        too_few, enough = FEWEST_SEEDS - 1, MOST_SEEDS
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            reached = self.power(difference, middle, scenes, alpha) >= power
            too_few, enough = (too_few, middle) if reached else (middle, enough)
        return float(enough)


def paired_design(differences: FloatArray) -> Design:
    """Return the design seen in complete paired differences (seeds, scenes), at least 2 of each."""
    components = variance_components(differences)
    return Design((components,), components.scenes)


def independent_design(a: FloatArray, b: FloatArray) -> Design:
    """Return the design seen in two agents' complete values (seeds, scenes) on the same scenes."""
    sides = (variance_components(a), variance_components(b))
    scenes = float((a.mean(axis=0) - b.mean(axis=0)).var(ddof=1))
    noise = sides[0].residual / len(a) + sides[1].residual / len(b)
    return Design(sides, max(0.0, scenes - noise))


def plan_power(
    episodes: pd.DataFrame,
    *,
    difference: float = 0.1,
    power: float = 0.8,
    alpha: float = 0.05,
    scenes: Sequence[int] = (100, 200, 500, 1000),
    reference: str = "none",
    runs: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return how many seeds would show a difference of success, for several numbers of scenes.

    One row per comparison (each shift against ``reference`` within an agent; each two agents trained on one
    level under ``reference``) and number of scenes. Columns: protocol, shift, a, b, difference, power,
    scenes, seeds_needed (NaN: more than 200), seeds_now, scenes_now, power_now, n_tests, note. ``alpha`` is
    that of a family: each of its ``n_tests`` is planned with its share, as ``compare`` tests it.
    """
    trained = training_of(episodes, runs, reference)
    final, rows = final_checkpoints(episodes), []
    for protocol in sorted(final["protocol"].astype(str).unique()):
        bases = find_bases(final[final["protocol"] == protocol], reference)
        cells = tabulate(bases.episodes, ["shift", "agent", "model"])
        planned = list(_designs(cells, reference, bases.of, trained))
        sizes = Counter(family for family, *_ in planned)
        for family, names, seen, design in planned:
            tests, now, note = sizes[family], np.nan, "one seed or one scene: no variance to plan from"
            if design is not None:
                now = design.power(difference, *seen, alpha / tests)
                note = f"variances from {seen[0]} seeds only: a rough plan" if seen[0] < FEW_SEEDS else ""
            for count in scenes:
                needed = np.nan
                if design is not None:
                    needed = design.seeds_needed(difference, count, power, alpha / tests)
                rows.append((protocol, *names, difference, power, count, needed, *seen, now, tests, note))
    measured = [
        "difference",
        "power",
        "scenes",
        "seeds_needed",
        "seeds_now",
        "scenes_now",
        "power_now",
        "n_tests",
        "note",
    ]
    return pd.DataFrame(rows, columns=["protocol", "shift", "a", "b", *measured])


def _designs(
    cells: Cells, reference: str, bases: Mapping[str, str], trained: Mapping[str, Training]
) -> Iterator[tuple[str, tuple[str, str, str], tuple[int, int], Design | None]]:
    """Yield family, (shift, a, b), (seeds, scenes) seen and the design of every comparison to plan."""
    keys = [
        (str(s), condition_name(str(a), str(m)))
        for s, a, m in cells.conditions[["shift", "agent", "model"]].values
    ]
    at_reference = [(row, name) for row, (shift, name) in enumerate(keys) if shift == reference]
    rows = {key: row for row, key in enumerate(keys)}
    for _, name in at_reference:
        for row, (shift, other) in enumerate(keys):
            base = rows.get((bases.get(shift, reference), name))
            if other == name and shift in bases and base is not None:
                shifted, unshifted = cells.paired(row, base)
                differences = shifted - unshifted
                usable = min(differences.shape) > 1 and not np.isnan(differences).any()
                design = paired_design(differences) if usable else None
                family = f"{question_of(shift)} of {name}"
                yield family, (shift, name, bases[shift]), differences.shape, design
    for (first, name), (second, other) in combinations(at_reference, 2):
        question = pairs_question(trained[name], trained[other])
        if question is None:
            continue
        a, b = cells.aligned(first, second)
        usable = min(*a.shape, *b.shape) > 1 and not (np.isnan(a).any() or np.isnan(b).any())
        design = independent_design(a, b) if usable else None
        yield question, (reference, name, other), (min(len(a), len(b)), a.shape[1]), design
