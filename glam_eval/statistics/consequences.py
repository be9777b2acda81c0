"""What models know of what actions do: shares of right answers, against chance, before and after training.

The sample is the seeds, crossed with the situations asked about; the items of one situation count together,
for their chance is exact together alone.
"""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd

from glam_eval.config.protocols import CONSEQUENCES
from glam_eval.statistics.cells import Cells, require_columns, tabulate
from glam_eval.statistics.comparison.contrasts import bare_row, independent, paired
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.comparison.verdicts import Contrast, few_seeds, settle_family
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.names import condition_name

PROTOCOL = "consequences"
SCORINGS = {
    "right_calibrated": "likeliest beside its prior",
    "right": "likeliest",
    "right_per_token": "likeliest per token",
}
BEFORE, AFTER, CHANCE = "before training", "after training", "chance"
_BY = ["question", "agent", "model", "moment"]
_DIGITS = 12  # of shares, below which differences from chance are rounding
ABOVE = "mean over seeds and situations less their chance; t interval; t test"


def right_answers(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of right answers of every agent, by question, way of scoring and moment.

    Its interval is that of the difference from chance, moved by chance: the test goes by the same.

    Columns: scoring (of ``SCORINGS``), question, agent, model, moment, mean, low, high, chance, n_seeds,
    n_episodes (situations).
    """
    found = []
    for scoring in SCORINGS:
        above = tabulate(_situations(rows), _BY, f"{scoring} above chance")
        chances = tabulate(_situations(rows), _BY, "chance").seed_means()
        for place, condition in enumerate(above.conditions.itertuples(index=False)):
            estimate, chance = (
                estimate_mean(above.matrix(place), "difference"),
                float(np.nanmean(chances[place])),
            )
            low, high = np.clip(np.add(estimate.interval(), chance), 0, 1).tolist()
            numbers = (estimate.value + chance, low, high, chance)
            found.append((scoring, *condition, *numbers, estimate.n_seeds, estimate.n_episodes))
    numbers_of = ["mean", "low", "high", "chance", "n_seeds", "n_episodes"]
    return pd.DataFrame(found, columns=["scoring", *_BY, *numbers_of])


def consequence_contrasts(
    rows: pd.DataFrame, generator: np.random.Generator, scoring: str, *, margin: float = MARGIN
) -> pd.DataFrame:
    """Return what is more or less than chance, than before training, and than another agent after it.

    Tests of one question against one of the three are a family. Columns: question, moment, a (agent and
    model, by ``condition_name``), b (``CHANCE``, ``BEFORE`` or another agent's name), estimate, low, high,
    p_adjusted, verdict, note, n_seeds, n_episodes.

    Args:
        rows: answers, one run a seed in each condition.
        generator: draws permutations where seeds are too many to enumerate.
        scoring: one of ``SCORINGS``.
        margin: differences within it are called equivalent.
    """
    cells = tabulate(_situations(rows), _BY, scoring)
    above = tabulate(_situations(rows), _BY, f"{scoring} above chance")
    index = {tuple(map(str, key)): place for place, key in enumerate(cells.conditions.to_numpy())}
    found: list[pd.DataFrame] = []
    for question in (name for name in CONSEQUENCES if any(key[0] == name for key in index)):
        own = {
            (condition_name(*key[1:3]), key[3]): place for key, place in index.items() if key[0] == question
        }
        learned = [name for name, moment in own if moment == AFTER]

        def row(a: str, b: str, question: str = question) -> tuple[str, str, str, str, str]:
            return PROTOCOL, question, scoring, a, b

        families: dict[str, list[tuple[str, Contrast | None]]] = {
            "against chance": [
                (moment, _above_chance(above, place, row(name, CHANCE), margin))
                for (name, moment), place in own.items()
            ],
            "what training changes": [
                (
                    AFTER,
                    paired(cells, own[name, AFTER], own[name, BEFORE], row(name, BEFORE), margin, generator),
                )
                for name in learned
                if (name, BEFORE) in own
            ],
            "between agents": [
                (AFTER, independent(cells, own[a, AFTER], own[b, AFTER], row(a, b), margin, generator))
                for a, b in combinations(learned, 2)
            ],
        }
        found += [_settled(f"{question}, {name}", family) for name, family in families.items()]
    return pd.concat(found, ignore_index=True)


def _situations(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a run, moment and situation: shares of its items answered rightly, and their chance."""
    require_columns(
        rows, ["run_id", "seed", "frames", "scene_seed", "question", "chance", *SCORINGS], PROTOCOL
    )
    moments = rows.assign(moment=np.where(rows["frames"] > 0, AFTER, BEFORE))
    keys = [*_BY, "run_id", "seed", "scene_seed"]
    shares = moments.groupby(keys, observed=True)[[*SCORINGS, "chance"]].mean().reset_index()
    for scoring in SCORINGS:
        shares[f"{scoring} above chance"] = (shares[scoring] - shares["chance"]).round(_DIGITS)
    return shares


def _above_chance(cells: Cells, place: int, row: tuple[str, str, str, str, str], margin: float) -> Contrast:
    """Return the comparison of a condition with chance, which is known for each situation."""
    estimate = estimate_mean(cells.matrix(place), "difference")
    protocol, question, measure, *names = row
    bare = bare_row(protocol, question, measure, (names[0], names[1]), estimate, ABOVE, few_seeds(estimate))
    return Contrast(bare, estimate, margin)


def _settled(family: str, contrasts: Iterable[tuple[str, Contrast | None]]) -> pd.DataFrame:
    """Return a family's comparisons, tested together, as rows."""
    known = [(moment, each) for moment, each in contrasts if each is not None]
    names = ["a", "b", "estimate", "low", "high", "p_adjusted", "verdict", "note", "n_seeds", "n_episodes"]
    settled = settle_family(f"{PROTOCOL}: {family}", [contrast for _, contrast in known])
    values = [
        (row.shift, moment, *(getattr(row, name) for name in names))
        for (moment, _), row in zip(known, settled, strict=True)
    ]
    return pd.DataFrame(values, columns=["question", "moment", *names])
