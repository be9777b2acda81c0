"""What in pretraining helps? Agents from models pretrained without one group of families, against the whole.

An arm is told by the model's name: ``t5-nano-seed1`` is the whole pretraining of seed 1,
``t5-nano-without-words-seed1`` the one that lacks a group, ``t5-nano-plain-seed1`` plain text alone and
``t5-nano-scratch`` none; the name without a seed is seed 0. Of a directory the last part counts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from glam_eval.config.protocols import GOAL_MARK
from glam_eval.statistics.cells import Cells, final_checkpoints, tabulate
from glam_eval.statistics.comparison.contrasts import bare_row
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.comparison.verdicts import Contrast, few_seeds, settle_family
from glam_eval.statistics.completeness import complete
from glam_eval.statistics.curves import AREA, END_GAIN, GAIN, areas, curve_episodes, tabulate_curves
from glam_eval.statistics.efficiency import first_passages
from glam_eval.statistics.inference.estimates import Kind
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.inference.nested import Arm, nested_difference, pretraining_means, spread
from glam_eval.statistics.reading import asks_reading

NAME = re.compile(r"(?P<rung>.+?)(?:-(?P<arm>without-[a-z-]+?|plain|scratch))?(?:-seed(?P<seed>\d+))?")
WHOLE = "whole"
START, STEPS, FOLLOWING = "success before training", "steps until 80%", "what the goal changes"
THRESHOLD = 0.8
PROTOCOL = "pretraining"
METHOD = "difference of pretrainings' means; t interval, variance pooled over arms"
Key = tuple[str, str]  # rung and arm


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A pretrained model: its rung, what its pretraining lacks, and the pretraining's seed."""

    rung: str
    arm: str
    seed: int


def pretrained(model: str) -> Pretrained:
    """Return what a model's name says of its pretraining."""
    name = model.partition(" [")[0].rstrip("/").rsplit("/", 1)[-1]
    found = NAME.fullmatch(name)
    if found is None:
        return Pretrained(name, WHOLE, 0)
    return Pretrained(found["rung"], (found["arm"] or WHOLE).replace("-", " ", 1), int(found["seed"] or 0))


def has_arms(episodes: pd.DataFrame) -> bool:
    """Return whether a study compares pretrainings: the whole and another arm, some with several seeds."""
    models = {pretrained(str(model)) for model in episodes.loc[episodes["frames"] > 0, "model"].unique()}
    whole = {one.rung for one in models if one.arm == WHOLE}
    others = {one.rung for one in models if one.arm not in (WHOLE, "scratch")}
    return bool(whole & others) and len({one.seed for one in models}) > 1


def as_arms(episodes: pd.DataFrame) -> pd.DataFrame:
    """Return episodes with agents from models that were pretrained alike as one agent, of the first's name.

    Their pretrainings are its seeds; trainings from one are averaged, for they are no samples of it.
    Whoever belongs to no arm keeps model and seeds. Empty where a study compares no pretrainings.
    """
    if not has_arms(episodes):
        return episodes.iloc[:0]
    trained = episodes.loc[episodes["frames"] > 0, "model"].astype(str).unique()
    known = {model: pretrained(model) for model in trained}
    several = {one.rung for one in known.values() if one.arm not in (WHOLE, "scratch")}
    known = {model: one for model, one in known.items() if one.rung in several and one.arm != "scratch"}
    names: dict[Key, str] = {}
    for model, one in sorted(known.items(), key=lambda each: each[1].seed):
        names.setdefault((one.rung, one.arm), model)
    model, agent = episodes["model"].astype(str), episodes["agent"].astype(str)
    renamed = {each: names[one.rung, one.arm] for each, one in known.items()}
    arm = model.isin(known)
    seed = model.map({each: one.seed for each, one in known.items()})
    return episodes.assign(
        model=model.replace(renamed),
        seed=episodes["seed"].mask(arm, seed).astype(np.int64),
        run_id=episodes["run_id"].astype(str).mask(arm, agent + " " + model),
    )


def pretraining_effects(
    episodes: pd.DataFrame, *, runs: pd.DataFrame | None = None, margin: float = MARGIN
) -> pd.DataFrame:
    """Return what every arm changes against the whole pretraining, a row a measure, condition and arm.

    Columns: agent, rung, arm, measure, shift, value, whole (the arms' means), estimate (their difference),
    low, high, p_adjusted, verdict, note, spread_pretrainings, spread_trainings (standard deviations of
    seeds' means), n_seeds (pretrainings), n_trainings (from each). Measures: success before training, its
    mean along training with and without the start, the gain at the end, steps until a training's success
    reaches 80% (one that does not within the budget counts with it), what the goal changes, and success
    under each condition. Arms of one measure and condition are one family. The sample is the pretraining
    (``inference.nested``); agents from no pretraining are left out, for they have none.
    """
    if not has_arms(episodes):
        return pd.DataFrame()
    episodes = complete(episodes, runs).episodes
    learned = set(episodes.loc[episodes["frames"] > 0, "agent"].astype(str).unique())
    episodes = episodes[episodes["agent"].astype(str).isin(learned)]
    rows: list[dict[str, object]] = []
    for agent, own in episodes.groupby(episodes["agent"].astype(str), observed=True):
        for measure, shift, kind, arms in _measured(own):
            for rung in dict.fromkeys(key[0] for key in arms):
                known = {arm: held for (each, arm), held in arms.items() if each == rung}
                rows += _family(str(agent), rung, (measure, shift, kind), known, margin)
    return pd.DataFrame(rows)


