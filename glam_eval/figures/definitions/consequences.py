"""Does the model know what its actions do, and does acting teach it? Right answers before and after."""

import pandas as pd

from glam_eval.figures.drawings.consequences import draw_answers
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.consequences import answers


def table(study: Study) -> pd.DataFrame:
    """Return the share of right answers, by question, way of scoring and moment of training."""
    return study.derive(answers)


FIGURE = FigureDefinition(
    name="consequences",
    title="What actions do",
    table=table,
    draw=draw_answers,
    explanation="Multiple-choice questions on situations of the world, answered by the language model alone: "
    "which observation follows an action, is a goal reached, which of two goals is fewer steps away? "
    "Hollow: before training; filled: after it; line: chance. Above: the candidate that is likeliest beside "
    f"its prior; below: the likeliest. {BARS}",
)
