"""A mixed-effects logistic model: fixed effects, crossed normal random intercepts, Laplace's approximation.

What lme4's ``glmer`` fits with one quadrature point (Bates et al. 2015, section 5; the tests hold its
published example). Written here because statsmodels has no maximum-likelihood fit of crossed binomial
models. Scenes are many and each touches few others, so they are eliminated first and only seeds are solved
for densely.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize, special

from glam_eval.statistics.inference.metrics import FloatArray

IntArray = NDArray[np.int64]
NEWTON_STEPS, TOLERANCE = 100, 1e-11
STEP = 1e-4  # of the numerical Hessian, on the scale of logits
LOGISTIC = np.pi**2 / 3  # variance of the draw itself on the scale of logits


@dataclass(frozen=True)
class MixedFit:
    """A fit: fixed effects and their covariance, in logits, and the spreads of the random intercepts."""

    coefficients: FloatArray
    covariance: FloatArray
    spreads: FloatArray  # one a factor, in the order given, scenes last
    log_likelihood: float


@dataclass(frozen=True)
class MixedModel:
    """Successes of trials with a design (rows, effects) and factors (rows,) numbered from 0.

    ``factors`` are solved for densely, so they should have few levels; ``scenes`` may have thousands, or be
    None.
    """

    successes: FloatArray
    trials: FloatArray
    design: FloatArray
    factors: tuple[IntArray, ...]
    scenes: IntArray | None = None

    def log_likelihood(self, coefficients: ArrayLike, spreads: ArrayLike) -> float:
        """Return Laplace's approximation of the log-likelihood, binomial coefficients included."""
        beta, theta = np.asarray(coefficients, dtype=np.float64), np.asarray(spreads, dtype=np.float64)
        return self._laplace(beta, theta, np.zeros(self._size))[0]

    def fit(self) -> MixedFit:
        """Return the maximum-likelihood fit; a spread may be 0."""
        count = len(self._sizes)
        start = np.concatenate([np.full(count, 0.5), self._start()])
        held = {"modes": np.zeros(self._size)}

        def deviance(values: FloatArray) -> float:
            value, held["modes"] = self._laplace(values[count:], values[:count], held["modes"])
            return -2 * value

        effects = self.design.shape[1]
        bounds = optimize.Bounds([0.0] * count + [-np.inf] * effects, [np.inf] * (count + effects))
        found = optimize.minimize(
            deviance,
            start,
            method="L-BFGS-B",
            jac="3-point",
            bounds=bounds,
            options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500},
        )
        best = np.asarray(found.x)
        best, hessian = _polished(deviance, best, free=(np.arange(len(best)) >= count) | (best > 10 * STEP))
        covariance = np.asarray(2 * np.linalg.inv(hessian)[count:, count:], dtype=np.float64)
        return MixedFit(best[count:], covariance, best[:count], -deviance(best) / 2)

    @property
    def _levels(self) -> list[IntArray]:
        return [*self.factors, *([self.scenes] if self.scenes is not None else [])]

    @property
    def _sizes(self) -> list[int]:
        return [int(level.max()) + 1 for level in self._levels]

    @property
    def _size(self) -> int:
        return sum(self._sizes)

    def _start(self) -> FloatArray:
        """Return the fixed effects of the empirical logits, by least squares."""
        logits = special.logit((self.successes + 0.5) / (self.trials + 1))
        return np.asarray(np.linalg.lstsq(self.design, logits, rcond=None)[0])

    def _laplace(self, beta: FloatArray, theta: FloatArray, modes: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood and the modes of the random intercepts, in units of their spreads."""
        fixed, modes = self.design @ beta, modes.copy()
        value = self._penalized(fixed, theta, modes)
        for _ in range(NEWTON_STEPS):
            step, _ = self._newton(fixed, theta, modes)
            scale = 1.0
            while (
                tried := self._penalized(fixed, theta, modes + scale * step)
            ) < value - 1e-9 and scale > 1e-6:
                scale /= 2
            modes, gained, value = modes + scale * step, tried - value, tried
            if abs(gained) < TOLERANCE * (1 + abs(value)):
                break
        _, determinant = self._newton(fixed, theta, modes)
        chosen = special.gammaln(self.trials + 1).sum() - special.gammaln(self.successes + 1).sum()
        chosen -= special.gammaln(self.trials - self.successes + 1).sum()
        return float(value + chosen - determinant / 2), modes

    def _predictor(self, fixed: FloatArray, theta: FloatArray, modes: FloatArray) -> FloatArray:
        parts = np.split(modes, np.cumsum(self._sizes)[:-1])
        rows = (spread * part[level] for spread, part, level in zip(theta, parts, self._levels, strict=True))
        return np.asarray(fixed + sum(rows))

    def _penalized(self, fixed: FloatArray, theta: FloatArray, modes: FloatArray) -> float:
        eta = self._predictor(fixed, theta, modes)
        return float(self.successes @ eta - self.trials @ np.logaddexp(0, eta) - modes @ modes / 2)

    def _newton(self, fixed: FloatArray, theta: FloatArray, modes: FloatArray) -> tuple[FloatArray, float]:
        """Return Newton's step towards the modes, and the log-determinant of the negative Hessian."""
        chance = special.expit(self._predictor(fixed, theta, modes))
        weight, residual = self.trials * chance * (1 - chance), self.successes - self.trials * chance
        levels, sizes = self._levels, self._sizes
        sums = [
            spread * np.bincount(level, residual, size)
            for spread, level, size in zip(theta, levels, sizes, strict=True)
        ]
        slope = np.concatenate(sums) - modes
        dense = len(self.factors)
        blocks = [[self._cross(i, j, theta, weight) for j in range(len(levels))] for i in range(dense)]
        inner = np.block([row[:dense] for row in blocks]) + np.eye(sum(sizes[:dense]))
        if self.scenes is None:
            factor = linalg.cho_factor(inner, lower=True)
            return linalg.cho_solve(factor, slope), 2 * float(np.log(np.diag(factor[0])).sum())
        own = 1 + theta[-1] ** 2 * np.bincount(self.scenes, weight, sizes[-1])
        shared = np.vstack([row[-1] for row in blocks])
        few, many = slope[: len(inner)], slope[len(inner) :]
        factor = linalg.cho_factor(inner - (shared / own) @ shared.T, lower=True)
        of_few = linalg.cho_solve(factor, few - shared @ (many / own))
        step = np.concatenate([of_few, (many - shared.T @ of_few) / own])
        return step, float(2 * np.log(np.diag(factor[0])).sum() + np.log(own).sum())

    def _cross(self, i: int, j: int, theta: FloatArray, weight: FloatArray) -> FloatArray:
        """Return the negative Hessian between the levels of two factors, without the prior's identity."""
        first, second = self._levels[i], self._levels[j]
        rows, columns = self._sizes[i], self._sizes[j]
        sums = np.bincount(first * columns + second, weight, rows * columns)
        return np.asarray(theta[i] * theta[j] * sums.reshape(rows, columns))


def shares_of_variance(spreads: ArrayLike) -> FloatArray:
    """Return which share of a logit's variance each random intercept has, and the draw (last)."""
    variances = np.append(np.square(spreads), LOGISTIC)
    return np.asarray(variances / variances.sum())


def _polished(
    deviance: Callable[[FloatArray], float], best: FloatArray, free: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Return the optimum after two Newton steps in its free directions, and the Hessian in these."""
    directions = np.flatnonzero(free)
    hessian = np.eye(len(best))
    for _ in range(2):
        slope, curvature = _derivatives(deviance, best, directions)
        hessian[np.ix_(directions, directions)] = curvature
        moved = best.copy()
        moved[directions] -= np.linalg.solve(curvature, slope)
        if deviance(moved) > deviance(best):
            break
        best = moved
    return best, hessian


def _derivatives(
    deviance: Callable[[FloatArray], float], at: FloatArray, directions: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return gradient and Hessian in some directions by central differences."""
    steps = STEP * np.eye(len(at))[directions]
    center = deviance(at)
    ahead, behind = (np.array([deviance(at + sign * step) for step in steps]) for sign in (1, -1))
    count = len(steps)
    curvature = np.diag((ahead - 2 * center + behind) / STEP**2)
    for i in range(count):
        for j in range(i):
            both = deviance(at + steps[i] + steps[j]) + deviance(at - steps[i] - steps[j])
            curvature[i, j] = curvature[j, i] = (
                both - ahead[i] - ahead[j] - behind[i] - behind[j] + 2 * center
            ) / (2 * STEP**2)
    return (ahead - behind) / (2 * STEP), curvature
