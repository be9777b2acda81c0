"""Numbers as people read them: three digits and a unit."""

import math


def gibibytes(number: float) -> str:
    """Return bytes in gibibytes, as a question mark if unknown."""
    return "?" if math.isnan(number) else f"{number / 2**30:.1f} GiB"


def count(number: float) -> str:
    """Return a large number in three digits and a prefix: 1.23 G."""
    if math.isnan(number):
        return "?"
    for power, prefix in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            return f"{number / 10**power:.3g} {prefix}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """Return a time in the largest unit of which there are two."""
    if math.isnan(seconds):
        return "?"
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:.0f} s"
