"""Success as a mixed-effects logistic model: shifts and agents fixed, seeds and scenes crossed and random.

Beside the design-based comparisons, which assume less, it says how much of success is the seed, the scene
and the draw, and compares conditions on the scale of odds with every scene's difficulty taken out.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special

from glam_eval.statistics.cells import final_checkpoints, require_columns
from glam_eval.statistics.comparison.families import Training, pairs_question, question_of, training_of
from glam_eval.statistics.comparison.verdicts import SIGNIFICANT
from glam_eval.statistics.inference.estimates import FEWEST_SEEDS
from glam_eval.statistics.inference.mixed_logistic import MixedFit, MixedModel, shares_of_variance
from glam_eval.statistics.names import condition_name

EFFECTS = [
    "protocol",
    "question",
    "a",
    "b",
    "log_odds",
    "low",
    "high",
    "p_value",
    "p_adjusted",
    "n_seeds",
    "note",
]
SOURCES = ["seed", "seed_by_condition", "scene", "draw"]
SHARES = ["protocol", "question", "of", *(f"{name}_share" for name in SOURCES), "n_seeds", "n_scenes"]


def mixed_effects(
    episodes: pd.DataFrame, *, runs: pd.DataFrame | None = None, reference: str = "none"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the log odds of every shift against ``reference`` and of every two agents, and variance shares.

    One model for each family of tests (``comparison.families``): an agent's shifts of a kind, with seeds,
    seeds by shift and scenes random; the agents trained alike without a shift, with seeds within agents and
    scenes random. Intervals and tests are Wald's, with Student's t over seeds and the variance of so few of
    them unbiased, adjusted over the family by Bonferroni. Shares are of the variance of a logit. Where a
    condition was always or never solved its odds are infinite: it is left out and the note says so.
    ``episodes`` are those that ``complete`` keeps.
    """
    require_columns(episodes, ["success", "seed", "scene_seed", "shift", "agent", "model"], "episodes")
    trained = training_of(episodes, runs, reference)
    effects: list[tuple[object, ...]] = []
    shares: list[tuple[object, ...]] = []
    for protocol, rows in final_checkpoints(episodes).groupby("protocol", observed=True):
        rows = rows.assign(name=_names(rows), condition=rows["shift"].astype(str))
        families = [*_shifts(rows, reference), *_agents(rows[rows["condition"] == reference], trained)]
        for question, name, family, pairs in families:
            found = _fitted(family, pairs, by_condition=name is not None)
            effects += [(str(protocol), question, *effect) for effect in found[0]]
            shares += [(str(protocol), question, name or "agents", *share) for share in found[1]]
    return pd.DataFrame(effects, columns=EFFECTS), pd.DataFrame(shares, columns=SHARES)


def variance_shares(episodes: pd.DataFrame, *, reference: str = "none") -> pd.DataFrame:
    """Return for each agent how much of its success without a shift is the seed, the scene, the draw.

    Columns: protocol, agent, model, seed_share, scene_share, draw_share, n_seeds, n_scenes: shares of the
    variance of a logit, from the mixed model with one mean. Agents that always or never succeed, and fewer
    than 3 seeds, are left out.
    """
    final = final_checkpoints(episodes)
    rows = []
    for key, own in final[final["shift"] == reference].groupby(["protocol", "agent", "model"], observed=True):
        seeds, scenes = int(own["seed"].nunique()), int(own["scene_seed"].nunique())
        if seeds < FEWEST_SEEDS or not 0 < own["success"].mean() < 1:
            continue
        fit = _fit(own.assign(condition="all"), ["all"], by_condition=False)
        rows.append((*map(str, key), *shares_of_variance(fit.spreads), seeds, scenes))
    shares = ["seed_share", "scene_share", "draw_share"]
    return pd.DataFrame(rows, columns=["protocol", "agent", "model", *shares, "n_seeds", "n_scenes"])


UNKNOWN = "not offered: the model leaves its variance unknown"
Family = tuple[str, str | None, pd.DataFrame, list[tuple[str, str]]]


def _names(rows: pd.DataFrame) -> list[str]:
    pairs = zip(rows["agent"].astype(str), rows["model"].astype(str), strict=True)
    return [condition_name(agent, model) for agent, model in pairs]


def _shifts(rows: pd.DataFrame, reference: str) -> Iterator[Family]:
    """Yield each agent's families of shifts with the reference; other tasks and rooms have other scenes."""
    for name, own in rows.groupby("name"):
        conditions = sorted(set(own["condition"]) - {reference})
        for question in dict.fromkeys(map(question_of, conditions)):
            asked = [each for each in conditions if question_of(each) == question]
            if question != "tasks and rooms" and reference in set(own["condition"]):
                family = own[own["condition"].isin([reference, *asked])]
                yield f"{question} of {name}", str(name), family, [(each, reference) for each in asked]


