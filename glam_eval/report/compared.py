"""A study's comparisons, looked up by what was compared, from either side."""

from typing import Any

import pandas as pd

from glam_eval.figures import Study
from glam_eval.figures.identity import Condition, conditions_of, records
from glam_eval.figures.tables import final
from glam_eval.statistics import best_goal_blind, condition_name
from glam_eval.statistics.curves import AREA


def learners(study: Study) -> list[Condition]:
    """Return the conditions that were trained, in display order."""
    episodes = study.table("episodes")
    trained = set(conditions_of(episodes[episodes["frames"] > 0]))
    return [condition for condition in study.looks if condition in trained]


def curve_protocols(study: Study) -> list[str]:
    """Return the protocols whose areas under learning curves are compared."""
    table = study.derive(final.comparisons)
    return [str(name) for name in table.loc[table["measure"] == AREA, "protocol"].unique()]


def against_chance(
    study: Study, condition: Condition, shift: str | None = None
) -> tuple[Condition | None, dict[str, Any] | None]:
    """Return the best goal-blind agent under a shift, and how a condition compares with it there."""
    shift = study.reference_shift if shift is None else shift
    best = best_goal_blind(study.usual(study.final(study.final_protocol, shift)))
    if best is None or best == condition:
        return best, None
    return best, difference(study, condition, best, shift=shift)


def difference(
    study: Study,
    a: Condition,
    b: Condition,
    protocol: str | None = None,
    measure: str = "success",
    shift: str = "none",
) -> dict[str, Any] | None:
    """Return the comparison a - b, at the end of training without a shift unless said; None if not made."""
    asked, names = (
        (protocol or study.final_protocol, measure, shift),
        (condition_name(*a), condition_name(*b)),
    )
    row = _row(study, (*asked, *names))
    if row is not None:
        return row
    row = _row(study, (*asked, *reversed(names)))
    return None if row is None else turned(row)


def change(study: Study, condition: Condition, shift: str, base: str) -> dict[str, Any] | None:
    """Return how a condition's success changes from a base to a shift; None if that was not compared."""
    return _row(study, (study.final_protocol, "success", shift, condition_name(*condition), base))


def _row(study: Study, key: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the comparison of a protocol, measure and shift, of a less b; None if that was not made."""
    rows = study.derive(_pairs)
    return records(rows.loc[[key]])[0] if key in rows.index else None


def _pairs(study: Study) -> pd.DataFrame:
    """Return the comparisons of two conditions, by what was compared."""
    table = study.derive(final.comparisons)
    return table[table["b"] != ""].set_index(["protocol", "measure", "shift", "a", "b"])


def turned(row: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison seen from the other side."""
    verdict = {"higher": "lower", "lower": "higher", "no worse": "undecided"}.get(
        row["verdict"], row["verdict"]
    )
    ends = {"estimate": -row["estimate"], "low": -row["high"], "high": -row["low"]}
    return row | ends | {"verdict": verdict}
