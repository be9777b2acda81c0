"""Studies whose truth is known: seeds and scenes with normal logits, so that success has a given mean.

A condition gives every seed a deviation of its own, half as large as seeds differ; a seed collapses to 5%
with a given probability.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from glam_eval.statistics.inference.metrics import FloatArray

COLLAPSED = 0.05  # success of a seed that collapsed
ALPHA = 0.05
STUDIES = 200  # whose mean is taken for the truth, where no formula gives it


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of study: mean success, spreads in logits, seeds, scenes, a seed's probability of collapse."""

    success: float
    seed_spread: float
    scene_spread: float
    seeds: int
    scenes: int = 100
    collapse: float = 0.0


class Outcome(NamedTuple):
    """Whether a statistic of one study was right: ``right`` is None where it was not offered."""

    kind: str  # "covers" or "claims"
    statistic: str
    right: bool | None
    width: float


@dataclass(frozen=True, slots=True)
class Team:
    """The seeds of one agent: their skill in logits, and which of them collapsed."""

    skill: FloatArray
    fallen: NDArray[np.bool_]


class Study:
    """One study of a kind: a list of scenes, on which agents are drawn and play."""

    def __init__(self, cell: Cell, generator: np.random.Generator) -> None:
        self.cell, self.generator = cell, generator
        self.scenes = self.other_scenes()

    def other_scenes(self) -> FloatArray:
        """Return the difficulties of another list of scenes."""
        return np.asarray(self.cell.scene_spread * self.generator.normal(size=self.cell.scenes))

    def team(self, seeds: int | None = None) -> Team:
        """Return the seeds of an agent, as many as the cell has."""
        count = seeds or self.cell.seeds
        skill = np.asarray(self.cell.seed_spread * self.generator.normal(size=count))
        return Team(skill, self.generator.random(count) < self.cell.collapse)

    def play(
        self, team: Team, success: float, *, moved: bool = False, scenes: FloatArray | None = None
    ) -> FloatArray:
        """Return a team's values (seeds, scenes) in a condition where mean success is ``success``.

        ``moved`` gives every seed a deviation of its own there. ``scenes`` may also be (seeds, scenes).
        """
        own = self.cell.seed_spread / 2 if moved else 0.0
        logits = team.skill + own * self.generator.normal(size=len(team.skill))
        difficulty = self.scenes if scenes is None else scenes
        rates = special.expit(center(self.cell, success, moved=moved) + logits[:, None] + difficulty)
        chances = np.where(team.fallen[:, None], COLLAPSED, rates)
        return np.asarray((self.generator.random(rates.shape) < chances) * 1.0)


def center(cell: Cell, success: float, *, moved: bool = False) -> float:
    """Return the logit of a seed and scene of average skill and difficulty where the mean is ``success``."""
    own = cell.seed_spread / 2 if moved else 0.0
    return _center(success, float(np.sqrt(cell.seed_spread**2 + cell.scene_spread**2 + own**2)))


def covers(name: str, ends: tuple[float, float], truth: float) -> Outcome:
    """Return whether an interval covers the truth; one whose ends are NaN was not offered."""
    low, high = ends
    if np.isnan(low):
        return Outcome("covers", name, None, 0.0)
    return Outcome("covers", name, bool(low <= truth <= high), high - low)


def claims(name: str, p_value: float) -> Outcome:
    """Return whether a test whose hypothesis is true rejects it."""
    return Outcome("claims", name, None if np.isnan(p_value) else bool(p_value < ALPHA), 0.0)


def told_from(name: str, ends: tuple[float, float], null: float) -> Outcome:
    """Return whether an interval excludes the value that it has where nothing differs: its test's claim."""
    low, high = ends
    return Outcome("claims", name, None if np.isnan(low) else not low <= null <= high, 0.0)


@cache
def _center(success: float, spread: float) -> float:
    """Return the logit around which normal logits have the mean success."""
    quantiles = spread * stats.norm.ppf((np.arange(2_000) + 0.5) / 2_000)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if special.expit(middle + quantiles).mean() < success else (low, middle)
    return low
