"""Means by group and the generalization table: what figures of bars and dots draw."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.statistics.cells import final_checkpoints, kind_of, tabulate
from glam_eval.statistics.comparison.bases import find_bases
from glam_eval.statistics.comparison.protocol import MARGIN, ProtocolComparisons
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.variants import name_variants


def success_by(episodes: pd.DataFrame, by: Sequence[str], value: str = "success") -> pd.DataFrame:
    """Return the mean over seeds of a column in every group: ``by``, mean, low, high, n_seeds, n_episodes.

    Seeds are the sample: each counts with its mean over scenes. One seed has no interval (NaN).
    """
    cells = tabulate(episodes, by, value)
    rows = []
    for row, condition in enumerate(cells.conditions.itertuples(index=False)):
        estimate = estimate_mean(cells.matrix(row), kind_of(value))
        rows.append((*condition, estimate.value, *estimate.interval(), estimate.n_seeds, estimate.n_episodes))
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "n_seeds", "n_episodes"])


def generalization(
    episodes: pd.DataFrame,
    generator: np.random.Generator,
    *,
    runs: pd.DataFrame | None = None,
    reference: str = "none",
    margin: float = MARGIN,
) -> pd.DataFrame:
    """Return one row per protocol, agent, model and shift: success and its paired change from its base.

    The base is ``reference``, or the simple task of the shift's own level (``find_bases``). Columns:
    protocol, shift, agent, model, mean, low, high, base, change, change_low, change_high, p_value,
    p_adjusted, p_equivalence, effect_size, verdict, note, n_seeds, n_episodes. The change and its tests are
    NaN for the reference itself; a shift that an agent was not played under is a row of NaN that says so.
    """
    if runs is not None:
        episodes = name_variants(episodes, runs)
    final, tables = final_checkpoints(episodes), []
    for protocol in sorted(final["protocol"].astype(str).unique()):
        bases = find_bases(final[final["protocol"] == protocol], reference)
        cells = tabulate(bases.episodes, ["shift", "agent", "model"])
        comparisons = ProtocolComparisons(
            cells, protocol, "success", reference, margin, generator, bases=bases.of
        )
        drops = {(row.shift, row.a): row for row in comparisons.drops()}
        agents = dict(zip(comparisons.names, comparisons.agents, strict=True))
        rows = [
            _generalization_row(row, drops.get((row.shift, row.a)), agents[row.a])
            for row in comparisons.estimates()
        ]
        tables.append(pd.DataFrame(rows))
    return pd.concat(tables, ignore_index=True)


def _generalization_row(
    alone: ComparisonRecord, drop: ComparisonRecord | None, who: tuple[str, str]
) -> dict[str, object]:
    return {
        "protocol": alone.protocol,
        "shift": alone.shift,
        "agent": who[0],
        "model": who[1],
        "mean": alone.estimate,
        "low": alone.low,
        "high": alone.high,
        "base": drop.b if drop else "",
        "change": drop.estimate if drop else np.nan,
        "change_low": drop.low if drop else np.nan,
        "change_high": drop.high if drop else np.nan,
        "p_value": drop.p_value if drop else np.nan,
        "p_adjusted": drop.p_adjusted if drop else np.nan,
        "p_equivalence": drop.p_equivalence if drop else np.nan,
        "effect_size": drop.effect_size if drop else np.nan,
        "verdict": drop.verdict if drop else "",
        "note": drop.note if drop else alone.note,
        "n_seeds": alone.n_seeds,
        "n_episodes": alone.n_episodes,
    }
