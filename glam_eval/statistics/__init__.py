"""Statistics of a study, as pure functions from tables to tables: seeds are the sample, episodes are not.

Three layers: ``inference`` (arrays: metrics, intervals, tests), ``comparison`` (contrasts, their families)
and here the tables that figures and reports draw. Everything random takes an explicit generator.
"""

from glam_eval.statistics.aggregates import aggregates, improvement_probabilities, performance_profiles
from glam_eval.statistics.bot import add_efficiency
from glam_eval.statistics.chance import best_goal_blind, chance
from glam_eval.statistics.comparison.comparisons import compare
from glam_eval.statistics.comparison.power import plan_power
from glam_eval.statistics.completeness import Complete, Gap, complete
from glam_eval.statistics.consequences import consequence_contrasts, right_answers
from glam_eval.statistics.curves import areas, curve_episodes, learning_curves
from glam_eval.statistics.efficiency import learning_gains, sample_efficiency
from glam_eval.statistics.failures import classify, failures
from glam_eval.statistics.information import (
    calibration,
    changed_actions,
    information,
    information_lost,
    value_calibration,
)
from glam_eval.statistics.leaderboards import LEADERBOARDS, beside_leaderboard
from glam_eval.statistics.mixed import mixed_effects, variance_shares
from glam_eval.statistics.names import condition_name
from glam_eval.statistics.normalized import normalized_scores
from glam_eval.statistics.pretraining_arms import pretraining_effects
from glam_eval.statistics.published import SOURCES, against_published
from glam_eval.statistics.reading import asks_reading, who_reads
from glam_eval.statistics.requests import summarise_requests
from glam_eval.statistics.saliency import saliency, saliency_changes
from glam_eval.statistics.summaries import generalization, success_by
from glam_eval.statistics.variants import failed_runs, name_variants

__all__ = [
    "LEADERBOARDS",
    "SOURCES",
    "Complete",
    "Gap",
    "add_efficiency",
    "against_published",
    "aggregates",
    "areas",
    "asks_reading",
    "beside_leaderboard",
    "best_goal_blind",
    "calibration",
    "chance",
    "changed_actions",
    "classify",
    "compare",
    "complete",
    "condition_name",
    "consequence_contrasts",
    "curve_episodes",
    "failed_runs",
    "failures",
    "generalization",
    "improvement_probabilities",
    "information",
    "information_lost",
    "learning_curves",
    "learning_gains",
    "mixed_effects",
    "name_variants",
    "normalized_scores",
    "performance_profiles",
    "plan_power",
    "pretraining_effects",
    "right_answers",
    "saliency",
    "saliency_changes",
    "sample_efficiency",
    "success_by",
    "summarise_requests",
    "value_calibration",
    "variance_shares",
    "who_reads",
]
