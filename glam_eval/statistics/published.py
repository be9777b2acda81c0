"""Published numbers to hold ours against, with their source and the error of reading them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd
from scipy import optimize, special

from glam_eval.core.errors import unknown
from glam_eval.statistics.cells import final_checkpoints, tabulate
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.comparison.verdicts import SIGNIFICANT, few_seeds, verdict_of
from glam_eval.statistics.inference.estimates import Estimate
from glam_eval.statistics.inference.hypotheses import adjust
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.names import condition_name


@dataclass(frozen=True, slots=True)
class Source:
    """Where published numbers come from; ``reading`` is the error of reading them, ``level`` that of bars."""

    citation: str
    reading: float
    level: float
    episodes: int  # a cell was measured with, where no bar is drawn


SOURCES = {
    # "invented words" of the figure are read as invented nouns and colours together.
    "paper": Source(
        "Carta et al. 2023 (arXiv 2302.02662), FLAN-T5-large, read off docs/images/generalization_tests.png",
        reading=0.01,
        level=0.99,
        episodes=1_000,
    ),
}


@dataclass(frozen=True, slots=True)
class Distance:
    """Our success less a published one, each with an uncertainty of its own."""

    ours: Estimate
    published: float
    error: float  # of the published

    @property
    def estimate(self) -> Estimate:
        """The difference with the errors of both, from which equivalence is tested."""
        value, error = self.ours.value - self.published, float(np.hypot(self.ours.error, self.error))
        theirs = replace(self.ours, value=self.published, error=self.error)
        return replace(
            self.ours,
            value=value,
            error=error,
            kind="difference",
            of_seeds=error**2,
            arms=(self.ours, theirs),
        )

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval that keeps the shape of ours, which is skewed near 0 and 1.

        Each end is as far as ours and the published one's together (Zou & Donner 2008, "Construction of
        confidence limits about effect measures", the method of variance estimates recovery).
        """
        (low, high), value = self.ours.interval(level), self.ours.value
        if np.isnan(low):
            return np.nan, np.nan
        theirs = self.error * float(special.ndtri((1 + level) / 2))
        difference = value - self.published
        below, above = float(np.hypot(value - low, theirs)), float(np.hypot(high - value, theirs))
        return max(-1.0, difference - below), min(1.0, difference + above)

    def p_value(self) -> float:
        """Return the two-sided p-value: 1 less the level of the interval that ends at 0, at least 1e-10."""
        if not self.ours.offered:
            return np.nan
        above = self.ours.value > self.published

        def beyond(logit: float) -> float:
            """How far the interval of the p-value with this logit is from 0; below 0 where it includes 0."""
            low, high = self.interval(float(special.expit(-logit)))
            return low if above else -high

        if beyond(_SUREST) > 0 or beyond(-_SUREST) < 0:
            return float(special.expit(_SUREST)) if beyond(_SUREST) > 0 else 1.0
        return float(special.expit(optimize.brentq(beyond, _SUREST, -_SUREST, xtol=1e-6)))


COLUMNS = ["protocol", "shift", "a", "level", "estimate", "low", "high", "published", "published_low"]
COLUMNS += ["published_high", "difference", "difference_low", "difference_high", "p_value", "p_adjusted"]
COLUMNS += ["verdict", "n_seeds", "note"]
_SUREST = -23.0  # logit of the smallest p-value that is told, 1e-10


def error_of(success: float, ends: list[float], source: Source) -> float:
    """Return the standard error of a published rate: of its drawn bar or episodes, and of reading it."""
    drawn = np.sqrt(success * (1 - success) / source.episodes)
    if not np.isnan(ends).any():
        drawn = (ends[1] - ends[0]) / 2 / special.ndtri((1 + source.level) / 2)
    return float(np.sqrt(drawn**2 + source.reading**2 / 3))


@cache
def published(name: str) -> pd.DataFrame:
    """Return the published success rates: agent, level, shift, success, low, high (NaN without a bar)."""
    if name not in SOURCES:
        raise unknown("published numbers", name, SOURCES)
    with (files("glam_eval.statistics") / "published_numbers" / f"{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def against_published(episodes: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return our success at the end of training beside the published, with the difference and its test.

    One row for each condition that both have, at the level trained on; where that level is another, the
    difference is told and not tested. The difference's error is ours, that of the drawn bar (or of so many
    episodes), and that of reading it; tests are one family, as ``compare`` adjusts them. Raises
    ``UserError`` for unknown names.
    """
    theirs = published(name)
    source = SOURCES[name]
    found = list(_both(final_checkpoints(episodes), theirs, source))
    adjusted = adjust([distance.p_value() if tested else np.nan for _, distance, tested in found])
    tests = max(1, int(np.isfinite(adjusted).sum()))
    rows = []
    for (known, distance, tested), p in zip(found, adjusted, strict=True):
        low, high = distance.interval(1 - SIGNIFICANT / tests)
        estimate = distance.estimate
        same, not_worse = estimate.p_equivalence(MARGIN) * tests, estimate.p_not_worse(MARGIN) * tests
        verdict = verdict_of(estimate.value, float(p), same, not_worse) if tested else "untested"
        note = few_seeds(estimate) if tested else f"trained on {known['level']}, published for another level"
        measured = {"difference": estimate.value, "difference_low": low, "difference_high": high}
        tested_as = {
            "p_value": distance.p_value() if tested else np.nan,
            "p_adjusted": float(p),
            "verdict": verdict,
        }
        rows.append(known | measured | tested_as | {"n_seeds": estimate.n_seeds, "note": note})
    return pd.DataFrame(rows, columns=COLUMNS)


def _both(
    final: pd.DataFrame, theirs: pd.DataFrame, source: Source
) -> Iterator[tuple[dict[str, object], Distance, bool]]:
    """Yield what both measured: the row so far, the estimate of the difference, and whether levels agree."""
    for protocol, rows in final.groupby("protocol", observed=True):
        cells = tabulate(rows, ["agent", "model", "shift"])
        levels = rows.astype({"agent": str, "model": str}).groupby(["agent", "model"])["level"].agg(_usual)
        for index, (agent, model, shift) in enumerate(cells.conditions.itertuples(index=False, name=None)):
            level = str(levels[str(agent), str(model)])
            cited = theirs[(theirs["agent"] == str(agent)) & (theirs["shift"] == str(shift))]
            same = cited[cited["level"] == level]
            chosen = (same if len(same) else cited).head(1)
            for row in json.loads(chosen.to_json(orient="records")):
                ours = estimate_mean(cells.matrix(index), "proportion")
                low, high = ours.interval()
                ends = [np.nan if row[end] is None else row[end] for end in ("low", "high")]
                known: dict[str, object] = {
                    "protocol": str(protocol),
                    "shift": str(shift),
                    "a": condition_name(str(agent), str(model)),
                    "level": level,
                    "estimate": ours.value,
                    "low": low,
                    "high": high,
                    "published": row["success"],
                    "published_low": ends[0],
                    "published_high": ends[1],
                }
                yield (
                    known,
                    Distance(ours, row["success"], error_of(row["success"], ends, source)),
                    len(same) > 0,
                )


def _usual(levels: pd.Series) -> str:
    return str(levels.astype(str).mode().iloc[0])
