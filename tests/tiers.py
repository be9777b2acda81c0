"""When the kinds that a test is given are tried: always, by ``make thorough`` or by ``make slow``."""

import pytest


def tiers(kinds, thorough=(), slow=()):
    """The kinds as a test's parameters, those of the later tiers marked."""
    marks = dict.fromkeys(thorough, pytest.mark.thorough) | dict.fromkeys(slow, pytest.mark.slow)
    return [pytest.param(kind, marks=marks.get(kind, ())) for kind in kinds]
