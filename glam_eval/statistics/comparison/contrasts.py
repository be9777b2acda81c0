"""One comparison as a row: estimate, interval, tests, effect size, and what limits it in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glam_eval.core.records import ComparisonRecord
from glam_eval.statistics.cells import Cells, kind_of
from glam_eval.statistics.inference.estimates import FEWEST_SEEDS, Estimate, Kind
from glam_eval.statistics.inference.hypotheses import (
    adjust,
    cluster_logistic,
    effect_size,
    paired_effect_size,
    permutation_test,
    sign_flip_test,
)
from glam_eval.statistics.inference.intervals import estimate_difference, estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray

SIGNIFICANT = 0.05
ENOUGH_SEEDS = 5  # below, intervals are still right but so wide that little can be decided


@dataclass(frozen=True)
class Contrast:
    """A comparison before its family is known: the row, and the estimate that it came from."""

    row: ComparisonRecord
    estimate: Estimate
    margin: float


def describe_condition(
    cells: Cells, index: int, protocol: str, shift: str, name: str, measure: str
) -> ComparisonRecord:
    """Return the row of one condition alone: its mean over seeds with the interval."""
    kind = kind_of(measure)
    estimate = estimate_mean(cells.matrix(index), kind)
    scale = "logit" if kind == "proportion" else "t"
    method = f"mean over seeds; 95% {scale} interval, variance of seeds and scenes"
    note = _few(estimate) or _collapse(estimate)
    return _row(protocol, shift, measure, (name, ""), estimate, method, note)


def gap(protocol: str, shift: str, name: str, measure: str) -> ComparisonRecord:
    """Return the row that states that a condition others were played in is missing."""
    nothing = Estimate(np.nan, np.nan, np.nan, 0, 0, "mean")
    return _row(protocol, shift, measure, (name, ""), nothing, "none", "not evaluated")


def paired(
    cells: Cells,
    a: int,
    b: int,
    row: tuple[str, str, str, str, str],
    margin: float,
    generator: np.random.Generator,
) -> Contrast | None:
    """Return the difference of two conditions of the same seeds; None where no seed was played in both.

    ``row`` is protocol, shift, measure, a, b.
    """
    both = cells.paired(a, b)
    differences = both[0] - both[1]
    if not len(differences):
        return None
    protocol, shift, measure, *names = row
    estimate = estimate_mean(differences, _kind(measure), both)
    of_seeds = np.nanmean(differences, axis=1)
    odds, p_odds = _odds(cells, a, b, measure, paired=True)
    lost = max((cells.counts[i] > 0).sum() for i in (a, b)) - estimate.n_seeds
    contrast = _row(
        protocol, shift, measure, (names[0], names[1]), estimate,
        "paired difference over seeds and shared scenes; t interval; t test",
        f"{lost} seeds lack one of the two" if lost else "",
    )  # fmt: skip
    p_exact = sign_flip_test(of_seeds, generator)
    contrast = replace(
        contrast,
        p_value=p_exact if estimate.n_collapsed else contrast.p_value,
        p_exact=p_exact,
        effect_size=paired_effect_size(of_seeds),
        odds_ratio=odds,
        p_odds=p_odds,
    )
    return Contrast(contrast, estimate, margin)


def independent(
    cells: Cells,
    a: int,
    b: int,
    row: tuple[str, str, str, str, str],
    margin: float,
    generator: np.random.Generator,
) -> Contrast:
    """Return the difference of two agents' conditions, whose seeds have nothing in common but the scenes."""
    protocol, shift, measure, *names = row
    first, second = cells.aligned(a, b)
    estimate = estimate_difference(first, second, _kind(measure))
    means = np.nanmean(first, axis=1), np.nanmean(second, axis=1)
    odds, p_odds = _odds(cells, a, b, measure, paired=False)
    contrast = _row(
        protocol, shift, measure, (names[0], names[1]), estimate,
        "difference of independent seeds on shared scenes; Welch t interval; t test",
        "" if len(first) == len(second) else f"{len(first)} seeds against {len(second)}",
    )  # fmt: skip
    p_exact = permutation_test(*means, generator)
    contrast = replace(
        contrast,
        p_value=p_exact if estimate.n_collapsed else contrast.p_value,
        p_exact=p_exact,
        effect_size=effect_size(*means),
        odds_ratio=odds,
        p_odds=p_odds,
    )
    return Contrast(contrast, estimate, margin)


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
        verdict = _verdict(contrast.estimate.value, p, p_same, p_not_worse)
        low, high = contrast.estimate.interval(1 - SIGNIFICANT / tests)
        row = replace(
            contrast.row,
            method=f"{contrast.row.method}, simultaneous over {tests}",
            low=low,
            high=high,
            n_tests=tests,
            n_collapsed=contrast.estimate.n_collapsed,
            detectable=contrast.estimate.detectable(alpha=SIGNIFICANT / tests),
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


def _few(estimate: Estimate) -> str:
    """Return the refusal of an interval and a test that so few seeds deserve."""
    if estimate.n_seeds >= FEWEST_SEEDS:
        return ""
    count = "one seed" if estimate.n_seeds == 1 else f"{estimate.n_seeds} seeds"
    return f"not offered: {count}, and intervals and tests need {FEWEST_SEEDS}"


def _collapse(estimate: Estimate) -> str:
    """Return what a collapsed seed does to a comparison."""
    if not estimate.n_collapsed:
        return ""
    seeds = f"{estimate.n_collapsed} seed{'s' * (estimate.n_collapsed > 1)} collapsed"
    if estimate.kind == "proportion":
        return f"{seeds}: interval for any distribution of seeds"
    return f"{seeds}: no interval, exact permutation test of seeds"


def _verdict(value: float, p: float, p_same: float, p_not_worse: float) -> str:
    if np.isnan(p):
        return "untested"
    if p < SIGNIFICANT:
        return "higher" if value > 0 else "lower"
    if p_same < SIGNIFICANT:
        return "equivalent"
    return "no worse" if p_not_worse < SIGNIFICANT else "undecided"


def _limits(contrast: Contrast, row: ComparisonRecord) -> str:
    estimate = contrast.estimate
    refused = _few(estimate) or _collapse(estimate)
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


def _kind(measure: str) -> Kind:
    return "difference" if kind_of(measure) == "proportion" else "mean"


def _odds(cells: Cells, a: int, b: int, measure: str, *, paired: bool) -> tuple[float, float]:
    if measure != "success":
        return np.nan, np.nan
    means = cells.seed_means()
    parts: list[FloatArray] = []
    for condition, index in ((1.0, a), (0.0, b)):
        seeds = np.flatnonzero(cells.counts[index])
        trials = cells.counts[index][seeds]
        clusters = seeds if paired else seeds + condition * cells.counts.shape[1]
        parts.append(
            np.stack([means[index][seeds] * trials, trials, np.full(len(seeds), condition), clusters])
        )
    return cluster_logistic(*np.concatenate(parts, axis=1))


def _row(
    protocol: str,
    shift: str,
    measure: str,
    names: tuple[str, str],
    estimate: Estimate,
    method: str,
    note: str,
) -> ComparisonRecord:
    low, high = estimate.interval()
    return ComparisonRecord(
        protocol=protocol,
        shift=shift,
        measure=measure,
        a=names[0],
        b=names[1],
        estimate=estimate.value,
        low=low,
        high=high,
        p_value=estimate.p_value() if names[1] else np.nan,
        p_adjusted=np.nan,
        method=method,
        n_seeds=estimate.n_seeds,
        n_episodes=estimate.n_episodes,
        family="",
        p_exact=np.nan,
        p_equivalence=np.nan,
        odds_ratio=np.nan,
        p_odds=np.nan,
        effect_size=np.nan,
        detectable=np.nan,
        verdict="",
        note=note,
        n_tests=0,
        n_collapsed=estimate.n_collapsed,
    )
