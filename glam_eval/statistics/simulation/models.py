"""The mixed-effects model's odds, arms of several pretrainings, errors of calibration."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
from scipy import special

from glam_eval.core.seeds import stream
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.inference.nested import Arm, nested_difference
from glam_eval.statistics.information import expected_calibration_error
from glam_eval.statistics.mixed import mixed_effects
from glam_eval.statistics.simulation.studies import STUDIES, Outcome, Study, claims, covers

TRAININGS = 3  # from each pretraining
PROMPTS = 60  # of a seed's answers
SURENESS = 0.5  # by how much seeds differ in how sure they are, in logarithms


def pretrainings(study: Study) -> Iterator[Outcome]:
    """Yield the difference of two arms of pretrainings, which is 0."""
    arms = [_arm(study) for _ in range(3)]
    apart = nested_difference(arms[0], arms[1], arms, "difference")
    yield covers("difference of pretrainings", apart.interval(), 0.0)
    yield claims("difference of pretrainings", apart.p_value())


def calibration(study: Study) -> Iterator[Outcome]:
    """Yield the mean over seeds of how far claims lie from what happens."""
    errors = _errors(study.cell.seeds, study.generator)
    interval = estimate_mean(errors[:, None], "proportion").interval()
    yield covers("error of calibration", interval, _true_error())


def log_odds(study: Study) -> Iterator[Outcome]:
    """Yield the log odds of a shift and of another agent, which are 0."""
    parts = []
    for agent, shifts in (("a", ("none", "shifted")), ("b", ("none",))):
        team = study.team()
        values = {shift: study.play(team, study.cell.success, moved=True) for shift in shifts}
        parts += [_episodes(played, agent, shift) for shift, played in values.items()]
    effects, _ = mixed_effects(pd.concat(parts, ignore_index=True))
    for name, own in effects.groupby(effects["b"] == "none"):
        row = own.iloc[0]
        statistic = "log odds of a shift" if name else "log odds of agents"
        yield covers(statistic, (float(row["low"]), float(row["high"])), 0.0)
        yield claims(statistic, float(row["p_value"]))


def _episodes(values: FloatArray, agent: str, shift: str) -> pd.DataFrame:
    seed, scene = (axis.ravel() for axis in np.indices(values.shape))
    held = {"seed": seed, "scene_seed": scene, "success": values.ravel(), "shift": shift, "agent": agent}
    run = [f"{agent}{number}" for number in seed]
    return pd.DataFrame(held).assign(
        model="m", protocol="generalization", frames=1_000, level="GoToLocal", run_id=run
    )


def _arm(study: Study) -> Arm:
    """Return trainings (3, scenes) from each of as many pretrainings as the cell has seeds."""
    team, values = study.team(), []
    for place in range(study.cell.seeds):
        one = type(team)(np.repeat(team.skill[place], TRAININGS), np.zeros(TRAININGS, dtype=bool))
        values.append(study.play(one, study.cell.success, moved=True))
    return values


def _errors(seeds: int, generator: np.random.Generator) -> FloatArray:
    """Return each seed's error of calibration: claims are true but for how sure a seed is."""
    errors = []
    for _ in range(seeds):
        logits, sureness = generator.normal(1.0, 1.5, PROMPTS), np.exp(SURENESS * generator.normal())
        outcomes = generator.random(PROMPTS) < special.expit(logits)
        claimed = np.asarray(special.expit(logits * sureness))
        errors.append(expected_calibration_error(claimed, outcomes.astype(np.float64)))
    return np.asarray(errors)


@cache
def _true_error() -> float:
    return float(_errors(20 * STUDIES, stream(0, "statistics", "simulation", "calibration's truth")).mean())
