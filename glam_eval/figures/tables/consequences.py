"""What models know of what actions do: the rows of figure and findings, and words for their questions."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.study import Study
from glam_eval.figures.tables.estimates import generator
from glam_eval.statistics.consequences import SCORINGS

ASKED = {
    "observation": "Which observation follows?",
    "reached": "Is the goal reached?",
    "shorter": "Which goal is nearer?",
}
DECIDES = next(iter(SCORINGS))  # the way of scoring that findings and tests go by, chosen before any result


def answers(study: Study) -> pd.DataFrame:
    """Return the share of right answers of usual runs, by question, way of scoring and moment.

    Raises:
        Absent: If no questions on consequences were asked.
    """
    table = statistics.right_answers(_asked(study))
    order = [list(ASKED).index(question) for question in table["question"]]
    return table.assign(order=order).sort_values("order", kind="stable").drop(columns="order")


def contrasts(study: Study) -> pd.DataFrame:
    """Return how right answers compare with chance, with those before training and between agents.

    Raises:
        Absent: If no questions on consequences were asked.
    """
    return statistics.consequence_contrasts(_asked(study), generator("consequences"), DECIDES)


def _asked(study: Study) -> pd.DataFrame:
    return study.usual(study.table("consequences"))
