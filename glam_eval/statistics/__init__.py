"""Statistics of a study, as pure functions from tables to tables: seeds are the sample, episodes are not."""

from glam_eval.statistics.comparisons import compare
from glam_eval.statistics.curves import areas, curve_episodes, learning_curves

__all__ = ["areas", "compare", "curve_episodes", "learning_curves"]
