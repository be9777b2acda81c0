"""The comparisons that can be asked of results: the table of each kind, and how people read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from glam_eval import statistics
from glam_eval.core.errors import UserError, unknown
from glam_eval.core.seeds import stream
from glam_eval.report import matrices, other_matrices
from glam_eval.report.matrices import Matrix
from glam_eval.report.reading import reading_matrices
from glam_eval.results import load_results, table_names


@dataclass(frozen=True)
class Contrasts:
    """One kind of comparison of a study.

    Attributes:
        table: A row a comparison, with all that is known of it.
        matrices: The same as people read it, agents by conditions.
        legend: What the marks of the matrices mean.
    """

    table: pd.DataFrame
    matrices: Sequence[Matrix]
    legend: str


def contrasts(
    results: Path,
    protocol: str | None = None,
    baseline: str | None = None,
    against: str | None = None,
    mixed: bool = False,
    plan: bool = False,
    difference: float = 0.1,
) -> Contrasts:
    """Return the comparisons of a results directory: those of its agents and shifts, or one other kind.

    Args:
        results: Directory of results.
        protocol: Only this protocol.
        baseline: Agents are compared with this one only, ``agent/model``.
        against: Published numbers to hold these against, instead: ``paper``, ``balrog`` or ``agentgym``.
        mixed: Odds and shares of variance of a mixed model, instead.
        plan: Seeds that would show a difference, instead.
        difference: That difference of success, as a share.

    Raises:
        UserError: The directory holds no results, a name is unknown, or two kinds are asked at once.
    """
    if sum((plan, mixed, against is not None)) > 1:
        raise UserError("plan, mixed and against are answers of their own: ask one at a time")
    if against is not None and against not in (numbers := [*statistics.SOURCES, *statistics.LEADERBOARDS]):
        raise unknown("published numbers", against, numbers)
    episodes, runs = _tables(Path(results), protocol)
    if not (plan or mixed or against is not None):
        table = statistics.compare(
            episodes, stream(0, "statistics", "comparisons"), runs=runs, baseline=baseline
        )
        reading = statistics.who_reads(episodes, runs=runs)
        return Contrasts(table, [*reading_matrices(reading), *matrices.matrices(table)], matrices.LEGEND)
    named = episodes if runs is None else statistics.name_variants(episodes, runs)
    known = statistics.complete(named, runs).episodes
    if plan:
        table = statistics.plan_power(known, difference=difference, runs=runs)
        return Contrasts(table, other_matrices.plans(table), other_matrices.PLAN_LEGEND)
    if mixed:
        table, shares = statistics.mixed_effects(known, runs=runs)
        return Contrasts(table, other_matrices.odds(table, shares), other_matrices.ODDS_LEGEND)
    if against in statistics.LEADERBOARDS:
        table = statistics.beside_leaderboard(known, against, runs)
        citation = statistics.LEADERBOARDS[against].citation
        return Contrasts(
            table, other_matrices.ranks(table, against), f"{other_matrices.RANK_LEGEND} {citation}."
        )
    table = statistics.against_published(known, str(against))
    return Contrasts(table, other_matrices.targets(table), other_matrices.TARGET_LEGEND)


def _tables(results: Path, protocol: str | None) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the episodes, of one protocol if asked, and the runs where there are any."""
    episodes = load_results(results, "episodes")
    if protocol is not None:
        if protocol not in set(episodes["protocol"]):
            raise unknown("protocol", protocol, map(str, episodes["protocol"].unique()))
        episodes = episodes[episodes["protocol"] == protocol]
    return episodes, load_results(results, "runs") if "runs" in table_names(results) else None
