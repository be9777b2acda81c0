"""The bench of agents: every agent once, with numbers where it learns."""

import math

import pytest

from glam_eval.benchmarks.agents import PHASES, measure_agents, measured_agents
from glam_eval.config.agents import AGENTS


def test_one_agent_stands_for_those_that_compute_the_same():
    # bc-gflan learns as bc-bot does, from a teacher that would have to be trained first
    assert measured_agents() == [name for name in AGENTS if name not in ("bc-gflan", "chat")]


@pytest.mark.slow
def test_every_agent_is_measured():
    measured = list(measure_agents("GoToLocalS5N2", "t5-pico", updates=1))
    assert [row.agent for row in measured] == measured_agents()
    for row in measured:
        assert row.acting > 0
        shares = [getattr(row, f"{phase}_share") for phase in PHASES]
        if AGENTS[row.agent].learner == "none":
            assert math.isnan(row.learning) and all(map(math.isnan, shares))
        else:
            assert row.learning > 0 and 0 < sum(shares) <= 1
        assert (row.parameters > 0) == (AGENTS[row.agent].role != "reference")
