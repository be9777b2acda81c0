"""Who reads the goal, and who walks: what agents do when another goal is told in the same scenes.

An agent that ignores the goal plays a scene alike whatever is told, so that the thing meant comes first as
often when another is told. What the goal changes is therefore paired by scene and draw, and needs no model of
chance: the share of episodes whose first commitment is the thing meant, when it is told less when another is.
It is 0 for who walks, and for who reads as large as the bot's. Success alone does not tell the two apart: in
a small room a walk comes by everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from glam_eval.config.agents import known_agent, normalising_agents
from glam_eval.config.protocols import GOAL_MARK
from glam_eval.statistics.cells import Cells, final_checkpoints, tabulate
from glam_eval.statistics.chance import is_goal_blind
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.comparison.verdicts import few_seeds
from glam_eval.statistics.completeness import complete
from glam_eval.statistics.inference.estimates import ENOUGH_SEEDS, Estimate
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.inference.small_samples import sure_interval
from glam_eval.statistics.normalized import normalized_scores
from glam_eval.statistics.variants import name_variants

READS, PARTLY, WALKS, UNKNOWN = "reads", "reads in part", "walks", "can't tell"
HALF = 0.5  # of what the goal changes for the bot: from there an agent reads, not only in part
SIGNIFICANT = 0.05
MANY_SEEDS = 10  # with fewer, what the goal changes for who follows it nearly always was covered 85 to 91%
FEW_SEEDS_LEVEL = 0.97  # of intervals of what the goal changes, see follow
COLUMNS = ("success_told", "first_told", "first_meant", "first_chance", "bot_first_meant")
WHO = ["agent", "model"]
_, EXPERT = normalising_agents()

# Of each measure: the episodes' column, and the goal told while it is counted ("" for the scene's own).
MEASURES = {
    "success": ("success", ""),
    "told": ("success_told", "swapped"),
    "meant": ("success", "swapped"),
    "absent": ("success", "absent"),
    "hidden": ("success", "hidden"),
    "first": ("first_told", ""),
    "first_swapped": ("first_told", "swapped"),
    "first_chance": ("first_chance", ""),
    "first_bot": ("bot_first_meant", ""),
}


def asks_reading(episodes: pd.DataFrame, reference: str = "none") -> bool:
    """Return whether another goal was told in some protocol, and what was committed to first is stored."""
    if not {*COLUMNS, "shift"} <= set(episodes):
        return False
    asked = episodes[episodes["shift"] == f"{reference}{GOAL_MARK}swapped"]
    return len(asked) > 0 and bool(asked["first_chance"].notna().all())


def who_reads(
    episodes: pd.DataFrame,
    *,
    runs: pd.DataFrame | None = None,
    reference: str = "none",
    margin: float = MARGIN,
) -> pd.DataFrame:
    """Return what every agent does when another goal is told, a row an agent, from the last checkpoints.

    Columns: protocol, agent, model, verdict; of each measure its mean, ``_low`` and ``_high``: success (with
    the scene's own goal told), told and meant (done when another thing of the scene is told; the episode ends
    with the first of them), absent and hidden (success when what isn't there is told, and when nothing is),
    first (the first commitment is the thing told), first_chance and first_bot beside it, first_swapped,
    following (what the goal changes, see above) and score (success between the best goal-blind agent and
    the bot); chance and bot (their success), chance_of, bot_following, p_equivalence, note, n_seeds and
    n_episodes.

    Verdicts: *walks* if what the goal changes is within ``margin`` of 0 by an equivalence test at 5%; *reads*
    if its 95% interval lies above half of the bot's; *reads in part* if above 0; else *can't tell*. The
    question is asked of each agent by itself, so nothing is adjusted. Agents that never know the goal, and
    the bot, get none. Empty where no protocol told another goal.
    """
    if not asks_reading(episodes, reference):
        return pd.DataFrame()
    if runs is not None:
        episodes = name_variants(episodes, runs)
    final = final_checkpoints(complete(episodes, runs).episodes)
    goals = {goal: reference + (f"{GOAL_MARK}{goal}" if goal else "") for _, goal in MEASURES.values()}
    final = final[final["shift"].isin(goals.values())]
    rows = []
    for protocol, played in final.groupby("protocol", observed=True, sort=True):
        if asks_reading(played, reference) and (played["shift"] == reference).any():
            told = played.assign(shift=played["shift"].astype(str))
            rows += _Asked(told, goals, margin).rows(str(protocol))
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Followed:
    """What the goal changes for one agent: the estimate, and its 95% interval."""

    estimate: Estimate
    low: float
    high: float


def follow(both: tuple[FloatArray, FloatArray]) -> Followed:
    """Return what the goal changes: whether the thing meant came first, (seeds, scenes) when told and not.

    With collapsed seeds the interval is that for any distribution of seeds. Fewer than 5 seeds have one of
    97%: where some read and some walk, that of 95% was covered 92%.
    """
    estimate = estimate_mean(both[0] - both[1], "difference", both)
    level = FEW_SEEDS_LEVEL if estimate.n_seeds < ENOUGH_SEEDS else 1 - SIGNIFICANT
    low, high = estimate.interval(level, sure=estimate.n_seeds < MANY_SEEDS)
    if estimate.n_collapsed and estimate.offered:
        changes = np.nanmean(both[0] - both[1], axis=1)
        low, high = (2 * end - 1 for end in sure_interval((1 + changes) / 2))
    elif estimate.exact and estimate.value != 0 and estimate.offered:
        # One difference on every scene and seed: seeds say no more than one, scenes bound the two shares.
        shares = [estimate_mean(values, "proportion").interval(1 - SIGNIFICANT / 2) for values in both]
        low, high = shares[0][0] - shares[1][1], shares[0][1] - shares[1][0]
    return Followed(estimate, low, high)


class _Asked:
    """The episodes of one protocol, under the scene's own goals and under others."""

    def __init__(self, played: pd.DataFrame, goals: Mapping[str, str], margin: float) -> None:
        self._played, self._goals, self._margin = played, goals, margin
        columns = dict.fromkeys(column for column, _ in MEASURES.values())
        self._cells: dict[str, Cells] = {
            name: tabulate(played, ["shift", *WHO], name) for name in [*columns, "first_meant"]
        }
        keys = self._cells["success"].conditions[["shift", *WHO]].astype(str)
        self._index = {key: row for row, key in enumerate(keys.itertuples(index=False, name=None))}
        self.agents = list(dict.fromkeys((agent, model) for _, agent, model in self._index))

    def rows(self, protocol: str) -> list[dict[str, object]]:
        """Return a row an agent, in the order of names."""
        own = self._played[self._played["shift"] == self._goals[""]]
        by = ["level"] if "level" in own else ["shift"]
        scores = normalized_scores(own.assign(protocol=protocol), by=by)
        scored = scores.set_index([*WHO]).astype({"chance_of": str})
        followed = {who: self._followed(who) for who in sorted(self.agents)}
        experts = [f.estimate.value for (agent, _), f in followed.items() if agent == EXPERT and f]
        ceiling = experts[0] if experts else 1.0
        rows = []
        for who, found in followed.items():
            if found is None:
                continue
            score = scored.loc[who].to_dict()
            row: dict[str, object] = {"protocol": protocol, "agent": who[0], "model": who[1]}
            row |= {"verdict": self._verdict(who[0], found, ceiling)}
            for name, (column, goal) in MEASURES.items():
                row |= self._mean(name, column, (self._goals[goal], *who))
            row |= _named("following", found.estimate.value, found.low, found.high)
            row |= _named("score", score["mean"], score["low"], score["high"])
            row |= {"chance": score["chance"], "chance_of": score["chance_of"], "ceiling": score["ceiling"]}
            row |= {"bot_following": ceiling}
            row |= {
                "p_equivalence": found.estimate.p_equivalence(self._margin),
                "note": _note(found, score["note"]),
            }
            rows.append(row | {"n_seeds": found.estimate.n_seeds, "n_episodes": found.estimate.n_episodes})
        return rows

    def _mean(self, name: str, column: str, key: tuple[str, str, str]) -> dict[str, float]:
        index = self._index.get(key)
        if index is None:
            return _named(name, np.nan, np.nan, np.nan)
        estimate = estimate_mean(self._cells[column].matrix(index), "proportion")
        return _named(name, estimate.value, *estimate.interval())

    def _followed(self, who: tuple[str, str]) -> Followed | None:
        """Return what the goal changes for an agent; None if it was not asked under both."""
        told, swapped = (self._index.get((self._goals[goal], *who)) for goal in ("", "swapped"))
        if told is None or swapped is None:
            return None
        both = self._cells["first_meant"].paired(told, swapped)
        return follow(both) if len(both[0]) else None

    def _verdict(self, agent: str, found: Followed, ceiling: float) -> str:
        known = known_agent(agent)
        if is_goal_blind(agent) or (known is not None and known.role == "reference"):
            return ""
        if found.estimate.p_equivalence(self._margin) < SIGNIFICANT:
            return WALKS
        if found.low > HALF * ceiling:
            return READS
        return PARTLY if found.low > 0 else UNKNOWN


def _named(name: str, value: float, low: float, high: float) -> dict[str, float]:
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _note(found: Followed, of_score: str) -> str:
    """Return what limits the answer, and the interval of the score."""
    if not found.estimate.offered:
        return few_seeds(found.estimate)
    fallen = found.estimate.n_collapsed
    collapse = f"{fallen} seed{'s' * (fallen > 1)} collapsed" if fallen else ""
    return "; ".join(filter(None, (collapse, of_score and f"interval of the score {of_score}")))
