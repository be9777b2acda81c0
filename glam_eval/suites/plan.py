"""In which order the runs of a suite are begun."""

from collections.abc import Sequence

from glam_eval.config.graph import PlannedRun
from glam_eval.config.run import RunConfig
from glam_eval.config.suite import SuiteConfig
from glam_eval.suites.cost import nominal_seconds


def in_order(suite: SuiteConfig) -> list[PlannedRun]:
    """Return the distinct runs of a suite in the order in which they are begun, as far as needs allow it.

    Those come first that lead to the longest chains of runs, so that none is begun when the others end; equal
    ones seed by seed.
    """
    runs = suite.graph
    ahead = _seconds_to_the_end(runs)
    return sorted(runs, key=lambda planned: ahead[planned.run_id], reverse=True)


def expected_seconds(suite: SuiteConfig) -> dict[str, float]:
    """Return about how long each run of a suite takes on one core of an ordinary machine, by run_id."""
    agents = _agents(suite.graph)
    return {planned.run_id: nominal_seconds(planned, agents) for planned in suite.graph}


def core_seconds(suite: SuiteConfig) -> float:
    """Return about how long all runs of a suite take together on one core of an ordinary machine."""
    return sum(expected_seconds(suite).values())


def _agents(runs: Sequence[PlannedRun]) -> dict[str, RunConfig]:
    return {each.run_id: each.config for each in runs if isinstance(each.config, RunConfig)}


def _seconds_to_the_end(runs: Sequence[PlannedRun]) -> dict[str, float]:
    """Return for each run_id how long it and the longest chain of runs that need it take."""
    after = dict.fromkeys((planned.run_id for planned in runs), 0.0)
    agents, ahead = _agents(runs), {}
    for planned in reversed(runs):  # what is needed comes before what needs it
        seconds = ahead[planned.run_id] = nominal_seconds(planned, agents) + after[planned.run_id]
        for need in planned.needs:
            after[need] = max(after[need], seconds)
    return ahead
