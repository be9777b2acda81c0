"""The bench of agents: every agent once, with numbers where it learns."""

import math

import pytest

from glam_eval.config.agents import AGENTS
from glam_eval.benchmarks.agents import PHASES, bench_agents


@pytest.mark.slow
def test_every_agent_is_measured():
    measured = list(bench_agents("GoToLocalS5N2", "t5-pico", updates=1))
    assert [row.agent for row in measured] == [name for name in AGENTS if name != "bc-gflan"]
    for row in measured:
        assert row.acting > 0
        shares = [getattr(row, f"{phase}_share") for phase in PHASES]
        if AGENTS[row.agent].learner == "none":
            assert math.isnan(row.learning) and all(map(math.isnan, shares))
        else:
            assert row.learning > 0 and 0 < sum(shares) <= 1
        assert (row.parameters > 0) == (row.agent not in ("bot", "random"))
