"""Which parts of their prompts agents go by: what leaving each out changes, before and after training.

The sample is the seeds, crossed with the situations asked about.
"""

import numpy as np
import pandas as pd

from glam_eval.statistics.cells import kind_of, require_columns, tabulate
from glam_eval.statistics.comparison.contrasts import paired
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.comparison.verdicts import settle_family
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.names import condition_name

PROTOCOL, MEASURE = "saliency", "distance"
BEFORE, AFTER = "before training", "after training"
_BY = ["part", "agent", "model", "moment"]


def saliency(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what leaving a part of the prompt out changes in the policy of every agent.

    Columns: part, agent, model, moment, mean, low, high (total variation of the two policies, a share), kl
    (mean over situations and seeds, nats; infinite where an action becomes impossible), n_seeds, n_episodes
    (situations). A policy that a part never changes has 0 and no more.
    """
    rows = _with_moment(rows)
    cells, found = tabulate(rows, _BY, MEASURE), []
    kl = rows.groupby(_BY, observed=True)["kl"].mean()
    for place, condition in enumerate(cells.conditions.itertuples(index=False)):
        estimate = estimate_mean(cells.matrix(place), kind_of(MEASURE))
        numbers = (estimate.value, *estimate.interval(), kl[tuple(condition)])
        found.append((*condition, *numbers, estimate.n_seeds, estimate.n_episodes))
    return pd.DataFrame(found, columns=[*_BY, "mean", "low", "high", "kl", "n_seeds", "n_episodes"])


def saliency_changes(
    rows: pd.DataFrame, generator: np.random.Generator, *, margin: float = MARGIN
) -> pd.DataFrame:
    """Return what training changes of that, paired by seed and situation, all parts of an agent a family.

    Columns: part, a (agent and model, by ``condition_name``), estimate, low, high, p_adjusted, verdict,
    note, n_seeds. Agents that were not asked at both moments have no rows.
    """
    cells = tabulate(_with_moment(rows), _BY, MEASURE)
    index = {tuple(map(str, key)): place for place, key in enumerate(cells.conditions.to_numpy())}
    families: dict[str, list[tuple[str, int, int]]] = {}
    for (part, agent, model, moment), after in index.items():
        before = index.get((part, agent, model, BEFORE))
        if moment == AFTER and before is not None:
            families.setdefault(condition_name(agent, model), []).append((part, after, before))
    names = ["estimate", "low", "high", "p_adjusted", "verdict", "note", "n_seeds"]
    found = []
    for name, members in families.items():
        contrasts = [
            paired(cells, after, before, (PROTOCOL, part, MEASURE, name, BEFORE), margin, generator)
            for part, after, before in members
        ]
        settled = settle_family(f"{PROTOCOL} of {name}", [each for each in contrasts if each is not None])
        found += [(row.shift, name, *(getattr(row, column) for column in names)) for row in settled]
    return pd.DataFrame(found, columns=["part", "a", *names])


def _with_moment(rows: pd.DataFrame) -> pd.DataFrame:
    require_columns(rows, ["run_id", "seed", "frames", "scene_seed", "part", "kl", MEASURE], PROTOCOL)
    return rows.assign(moment=np.where(rows["frames"] > 0, AFTER, BEFORE))
