"""What a finding is, and how it puts numbers into words: rates, points, p-values, lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from markupsafe import Markup

from glam_eval.figures.style import interval_text

Kind = Literal["up", "down", "same", "open"]
ONE_BY_ONE = 4  # agents of which a question is answered without a summary


@dataclass(frozen=True)
class Finding:
    """One finding (numbers in bold), and whether it tells of a gain, a loss, no change or nothing sure.

    A ``summary`` says in one sentence what those after it say one by one.
    """

    text: Markup
    kind: Kind
    summary: bool = False


def grouped(lead: str, groups: Mapping[str, Sequence[str]]) -> Finding:
    """Return one finding of who belongs to which group: "lead: <b>group</b>: A and B; <b>other</b>: C."."""
    told = [Markup("<b>{}</b>: {}").format(name, listed(those)) for name, those in groups.items() if those]
    return Finding(Markup("{}. {}.").format(lead, Markup("; ").join(told)), "open", summary=True)


def rate(row: dict[str, Any]) -> str:
    """Return a row's mean with its interval, in percent."""
    return interval_text(row["mean"], row["low"], row["high"])


def points(row: dict[str, Any], sign: int = 1) -> str:
    """Return a change or a difference with its interval in points, without a sign where it is told as a loss.

    With one decimal where whole points would show an end as 0 that is none.
    """
    name = "change" if "change" in row else "estimate"
    ends = (row["change_low"], row["change_high"]) if name == "change" else (row["low"], row["high"])
    low, high = sorted(100 * sign * end for end in ends)
    value = 100 * sign * row[name]
    digits = int(any(0.05 <= abs(end) < 0.5 for end in (value, low, high)))
    texts = [_signed(end, digits, always=sign > 0) for end in (value, low, high)]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]" if np.isfinite(low) else texts[0]


def bare(row: dict[str, Any]) -> str:
    """Return a difference in whole points, without its interval."""
    return _signed(100 * row["estimate"], 0, always=True)


def possible(size: float) -> bool:
    """Return whether success rates can differ by so much, a share: none by more than 100 points."""
    return bool(size < 1)


def p_value(p: float) -> str:
    """Return an adjusted p-value in words."""
    return "untested" if not np.isfinite(p) else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def listed(parts: Sequence[str]) -> Markup:
    """Return parts joined by commas and a last "and"; what is no markup is escaped."""
    if len(parts) == 1:
        return Markup("{}").format(parts[0])
    return Markup("{} and {}").format(Markup(", ").join(parts[:-1]), parts[-1])


def _signed(value: float, digits: int, *, always: bool) -> str:
    rounded = round(value, digits) + 0.0  # a negative zero becomes zero
    text = f"{rounded:{'+' if always and rounded else ''}.{digits}f}"
    return "0" if not rounded else text
