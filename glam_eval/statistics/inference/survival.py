"""Times that may not have come yet: frames until an agent reaches a success rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from glam_eval.statistics.inference.estimates import FEWEST_SEEDS


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """The mean time up to a horizon: of min(time, horizon), with its interval; and the median time."""

    mean: float
    low: float
    high: float
    median: float  # infinite where fewer than half ever get there
    n_reached: int


def restricted_mean(
    times: ArrayLike, reached: ArrayLike, horizon: float, level: float = 0.95, besides: float = 0.0
) -> RestrictedMean:
    """Return the restricted mean of times (n,), of which those not ``reached`` are only known to be longer.

    The area under the Kaplan-Meier curve up to the horizon, with Greenwood's variance times n / (n - 1) and
    Student's t on n - 1 (then, when nobody is censored before the horizon, exactly the t interval of
    min(time, horizon)). ``besides`` is what else varies, for instance scenes that all share. The interval is
    NaN for fewer than 3 times, or when no two times differ.
    """
    time, event = np.asarray(times, dtype=np.float64), np.asarray(reached, dtype=bool)
    event = event & (time <= horizon)
    time = np.minimum(time, horizon)
    count = len(time)
    if not event.any():
        return RestrictedMean(horizon, np.nan, np.nan, np.inf, 0)
    from statsmodels.duration.survfunc import SurvfuncRight

    curve = SurvfuncRight(time, event)
    steps = np.concatenate([[0.0], curve.surv_times, [horizon]])
    heights = np.concatenate([[1.0], curve.surv_prob])
    pieces = heights * np.diff(steps)
    after = pieces.sum() - np.cumsum(pieces)[:-1]  # area to the right of each time
    at_risk, events = curve.n_risk, curve.n_events
    staying = at_risk > events  # the last one's area to the right is 0
    terms = events[staying] / (at_risk[staying] * (at_risk[staying] - events[staying]))
    variance = float((after[staying] ** 2 * terms).sum())
    mean, median = float(pieces.sum()), float(curve.quantile(0.5))
    reach = np.nan
    if count >= FEWEST_SEEDS and variance > 0:
        reach = float(
            stats.t.ppf((1 + level) / 2, count - 1) * np.sqrt(variance * count / (count - 1) + besides)
        )
    low, high = max(0.0, mean - reach), min(horizon, mean + reach)
    if np.isnan(reach):
        low = high = np.nan
    return RestrictedMean(mean, low, high, np.inf if np.isnan(median) else median, int(event.sum()))
