"""Means of success and their differences: within a seed, between agents, between lists of scenes."""

from collections.abc import Iterator

import numpy as np

from glam_eval.statistics.comparison.contrasts import ODDS_SEEDS
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.comparison.verdicts import superiority_of
from glam_eval.statistics.inference.estimates import Estimate
from glam_eval.statistics.inference.hypotheses import cluster_logistic, permutation_test, sign_flip_test
from glam_eval.statistics.inference.intervals import estimate_change, estimate_difference, estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.inference.small_samples import sure_interval
from glam_eval.statistics.simulation.studies import COLLAPSED, Outcome, Study, Team, claims, covers, told_from

SHIFTS = 5  # of a family
QUICKEST, SLOWEST = 1.0, 0.5  # what a success counts where it is weighted by its length


def means_and_differences(study: Study) -> Iterator[Outcome]:
    """Yield a mean, what its seeds' collapse does to it, and differences whose truth is 0."""
    cell, team = study.cell, study.team()
    first = study.play(team, cell.success)
    alone = estimate_mean(first, "proportion")
    overall = cell.success * (1 - cell.collapse) + COLLAPSED * cell.collapse
    yield covers("mean", alone.interval(), overall)
    if cell.collapse:
        seen = alone.n_collapsed > 0
        whole = alone.interval() if not seen else (np.nan, np.nan)
        yield covers("mean of seeds that learn, where none collapsed", whole, cell.success)
        yield covers("mean, for any distribution", sure_interval(first.mean(axis=1)), overall)
    weighted = first * study.generator.uniform(SLOWEST, QUICKEST, first.shape)
    average = overall * (SLOWEST + QUICKEST) / 2
    yield covers("mean of weighted success", estimate_mean(weighted, "proportion").interval(), average)
    shifted = study.play(team, cell.success, moved=True)
    yield from _difference(
        "paired difference", estimate_mean(shifted - first, "difference", (shifted, first))
    )
    blind = study.team()
    other = study.play(blind, cell.success)
    independent = estimate_difference(other, first)
    yield from _difference("independent difference", independent)
    better = tuple(superiority_of(end) for end in independent.interval())
    yield told_from("probability of superiority", (better[0], better[1]), 0.5)
    elsewhere = study.other_scenes()
    there, their = (study.play(each, cell.success, moved=True, scenes=elsewhere) for each in (team, blind))
    yield from _difference("change to other scenes", estimate_change([(there, first)]))
    beyond = estimate_change([(there, first), (their, other)])
    yield from _difference("change beyond chance", beyond)
    if cell.collapse:
        return
    lost = study.play(team, 1 - cell.success, moved=True)
    gone = estimate_mean(lost - first, "difference", (lost, first))
    yield covers("paired difference of nearly all", gone.interval(), 1 - 2 * cell.success)
    halved = study.play(study.team(), cell.success / 2)
    apart = estimate_difference(halved, first)
    yield covers("independent difference of one half", apart.interval(), -cell.success / 2)
    yield from _at_the_margin(study, team, first)


def rarer_tests(study: Study) -> Iterator[Outcome]:
    """Yield the tests beside the usual one, and a family of shifts of which none changes anything."""
    cell, team = study.cell, study.team()
    first, other = (study.play(each, cell.success) for each in (team, study.team()))
    shifted = [study.play(team, cell.success, moved=True) for _ in range(SHIFTS)]
    means = first.mean(axis=1), shifted[0].mean(axis=1), other.mean(axis=1)
    yield claims("paired exact test", sign_flip_test(means[1] - means[0], study.generator))
    yield claims("independent exact test", permutation_test(means[2], means[0], study.generator))
    yield claims("paired odds ratio", _odds(shifted[0], first, paired=True))
    yield claims("independent odds ratio", _odds(other, first, paired=False))
    family = [estimate_mean(each - first, "difference", (each, first)) for each in shifted]
    yield claims("family of shifts", SHIFTS * min(estimate.p_value() for estimate in family))
    level = 1 - 0.05 / SHIFTS
    ends = [estimate.interval(level) for estimate in family]
    outside = next((each for each in ends if not each[0] <= 0 <= each[1]), ends[0])
    yield covers("family of shifts", outside, 0.0)


def _at_the_margin(study: Study, team: Team, first: FloatArray) -> Iterator[Outcome]:
    """Yield how often a true difference of the margin is covered, and how often called equivalent."""
    success = study.cell.success
    lower = success - MARGIN
    moved = lower if lower > 0.005 else success + MARGIN
    there, apart = study.play(team, moved, moved=True), study.play(study.team(), moved)
    paired = estimate_mean(there - first, "difference", (there, first))
    for name, estimate in (("paired", paired), ("independent", estimate_difference(apart, first))):
        yield covers(f"{name} difference of 5 points", estimate.interval(), moved - success)
        yield claims(f"{name} equivalence", estimate.p_equivalence(MARGIN))
        if moved < success:
            yield claims(f"{name} no worse", estimate.p_not_worse(MARGIN))


def _difference(name: str, estimate: Estimate) -> Iterator[Outcome]:
    yield covers(name, estimate.interval(), 0.0)
    yield claims(name, estimate.p_value() if not estimate.n_collapsed else np.nan)


def _odds(a: FloatArray, b: FloatArray, *, paired: bool) -> float:
    """Return the p-value of the odds ratio of two conditions, clustered by seed."""
    seeds, scenes = a.shape
    if seeds < ODDS_SEEDS:
        return np.nan
    clusters = np.concatenate([np.arange(seeds), np.arange(seeds) + (0 if paired else seeds)])
    wins, condition = np.concatenate([a.sum(axis=1), b.sum(axis=1)]), np.repeat([1.0, 0.0], seeds)
    return cluster_logistic(wins, np.full(2 * seeds, scenes), condition, clusters)[1]