def _agents(rows: pd.DataFrame, trained: dict[str, Training]) -> Iterator[Family]:
    """Yield the agents trained alike, without a shift."""
    families: dict[str, list[tuple[str, str]]] = {}
    for a, b in combinations(sorted(set(rows["name"])), 2):
        question = pairs_question(trained[a], trained[b])
        if question is not None and trained[a].learned and trained[b].learned:
            families.setdefault(question, []).append((a, b))
    for question, pairs in families.items():
        members = {name for pair in pairs for name in pair}
        family = rows[rows["name"].isin(members)]
        yield question, None, family.assign(condition=family["name"]), pairs


def _fitted(
    family: pd.DataFrame, pairs: Sequence[tuple[str, str]], *, by_condition: bool
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Return the effects of a family's pairs and its shares of variance, or refusals in words."""
    solved = family.groupby("condition")["success"].mean()
    fitting = set(solved.index[(solved > 0) & (solved < 1)])
    rows = family[family["condition"].isin(fitting)]
    seeds = int((rows if len(rows) else family).groupby("condition")["seed"].nunique().min())
    usable = [pair for pair in pairs if set(pair) <= fitting]
    if seeds < FEWEST_SEEDS or not usable:
        few = f"not offered: {seeds} seed{'s' * (seeds != 1)}, and intervals and tests need {FEWEST_SEEDS}"
        note = few if seeds < FEWEST_SEEDS else "always or never solved"
        return [(*pair, *[np.nan] * 5, seeds, note) for pair in pairs], []
    conditions = sorted(fitting)
    fit = _fit(rows, conditions, by_condition=by_condition)
    freedom = seeds - 1 if by_condition else len(conditions) * (seeds - 1)
    effects: list[tuple[object, ...]] = []
    for pair in pairs:
        found, note = (np.nan,) * 5, "always or never solved"
        if pair in usable:
            found = _contrast(fit, conditions, pair, (freedom, seeds), len(usable))
            note = "" if np.isfinite(found[0]) else UNKNOWN
        effects.append((*pair, *found, seeds, note))
    spreads = fit.spreads if by_condition else np.insert(fit.spreads, 1, 0.0)
    return effects, [(*shares_of_variance(spreads), seeds, int(rows["scene_seed"].nunique()))]


def _fit(rows: pd.DataFrame, conditions: Sequence[str], *, by_condition: bool) -> MixedFit:
    """Fit one mean a condition, with seeds (and seeds by condition) and scenes random."""
    keys = ["condition", "seed", "scene_seed"]
    counted = rows.groupby(keys, observed=True)["success"].agg(["sum", "size"]).reset_index()
    place = {name: number for number, name in enumerate(conditions)}
    condition = counted["condition"].map(place).to_numpy()
    within = counted["seed"].astype(str) + "/" + counted["condition"]
    seeds = pd.factorize(counted["seed"] if by_condition else within, sort=True)[0]
    factors = (seeds, pd.factorize(within, sort=True)[0]) if by_condition else (seeds,)
    model = MixedModel(
        counted["sum"].to_numpy(dtype=np.float64),
        counted["size"].to_numpy(dtype=np.float64),
        np.eye(len(conditions))[condition],
        factors,
        pd.factorize(counted["scene_seed"], sort=True)[0],
    )
    return model.fit()


def _contrast(
    fit: MixedFit, conditions: Sequence[str], pair: tuple[str, str], sample: tuple[int, int], tests: int
) -> tuple[float, float, float, float, float]:
    """Return log odds, interval, p-value and adjusted p-value of one condition against another.

    ``sample`` is degrees of freedom and seeds. Maximum likelihood takes the variance of n seeds for
    (n - 1) / n of what it is; uncorrected, intervals of 5 seeds cover 91%. All are NaN where the fit's
    covariance has no variance for it.
    """
    freedom, seeds = sample
    weights = np.array([(name == pair[0]) - float(name == pair[1]) for name in conditions])
    value, variance = float(weights @ fit.coefficients), float(weights @ fit.covariance @ weights)
    if not variance > 0:
        return (np.nan,) * 5
    error = float(np.sqrt(variance * seeds / (seeds - 1)))
    reach = error * float(special.stdtrit(freedom, 1 - SIGNIFICANT / tests / 2))
    p_value = float(2 * special.stdtr(freedom, -abs(value) / error))
    return value, value - reach, value + reach, p_value, min(1.0, p_value * tests)
