"""The tables of results by name, each with the record that is its schema."""

from glam_eval.core.answer_records import (
    ConsequenceRecord,
    LanguageRecord,
    PretrainingRecord,
    ProbeRecord,
    SaliencyRecord,
)
from glam_eval.core.comparison_records import ComparisonRecord, OverlapRecord
from glam_eval.core.records import (
    DemonstrationRecord,
    EpisodeRecord,
    RequestRecord,
    RunRecord,
    StepRecord,
    TrainingRecord,
)

TABLES: dict[str, type] = {
    "runs": RunRecord,
    "training": TrainingRecord,
    "episodes": EpisodeRecord,
    "steps": StepRecord,
    "requests": RequestRecord,
    "probes": ProbeRecord,
    "demonstrations": DemonstrationRecord,
    "comparisons": ComparisonRecord,
    "overlap": OverlapRecord,
    "pretraining": PretrainingRecord,
    "language": LanguageRecord,
    "consequences": ConsequenceRecord,
    "saliency": SaliencyRecord,
}
