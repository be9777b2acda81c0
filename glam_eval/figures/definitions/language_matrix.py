"""Does what was learned in one language serve in another? Training language by test language."""

import pandas as pd

from glam_eval.figures.drawings.matrices import draw_language_matrix
from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.identity import is_reference, of_agents
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import WHO
from glam_eval.language.shifts import GOAL_IN
from glam_eval.statistics import success_by


def table(study: Study) -> pd.DataFrame:
    """Return success of the last checkpoint by language of training and of test, with no other shift."""
    rows = study.final("generalization")
    rows = rows[rows["shift"].astype(str).str.fullmatch(rf"none(@(?!{GOAL_IN})[\w-]+)?")]
    rows = study.usual(rows[~of_agents(rows, is_reference)], free=("language",))
    trained_in = rows["run_id"].astype(str).map(study.factors.set_index("run_id")["language"])
    rows = rows.assign(trained_in=trained_in, tested_in=rows["language"].astype(str))
    if rows["tested_in"].nunique() < 2:
        raise Absent("only one language was tested")
    return success_by(rows, [*WHO, "trained_in", "tested_in"])


FIGURE = FigureDefinition(
    name="language_matrix",
    title="Languages",
    table=table,
    draw=draw_language_matrix,
    explanation="Success for each language trained in (rows) and tested in (columns); 95% intervals are in "
    "its table.",
)
