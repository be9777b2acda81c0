"""Does an agent read its goal in a prompt that says the same in another format?"""

import pandas as pd

from glam_eval.figures.drawings.matrices import draw_prompt_matrix
from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.prompts import by_prompt


def table(study: Study) -> pd.DataFrame:
    """Return success and what the goal changes, by prompt of training and of test."""
    return study.derive(by_prompt)


FIGURE = FigureDefinition(
    name="prompt_matrix",
    title="Prompts",
    table=table,
    draw=draw_prompt_matrix,
    explanation="Success for each prompt trained with (rows) and asked in (columns); below it, by how many "
    "points what is told changes what is done first. 95% intervals are in its table.",
)
