"""What a study lacks: runs that stopped early or collapsed, episodes stored twice, conditions seeds missed.

A run that stopped early is left out, not averaged at its last checkpoint: the others' numbers must not
depend on it. Whatever is left out is said, in words that tables, figures and reports repeat.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from glam_eval.statistics.cells import final_checkpoints, require_columns
from glam_eval.statistics.inference.small_samples import collapsed
from glam_eval.statistics.names import condition_name
from glam_eval.statistics.variants import failed_runs

EPISODE = ["run_id", "frames", "protocol", "shift", "language", "level", "scene_seed"]
LISTED = 6  # names in one sentence


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that a study lacks: of which condition, and in words."""

    agent: str
    model: str
    text: str

    @property
    def sentence(self) -> str:
        """The gap with the name of its condition."""
        return f"{condition_name(self.agent, self.model)}: {self.text}"


@dataclass(frozen=True)
class Complete:
    """The episodes that can be compared, the runs left out, and all that is missing or was left out."""

    episodes: pd.DataFrame
    left_out: frozenset[str]
    gaps: tuple[Gap, ...]


def complete(episodes: pd.DataFrame, runs: pd.DataFrame | None = None) -> Complete:
    """Return the episodes of runs that were trained to their end, each episode once, and what is missing.

    With a ``runs`` table the end is the one that a run's configuration plans, without one the furthest that
    a run of the same agent and model got to. ``episodes`` should name variants apart (``name_variants``).
    """
    require_columns(episodes, ["run_id", "agent", "model", "seed", "frames", "protocol", "shift"], "episodes")
    once, repeated = _without_repeats(episodes)
    ends = _ends(once, runs)
    short = ends[ends["why"] != ""]
    left_out = frozenset(short.loc[short["protocol"] == "", "run_id"])
    lost = once["run_id"].isin(left_out)
    for protocol, runs_short in short[short["protocol"] != ""].groupby("protocol")["run_id"]:
        lost |= (once["protocol"] == protocol) & once["run_id"].isin(runs_short)
    kept = once[~lost]
    columns = (short[name].astype(str) for name in ("agent", "model", "seed", "why"))
    stopped = [
        Gap(agent, model, f"seed {seed} {why}") for agent, model, seed, why in zip(*columns, strict=True)
    ]
    found = [*stopped, *_never_played(once, runs), *repeated, *_missing(kept), *_longer_curves(kept)]
    return Complete(kept, left_out, (*found, *(_collapses(kept) if "success" in kept else [])))


def _never_played(episodes: pd.DataFrame, runs: pd.DataFrame | None) -> list[Gap]:
    """Return the runs that failed before an episode of theirs was stored."""
    if runs is None or not {"agent", "model", "seed"} <= set(runs):
        return []
    silent = failed_runs(runs) - set(map(str, episodes["run_id"].unique()))
    rows = runs[runs["run_id"].isin(silent)].sort_values(["agent", "model", "seed"])
    columns = (rows[name].astype(str) for name in ("agent", "model", "seed"))
    text = "seed {} failed before an episode was stored: left out"
    return [Gap(agent, model, text.format(seed)) for agent, model, seed in zip(*columns, strict=True)]


def notes_of(gaps: Iterable[Gap], agent: str, model: str) -> str:
    """Return what is missing of one condition, in one line; empty where nothing is."""
    return "; ".join(gap.text for gap in gaps if (gap.agent, gap.model) == (agent, model))


def _without_repeats(episodes: pd.DataFrame) -> tuple[pd.DataFrame, list[Gap]]:
    """Return every episode once, the first of those that are stored several times."""
    key = [name for name in EPISODE if name in episodes]
    again = episodes.duplicated(key)
    if "scene_seed" not in key or not again.any():
        return episodes, []
    gaps = []
    copies = episodes[again]
    for (agent, model), rows in copies.groupby(["agent", "model"], observed=True):
        text = f"{len(rows):,} episodes were stored twice"
        if "success" in rows:
            first = episodes[~again].set_index(key)["success"]
            outcome = pd.MultiIndex.from_frame(rows[key])
            differing = int((first.reindex(outcome).to_numpy() != rows["success"].to_numpy()).sum())
            text += f", {differing:,} of them with another outcome" if differing else ""
        gaps.append(Gap(str(agent), str(model), f"{text}: the first counts"))
    return episodes[~again], gaps


