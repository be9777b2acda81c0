"""The table of comparisons: every condition's estimate, every drop, every difference between agents."""

from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.core.errors import UserError
from glam_eval.results import columns_of
from glam_eval.statistics.cells import final_checkpoints, require_columns, tabulate
from glam_eval.statistics.comparison.bases import find_bases
from glam_eval.statistics.comparison.families import Training, training_of
from glam_eval.statistics.comparison.protocol import MARGIN, ProtocolComparisons
from glam_eval.statistics.completeness import complete, notes_of
from glam_eval.statistics.curves import AREA, END_GAIN, GAIN, areas, curve_episodes, settled_updates
from glam_eval.statistics.names import condition_name
from glam_eval.statistics.variants import name_variants


def compare(
    episodes: pd.DataFrame,
    generator: np.random.Generator,
    *,
    runs: pd.DataFrame | None = None,
    training: pd.DataFrame | None = None,
    baseline: str | None = None,
    reference: str = "none",
    measure: str = "success",
    margin: float = MARGIN,
) -> pd.DataFrame:
    """Return the comparisons table (``ComparisonRecord``'s columns) of a study.

    For each protocol, at each run's last checkpoint: the estimate of every agent/model under every shift (b
    empty); the paired difference of every shift to its base within an agent/model (b names the base:
    ``reference``, or the simple task of the shift's own level); in other tasks and rooms the same less what
    the best goal-blind agent gains; the difference between every two agents/models under one shift, or only
    to ``baseline`` ("agent/model"). And the same of areas under learning curves and of what training adds to
    their start, from the episodes of a protocol with several checkpoints, else from ``training``. ``runs``
    tells variants of one agent and model apart, and which runs were to train for how long: those that failed
    or stopped early are left out (``complete``), which the notes of their agent's rows say.

    Tests of one question are one family, adjusted by Bonferroni with their intervals: an agent's shifts of
    one kind (see ``families``); all pairs of trained agents of one level, and all of a trained with an
    untrained one, under one shift. ``margin`` is that of equivalence. ``generator`` draws permutations when
    seeds are too many to enumerate. A condition that others were played in and one was not is a row that
    says so.
    """
    require_columns(episodes, ["run_id", "agent", "model", "seed", "frames", "protocol", "shift"], "episodes")
    if runs is not None:
        episodes = name_variants(episodes, runs)
        training = name_variants(training, runs) if training is not None else None
    known = complete(episodes, runs)
    episodes = known.episodes
    if training is not None:
        training = training[~training["run_id"].isin(known.left_out)]
        training = (
            settled_updates(training, runs) if runs is not None and "episodes" in training else training
        )
    if episodes.empty:
        raise UserError("there are no episodes of runs that finished to compare")
    rows: list[ComparisonRecord] = []
    trained = training_of(episodes, runs, reference)
    final = final_checkpoints(episodes)
    for protocol in sorted(final["protocol"].astype(str).unique()):
        bases = find_bases(final[final["protocol"] == protocol], reference)
        cells = tabulate(bases.episodes, ["shift", "agent", "model"], measure)
        study = ProtocolComparisons(cells, protocol, measure, reference, margin, generator, trained, bases.of)
        rows += study.estimates() + study.drops() + study.drops_beyond_chance() + study.pairs(baseline)
    rows += _area_rows(episodes, training, baseline, reference, margin, generator, trained)
    lacking = {(gap.agent, gap.model) for gap in known.gaps}
    notes = {condition_name(*who): notes_of(known.gaps, *who) for who in lacking}
    rows = [_noted(row, notes.get(row.a, "")) for row in rows]
    names = {column.attribute: column.name for column in columns_of(ComparisonRecord)}
    return pd.DataFrame([asdict(row) for row in rows], columns=list(names)).rename(columns=names)


def _noted(row: ComparisonRecord, note: str) -> ComparisonRecord:
    """Return the row of a condition alone with what is missing of that condition."""
    return replace(row, note="; ".join(filter(None, (row.note, note)))) if row.b == "" else row


def _area_rows(
    episodes: pd.DataFrame,
    training: pd.DataFrame | None,
    baseline: str | None,
    reference: str,
    margin: float,
    generator: np.random.Generator,
    trained: Mapping[str, Training],
) -> list[ComparisonRecord]:
    """Return the comparisons of learning curves; none where nothing was measured twice."""
    table, protocol = curve_episodes(episodes, reference), "training"
    if len(table):
        protocol = str(table["protocol"].iloc[0])
    elif training is not None and len(training):
        table = training
    else:
        return []
    rows: list[ComparisonRecord] = []
    for measure in (AREA, GAIN, END_GAIN):
        cells, _ = areas(table, measure=measure)
        cells = replace(cells, conditions=cells.conditions.assign(shift=reference))
        study = ProtocolComparisons(cells, protocol, measure, reference, margin, generator, trained)
        learns = baseline is None or baseline in study.names
        rows += study.estimates() + (study.pairs(baseline) if learns else [])
    return rows
