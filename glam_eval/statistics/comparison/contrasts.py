"""One comparison as a row: estimate, interval, tests, effect size, and what limits it in words."""

from dataclasses import replace

import numpy as np

from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.statistics.cells import Cells, kind_of
from glam_eval.statistics.comparison.verdicts import Contrast, collapses, few_seeds
from glam_eval.statistics.inference.estimates import Estimate, Kind
from glam_eval.statistics.inference.hypotheses import (
    cluster_logistic,
    effect_size,
    paired_effect_size,
    permutation_test,
    sign_flip_test,
)
from glam_eval.statistics.inference.intervals import estimate_change, estimate_difference, estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.inference.small_samples import sure_interval

ODDS_SEEDS = 20  # with 10 the cluster-robust test of the odds claims 6 to 8 differences in 100 that are none


def describe_condition(
    cells: Cells, index: int, protocol: str, shift: str, name: str, measure: str
) -> ComparisonRecord:
    """Return the row of one condition alone: its mean over seeds with the interval."""
    kind = kind_of(measure)
    estimate = estimate_mean(cells.matrix(index), kind, cells.parts(index))
    scale = "logit" if kind == "proportion" else "t"
    method = f"mean over seeds; 95% {scale} interval, variance of seeds and scenes"
    note = few_seeds(estimate) or collapses(estimate)
    row = bare_row(protocol, shift, measure, (name, ""), estimate, method, note)
    if kind != "proportion":
        return row
    low, high = sure_interval(np.nanmean(cells.matrix(index), axis=1))
    return replace(row, sure_low=low, sure_high=high)


def gap(protocol: str, shift: str, name: str, measure: str) -> ComparisonRecord:
    """Return the row that states that a condition others were played in is missing."""
    nothing = Estimate(np.nan, np.nan, np.nan, 0, 0, "mean")
    return bare_row(protocol, shift, measure, (name, ""), nothing, "none", "not evaluated")


def paired(
    cells: Cells,
    a: int,
    b: int,
    row: tuple[str, str, str, str, str],
    margin: float,
    generator: np.random.Generator,
    *,
    apart: bool = False,
    weights: bool = True,
) -> Contrast | None:
    """Return the difference of two conditions of the same seeds; None where no seed was played in both.

    ``row`` is protocol, shift, measure, a, b. Conditions ``apart`` have scenes of their own. Of an agent
    without ``weights`` seeds are no other agents: a difference that none of them shows to vary is as sure as
    its scenes are many.
    """
    both = cells.of_both(a, b) if apart else cells.paired(a, b)
    if not len(both[0]):
        return None
    protocol, shift, measure, *names = row
    of_seeds = np.nanmean(both[0], axis=1) - np.nanmean(both[1], axis=1)
    estimate = estimate_change([both]) if apart else estimate_mean(both[0] - both[1], _kind(measure), both)
    if not weights:
        estimate = replace(estimate, rarest=0.0)
    odds, p_odds = _odds(cells, a, b, measure, paired=True)
    lost = max((cells.counts[i] > 0).sum() for i in (a, b)) - estimate.n_seeds
    contrast = bare_row(
        protocol, shift, measure, (names[0], names[1]), estimate,
        f"paired difference over seeds{'' if apart else ' and shared scenes'}; "
        "t interval, at least its means'; t test",
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


def beyond(
    cells: Cells,
    agent: tuple[int, int],
    blind: tuple[int, int],
    row: tuple[str, str, str, str, str],
    margin: float,
    generator: np.random.Generator,
    chance: str,
) -> Contrast | None:
    """Return an agent's change between two conditions less that of one that cannot know the goal.

    ``agent`` and ``blind`` are the rows of both in the two conditions, ``chance`` is the latter's name. None
    where one has no seed in both.
    """
    teams = [cells.of_both(*agent), cells.of_both(*blind)]
    if not all(len(first) for first, _ in teams):
        return None
    estimate = estimate_change(teams)
    changes = [np.nanmean(first, axis=1) - np.nanmean(second, axis=1) for first, second in teams]
    protocol, shift, measure, *names = row
    p_exact = permutation_test(changes[0], changes[1], generator)
    contrast = bare_row(
        protocol, shift, measure, (names[0], names[1]), estimate,
        f"paired difference less that of {chance}; Welch t interval; t test", "",
    )  # fmt: skip
    contrast = replace(
        contrast,
        p_value=p_exact if estimate.n_collapsed else contrast.p_value,
        p_exact=p_exact,
        effect_size=effect_size(*changes),
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
    contrast = bare_row(
        protocol, shift, measure, (names[0], names[1]), estimate,
        "difference of independent seeds on shared scenes; Welch t interval, at least its means'; t test",
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


def _kind(measure: str) -> Kind:
    return "difference" if kind_of(measure) == "proportion" else "mean"


def _odds(cells: Cells, a: int, b: int, measure: str, *, paired: bool) -> tuple[float, float]:
    if measure != "success":
        return np.nan, np.nan
    parts: list[FloatArray] = []
    for condition, index in ((1.0, a), (0.0, b)):
        seeds = np.flatnonzero(cells.counts[index])
        trials = cells.counts[index][seeds]
        clusters = seeds if paired else seeds + condition * cells.counts.shape[1]
        parts.append(
            np.stack(
                [cells.means_of(index)[seeds] * trials, trials, np.full(len(seeds), condition), clusters]
            )
        )
    ratio, p_value = cluster_logistic(*np.concatenate(parts, axis=1))
    fewest = min(part.shape[1] for part in parts)
    return ratio, p_value if fewest >= ODDS_SEEDS else np.nan


def bare_row(
    protocol: str,
    shift: str,
    measure: str,
    names: tuple[str, str],
    estimate: Estimate,
    method: str,
    note: str,
) -> ComparisonRecord:
    """Return the row of an estimate before anything is tested: protocol, shift, measure, names of a and b."""
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
        superiority=np.nan,
        superiority_low=np.nan,
        superiority_high=np.nan,
        sure_low=np.nan,
        sure_high=np.nan,
    )