def _ends(episodes: pd.DataFrame, runs: pd.DataFrame | None) -> pd.DataFrame:
    """Return every run (protocol empty), and each protocol that one is left out of, and why it is."""
    texts = ["run_id", "agent", "model", "protocol"]
    reached = episodes.groupby([*texts, "seed"], observed=True)["frames"].max().reset_index()
    reached = reached.astype(dict.fromkeys(texts, str))
    total = reached.groupby(["run_id", "agent", "model", "seed"])["frames"].max().reset_index()
    total["planned"] = total["run_id"].map(_planned(runs))
    furthest = total.groupby(["agent", "model"])["frames"].transform("max")
    total["planned"] = total["planned"].fillna(furthest)
    failed = failed_runs(runs) if runs is not None else set()
    whys = []
    for run, frames, planned in zip(total["run_id"], total["frames"], total["planned"], strict=True):
        stopped = f"stopped at {frames:,} of {planned:,.0f} steps" if frames < planned else ""
        whys.append(f"{stopped or 'failed'}: left out" if stopped or run in failed else "")
    total = total.assign(protocol="", why=whys)
    parts = reached.merge(total[["run_id", "planned", "why"]], on="run_id")
    parts = parts[parts["why"] == ""]
    last = parts.groupby(["agent", "model", "planned", "protocol"])["frames"].transform("max")
    parts = parts[parts["frames"] < last]
    unevaluated = "not asked at the end of training, and left out, in " + parts["protocol"]
    parts = parts.assign(why=unevaluated)
    return pd.concat([total, parts], ignore_index=True)


def _planned(runs: pd.DataFrame | None) -> dict[str, float]:
    """Return by run_id the steps that a run was to train for; what it trained for if it says it finished."""
    planned: dict[str, float] = {}
    if runs is None or "config" not in runs:
        return planned
    for row in runs.to_dict("records"):
        if row.get("status") == "finished" and "frames" in row:
            planned[str(row["run_id"])] = float(row["frames"])
            continue
        try:
            planned[str(row["run_id"])] = float(json.loads(row["config"])["frames"])
        except (ValueError, KeyError, TypeError):
            continue  # the furthest that others of its kind got to
    return planned


def _missing(episodes: pd.DataFrame) -> list[Gap]:
    """Return the conditions and evaluation points that some seeds of an agent lack and others have."""
    gaps = []
    for keys, rows in episodes.groupby(["protocol", "agent", "model"], observed=True):
        protocol, agent, model = (str(key) for key in keys)
        for column, before, after in (("shift", "under", ""), ("frames", "at", " steps")):
            played = rows.groupby([column, "seed"], observed=True).size().unstack(fill_value=0) > 0
            lacking: dict[tuple[str, ...], list[str]] = {}
            for value, seeds in played.iterrows():
                absent = tuple(str(seed) for seed in played.columns[~seeds])
                lacking.setdefault(absent, []).append(f"{value:,}" if column == "frames" else str(value))
            lacking.pop((), None)
            for absent, values in lacking.items():
                where = f"{before} {_listed(values)}{after} in {protocol}"
                gaps.append(
                    Gap(agent, model, f"seed{'s' * (len(absent) > 1)} {_listed(absent)} not played {where}")
                )
    return gaps


def _longer_curves(episodes: pd.DataFrame) -> list[Gap]:
    """Return the agents whose curves go on after the frames up to which all agents are compared."""
    gaps = []
    for protocol, rows in episodes.groupby("protocol", observed=True):
        points = rows.groupby(["agent", "model"], observed=True)["frames"].agg(["nunique", "max"])
        curves = points[points["nunique"] > 1]["max"]
        for (agent, model), end in curves[curves > curves.min()].items() if len(curves) else ():
            text = (
                f"its curve in {protocol} goes on to {end:,} steps, areas are compared up to {curves.min():,}"
            )
            gaps.append(Gap(str(agent), str(model), text))
    return gaps


def _collapses(episodes: pd.DataFrame) -> list[Gap]:
    """Return the seeds whose success, in the words of training, fell far below the others' at the end."""
    unshifted = final_checkpoints(episodes[episodes["shift"] == "none"])
    gaps = []
    for keys, rows in unshifted.groupby(["protocol", "agent", "model"], observed=True):
        protocol, agent, model = (str(key) for key in keys)
        means = rows.groupby("seed")["success"].mean()
        for seed, success in means[collapsed(means.to_numpy())].items():
            rates = f"success {success:.2f}, the median seed's {means.median():.2f}"
            gaps.append(Gap(agent, model, f"seed {seed} collapsed in {protocol} ({rates})"))
    return gaps


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:LISTED])
    return shown if len(names) <= LISTED else f"{shown} and {len(names) - LISTED} more"
