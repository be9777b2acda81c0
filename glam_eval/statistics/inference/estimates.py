"""An estimate over seeds and scenes: its interval, its tests, and what it is too small to say.

The interval of a success rate is the union of two: Student's t on the logit scale, and Student's t
corrected for the skewness that a beta distribution of the seeds' mean and variance has. Alone, the first
covers 88 to 92% where seeds spread by 1.5 logits near 0 or 1, the second too little at 3 seeds; together
they cover 92 to 98% from 3 to 20 seeds over success .02 to .99 (``results/statistics/coverage.parquet``).

The interval of a difference is Student's t, as wide at least as the intervals of its two means make it: alone
it covers 73 to 90% where success near 0 or 1 changes and seeds spread by 1.5 logits.

A test of equivalence takes its variance at the margin, not where the estimate is: success close to 1 varies
little just when it happens to be close to 1. As observed, variances make 20% false claims there.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special  # its t distribution is the same as stats.t and a hundred times quicker

from glam_eval.statistics.inference.small_samples import (
    equal_trials,
    skewed_interval,
    skewness_of_rates,
    sure_interval,
)

Kind = Literal["mean", "proportion", "difference"]
FEWEST_SEEDS = 3  # for an interval or a test: two seeds have one degree of freedom, and say nothing
EQUIVALENCE_SEEDS = 5  # fewer would claim equivalence more often than 5% at the margin
SEEDS_POWER, NOISE_POWER = 5, 2  # how variances grow with p (1 - p) from the estimate to the margin
ENOUGH_SEEDS = 5  # fewer tell so little of their own spread that intervals are widened for it
JOINT_FREEDOM = 1.5  # degrees of freedom a seed beyond the first, where intervals of two means are joined
SPREAD_SEEDS = 10  # fewer may look alike near 0 and 1 by chance although they spread
NEAR_END = 0.1  # of success from 0 or 1, where seeds that look alike say least of how they spread
LEAST_VARIANCE = 0.5  # of a coin that falls at the margin, one toss a scene


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds and scenes, or a difference of two.

    ``kind`` is ``proportion`` for a mean of values in [0, 1], ``difference`` for one of two such means
    and ``mean`` for anything unbounded. ``error`` and ``freedom`` are NaN when one seed leaves them unknown.
    """

    value: float
    error: float  # standard error
    freedom: float  # degrees of freedom
    n_seeds: int
    n_episodes: int  # per seed
    kind: Kind
    of_seeds: float = 0.0  # of error squared, what seeds add, the noise of their episodes included
    noise: float = 0.0  # of that, the noise of episodes
    arms: tuple["Estimate", ...] = ()  # the two means of a difference
    rarest: float = 0.0  # smallest p-value that rearranging so many seeds can have
    seed_means: tuple[float, ...] = ()  # of a mean success rate with collapsed seeds
    n_collapsed: int = 0
    n_pooled: int = 0  # seeds whose spread is known together, where these are more than are compared
    skewness: float | None = None  # of seeds, where it is known to be another than a rate's

    @property
    def offered(self) -> bool:
        """Whether there are seeds enough for an interval."""
        return self.n_seeds >= FEWEST_SEEDS and not np.isnan(self.error)

    @property
    def exact(self) -> bool:
        """Whether nothing varied over seeds or scenes, so that bounds come from the number of scenes."""
        return self.error == 0 and self.kind != "mean"

    def interval(
        self, level: float = 0.95, critical: float | None = None, *, sure: bool = False
    ) -> tuple[float, float]:
        """Return the two-sided interval; ``critical`` replaces Student's quantile (simultaneous bands).

        A ``sure`` one of a difference joins its means by the quantiles of their own degrees of freedom:
        wider, for few seeds that succeed nearly always in one condition and nearly never in the other.

        A success rate of exactly 0 or 1 has the exact binomial bound for as many trials as there are
        scenes: seeds that never differ count once. A difference that is the same on every scene has that
        bound too, for as many tosses as seeds could be rearranged. With collapsed seeds a mean success rate
        has the interval that holds for any distribution, anything else none. NaN for fewer than 3 seeds.
        """
        if not self.offered or (self.n_collapsed and not self.seed_means):
            return np.nan, np.nan
        if self.n_collapsed:
            return sure_interval(self.seed_means, level)
        lowest, highest = {"proportion": (0.0, 1.0), "difference": (-1.0, 1.0)}.get(
            self.kind, (-np.inf, np.inf)
        )
        if self.exact:
            reach = self._exact_reach(level)
            return max(lowest, self.value - reach), min(highest, self.value + reach)
        quantile = critical or float(special.stdtrit(self.freedom, (1 + level) / 2))
        if self.kind == "proportion" and 0 < self.value < 1:
            return self._interval_of_rate(quantile)
        low, high = self.value - self.error * quantile, self.value + self.error * quantile
        if critical is None and self.arms and all(arm.offered for arm in self.arms):
            low, high = self._widened(low, high, level, sure=sure)
        return max(lowest, low), min(highest, high)

    def p_value(self) -> float:
        """Return the two-sided p-value for a true difference of 0 (NaN with fewer than 3 seeds).

        A difference that is the same on each of n scenes has the sign test's 2^(1 - n), or what rearranging
        the seeds can give, whichever is larger.
        """
        if not self.offered:
            return np.nan
        if self.exact:
            return 1.0 if self.value == 0 else float(max(2.0 ** (1 - self.n_episodes), self.rarest))
        return float(2 * special.stdtr(self.freedom, -abs(self.value) / self.error)) if self.error else np.nan

    def p_equivalence(self, margin: float) -> float:
        """Return the p-value (TOST, Schuirmann 1987) that the true difference is ``margin`` or more.

        NaN for fewer than 5 seeds, and where seeds collapsed.
        """
        return max(self._p_beyond(margin, -1), self._p_beyond(margin, 1))

    def p_not_worse(self, margin: float) -> float:
        """Return the p-value of one one-sided test that the true difference is -``margin`` or lower."""
        return self._p_beyond(margin, -1)

    def detectable(self, power: float = 0.8, alpha: float = 0.05) -> float:
        """Return the smallest true difference that a test with this standard error finds with ``power``."""
        if not (self.offered and self.error > 0):
            return np.nan
        quantiles = special.stdtrit(self.freedom, np.array([1 - alpha / 2, power]))
        return float(self.error * quantiles.sum())

    def _exact_reach(self, level: float) -> float:
        tail, trials = (1 - level) / 2, float(max(1, self.n_episodes))
        if self.kind == "difference" and self.value != 0:
            if self.rarest:
                trials = min(trials, equal_trials(self.rarest))
            return 2 * float(1 - tail ** (1 / trials))  # from -1 to 1 is twice as far as from 0 to 1
        return float(1 - tail ** (1 / trials))

    def _interval_of_rate(self, quantile: float) -> tuple[float, float]:
        coin = self.value * (1 - self.value)
        reach = quantile * self.error / coin  # the delta method: d logit(p) = dp / (p (1 - p))
        center = special.logit(self.value)
        low, high = (float(special.expit(center + end)) for end in (-reach, reach))
        if self.of_seeds > 0:
            skewness = self.skewness
            if skewness is None:
                skewness = skewness_of_rates(self.value, self.of_seeds * self.n_seeds)
            share = (self.of_seeds / self.error**2) ** 1.5 / np.sqrt(self.n_seeds)
            below, above = skewed_interval(self.value, self.error, quantile, skewness * share)
            low, high = min(low, max(0.0, float(below))), max(high, min(1.0, float(above)))
        return low, high

    def _widened(self, low: float, high: float, level: float, *, sure: bool) -> tuple[float, float]:
        """Return the t interval of a difference, as wide at least as its two means' own intervals make it.

        These are skewed where success is near 0 or 1. They are joined by their correlation (Zou & Donner
        2008, "Construction of confidence limits about effect measures"), with the normal quantile, or with
        Student's of half as many degrees of freedom again for fewer than 5 seeds: with their own, intervals
        of 5 seeds are twice as wide and cover no more of most of what is printed; with the normal, those of 3
        seeds that differ much cover 83 to 91% near 0 or 1. Where both means are near the same end, fewer than
        10 seeds have the normal quantile times what Student's of their own freedom is of it at 95%: without,
        5 that spread by 1.5 logits at .99 cover 90%. An end stays on its side of 0, where the t test decides.
        """
        a, b = self.arms
        joint = None if sure else self._joint_quantile(level)
        (low_a, high_a), (low_b, high_b) = (arm.interval(level, joint) for arm in self.arms)
        both = a.error * b.error
        shared = (a.error**2 + b.error**2 - self.error**2) / (2 * both) if both else 0.0
        shared = min(1.0, max(-1.0, shared))
        below = _joined(a.value - low_a, high_b - b.value, shared)
        above = _joined(high_a - a.value, b.value - low_b, shared)
        lower, upper = min(low, self.value - below), max(high, self.value + above)
        return (low if low > 0 >= lower else lower), (high if high < 0 <= upper else upper)

    def _joint_quantile(self, level: float) -> float:
        seeds = max(self.n_seeds, self.n_pooled)
        if seeds < ENOUGH_SEEDS:
            return float(special.stdtrit(JOINT_FREEDOM * (self.n_seeds - 1), (1 + level) / 2))
        normal = float(special.ndtri((1 + level) / 2))
        rates = [arm.value for arm in self.arms]
        if seeds >= SPREAD_SEEDS or (max(rates) > NEAR_END and min(rates) < 1 - NEAR_END):
            return normal
        # Of 95% at any level: Student's own tails would make adjusted intervals several times as wide.
        return normal * float(special.stdtrit(seeds - 1, 0.975) / special.ndtri(0.975))

    def _p_beyond(self, margin: float, side: int) -> float:
        """Return the p-value that the true difference is ``side`` x ``margin`` or further from 0."""
        if not self.offered or self.n_seeds < EQUIVALENCE_SEEDS or self.n_collapsed:
            return np.nan
        room = margin - side * self.value
        if self.kind == "mean":
            return float(special.stdtr(self.freedom, -room / self.error)) if self.error else np.nan
        error = np.sqrt(self._variance_at(margin, side))
        return float(special.stdtr(self.n_seeds - 1, -room / error)) if error else float(room <= 0)

    def _variance_at(self, margin: float, side: int) -> float:
        """Return the variance if the true difference were ``side`` x ``margin``."""
        alone, coins = max(0.0, self.of_seeds - self.noise), self.n_episodes > 1
        ratio = 1.0
        if self.arms:
            a, b = (arm.value for arm in self.arms)
            least = 0.5 / self.n_episodes if coins else 0.0
            for moved, observed in ((b + side * margin, a), (a - side * margin, b)):
                there, here = np.clip(moved, 0, 1), np.clip(observed, least, 1 - least)
                if 0 < here < 1:
                    ratio = max(ratio, float(there * (1 - there) / (here * (1 - here))))
        variance = alone * ratio**SEEDS_POWER + (self.error**2 - alone) * ratio**NOISE_POWER
        least = LEAST_VARIANCE * margin * (1 - margin) / self.n_episodes if coins else 0.0
        return max(variance, least)


def _joined(one: float, other: float, correlation: float) -> float:
    """Return the distance that two together make."""
    return float(np.sqrt(max(0.0, one**2 + other**2 - 2 * correlation * one * other)))