def _family(
    agent: str, rung: str, what: tuple[str, str, Kind], arms: Mapping[str, Arm], margin: float
) -> Iterator[dict[str, object]]:
    """Yield a row for every arm but the whole, tested and adjusted together."""
    measure, shift, kind = what
    if WHOLE not in arms or len(arms) < 2 or all(len(arm) < 2 for arm in arms.values()):
        return
    every, whole = list(arms.values()), arms[WHOLE]
    known = spread(every)
    contrasts = []
    for name in (name for name in arms if name != WHOLE):
        estimate = nested_difference(arms[name], whole, every, kind)
        row = bare_row(PROTOCOL, shift, measure, (name, WHOLE), estimate, METHOD, few_seeds(estimate))
        contrasts.append(Contrast(row, estimate, margin))
    for row in settle_family(f"{measure} under {shift} of {agent}/{rung}", contrasts):
        own = arms[row.a]
        yield {
            "agent": agent, "rung": rung, "arm": row.a, "measure": measure, "shift": shift,
            "value": float(pretraining_means(own).mean()), "whole": float(pretraining_means(whole).mean()),
            "estimate": row.estimate, "low": row.low, "high": row.high, "p_adjusted": row.p_adjusted,
            "verdict": row.verdict, "note": row.note, "spread_pretrainings": known.pretrainings,
            "spread_trainings": known.trainings, "n_seeds": row.n_seeds,
            "n_trainings": min(len(values) for values in (*own, *whole)),
        }  # fmt: skip


def _measured(episodes: pd.DataFrame) -> Iterator[tuple[str, str, Kind, dict[Key, Arm]]]:
    """Yield measure, condition, kind of value and the arms' values of one agent's runs."""
    curves = curve_episodes(episodes)
    if len(curves):
        first = curves.groupby("run_id", observed=True)["frames"].transform("min")
        yield START, "none", "difference", _arms(tabulate(curves[curves["frames"] == first], ["model"]))
        for measure in (AREA, GAIN, END_GAIN):
            yield measure, "none", "difference", _arms(areas(curves, measure=measure)[0])
        yield STEPS, "none", "mean", _steps(curves)
    final = final_checkpoints(episodes)
    final = final[final["protocol"] == "generalization"]
    for shift in sorted(str(name) for name in final["shift"].unique() if GOAL_MARK not in str(name)):
        yield "success", shift, "difference", _arms(tabulate(final[final["shift"] == shift], ["model"]))
    if asks_reading(final):
        yield FOLLOWING, "none", "difference", _following(final)


def _arms(cells: Cells) -> dict[Key, Arm]:
    """Return by rung and arm each pretraining's values (trainings, scenes), in the order of its seeds."""
    found: dict[Key, dict[int, FloatArray]] = {}
    for row, model in enumerate(cells.conditions["model"].astype(str)):
        own = pretrained(model)
        if own.arm != "scratch" and cells.counts[row].any():
            found.setdefault((own.rung, own.arm), {})[own.seed] = cells.matrix(row)
    return {key: [held[seed] for seed in sorted(held)] for key, held in found.items()}


def _steps(curves: pd.DataFrame) -> dict[Key, Arm]:
    """Return the steps until each training's success reaches the threshold, the budget if it does not."""
    cells = tabulate_curves(curves, ["model"])
    means, frames = cells.seed_means(), cells.conditions["frames"].to_numpy(dtype=np.float64)
    found: dict[Key, dict[int, FloatArray]] = {}
    for model, rows in cells.conditions.groupby(cells.conditions["model"].astype(str)):
        own, points = pretrained(str(model)), rows.index.to_numpy()
        if own.arm != "scratch":
            times, _ = first_passages(means[points], frames[points], THRESHOLD)
            found.setdefault((own.rung, own.arm), {})[own.seed] = times[:, None]
    return {key: [held[seed] for seed in sorted(held)] for key, held in found.items()}


def _following(final: pd.DataFrame) -> dict[Key, Arm]:
    """Return whether the thing meant came first when told, less that when another thing was told."""
    told = tabulate(final[final["shift"] == "none"], ["model"], "first_meant")
    other = tabulate(final[final["shift"] == f"none{GOAL_MARK}swapped"], ["model"], "first_meant")
    first, second = _arms(told), _arms(other)
    return {
        key: [a - b for a, b in zip(first[key], second[key], strict=True)] for key in first if key in second
    }
