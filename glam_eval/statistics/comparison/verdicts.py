"""What a family of comparisons shows: tests and intervals adjusted together, verdicts, limits in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.statistics.inference.estimates import ENOUGH_SEEDS, FEWEST_SEEDS, Estimate
from glam_eval.statistics.inference.hypotheses import adjust

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Contrast:
    """A comparison before its family is known: the row, and the estimate that it came from."""

    row: ComparisonRecord
    estimate: Estimate
    margin: float


def settle_family(family: str, contrasts: Sequence[Contrast]) -> list[ComparisonRecord]:
    """Adjust tests and intervals of a family together (Bonferroni) and say what each comparison shows.

    One rule for all: an interval excludes 0 exactly where the verdict is higher or lower, and whatever is
    planned or called detectable is so with the same share of the 5%. Step-down rules decide a little more,
    but no simultaneous intervals go with them.
    """
    differ = adjust([c.row.p_value for c in contrasts])
    tests = max(1, int(np.isfinite(differ).sum()))
    same = adjust([c.estimate.p_equivalence(c.margin) for c in contrasts])
    not_worse = adjust([c.estimate.p_not_worse(c.margin) for c in contrasts])
    rows = []
    for contrast, p, p_same, p_not_worse in zip(contrasts, differ, same, not_worse, strict=True):
        verdict = verdict_of(contrast.estimate.value, p, p_same, p_not_worse)
        low, high = contrast.estimate.interval(1 - SIGNIFICANT / tests)
        row = replace(
            contrast.row,
            method=f"{contrast.row.method}, simultaneous over {tests}",
            low=low,
            high=high,
            n_tests=tests,
            n_collapsed=contrast.estimate.n_collapsed,
            detectable=contrast.estimate.detectable(alpha=SIGNIFICANT / tests),
            superiority=_superiority(contrast.row, contrast.estimate.value),
            superiority_low=_superiority(contrast.row, low),
            superiority_high=_superiority(contrast.row, high),
            p_adjusted=float(p),
            p_equivalence=float(p_same),
            family=family,
            verdict=verdict,
        )
        notes = [row.note, _limits(contrast, row)]
        if verdict in ("higher", "lower") and p_same < SIGNIFICANT:
            notes.append(f"yet within the margin of {contrast.margin:g}")
        rows.append(replace(row, note="; ".join(filter(None, notes))))
    return rows


def superiority_of(difference: float) -> float:
    """Return the probability of doing better on a scene that goes with a difference of success.

    A scene is solved or not, so P(a > b) + P(a = b) / 2 averaged over scenes is one half and half the
    difference: its interval excludes one half exactly where that of the difference excludes 0.
    """
    return 0.5 + difference / 2


def _superiority(row: ComparisonRecord, difference: float) -> float:
    return superiority_of(difference) if row.measure == "success" else np.nan


def few_seeds(estimate: Estimate) -> str:
    """Return the refusal of an interval and a test that so few seeds deserve."""
    if estimate.n_seeds >= FEWEST_SEEDS:
        return ""
    count = "one seed" if estimate.n_seeds == 1 else f"{estimate.n_seeds} seeds"
    return f"not offered: {count}, and intervals and tests need {FEWEST_SEEDS}"


def collapses(estimate: Estimate) -> str:
    """Return what a collapsed seed does to a comparison."""
    if not estimate.n_collapsed:
        return ""
    seeds = f"{estimate.n_collapsed} seed{'s' * (estimate.n_collapsed > 1)} collapsed"
    if estimate.kind == "proportion":
        return f"{seeds}: interval for any distribution of seeds"
    return f"{seeds}: no interval, exact permutation test of seeds"


def verdict_of(value: float, p: float, p_same: float, p_not_worse: float) -> str:
    """Return what adjusted p-values of a difference, of equivalence and of being no worse show together."""
    if np.isnan(p):
        return "untested"
    if p < SIGNIFICANT:
        return "higher" if value > 0 else "lower"
    if p_same < SIGNIFICANT:
        return "equivalent"
    return "no worse" if p_not_worse < SIGNIFICANT else "undecided"


def _limits(contrast: Contrast, row: ComparisonRecord) -> str:
    estimate = contrast.estimate
    refused = few_seeds(estimate) or collapses(estimate)
    if refused:
        return refused
    if estimate.exact:
        return "the same on every scene and seed"
    found = f"differences of {row.detectable:.3g}"
    if estimate.kind == "difference":  # of shares: none can be larger than 100 points
        points = 100 * row.detectable
        found = f"differences of {points:.0f} points" if points < 100 else "no difference at all"
    seen = f"{estimate.n_seeds} seeds show {found} with 80% power"
    if row.verdict == "undecided" and row.detectable > contrast.margin:
        return f"under-powered: {seen}"
    return f"few seeds: {seen}" if estimate.n_seeds < ENOUGH_SEEDS else ""
