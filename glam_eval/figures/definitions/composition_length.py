"""How far do compositions stretch? Success against the number of instructions in the goal."""

from functools import partial

import pandas as pd

from glam_eval.figures.drawings.sweeps import draw_sweep
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import END, WHO
from glam_eval.figures.tables.final import final_episodes
from glam_eval.statistics import success_by


def table(study: Study) -> pd.DataFrame:
    """Return success of the last checkpoint by the number of instructions, counted in a goal's task.

    Where one shift has goals of one instruction in the rooms of the longer ones, "no shift" is left out.
    """
    rows = final_episodes(study)
    rows = rows.assign(value=rows["task"].astype(str).str.count("_then_|_and_") + 1)
    shifts = rows["shift"].astype(str)
    counted = shifts.str.endswith(("_instruction", "_instructions"))
    composed = rows.groupby("shift", observed=True)["value"].transform("max") > 1
    rows = rows[counted if (shifts == "one_instruction").any() else composed | (shifts == "none")]
    if rows["value"].nunique() < 2:
        raise Absent("every goal has the same number of instructions")
    scenes = pd.factorize(rows["shift"].astype(str) + rows["scene_seed"].astype(str))[0]
    return success_by(rows.assign(scene_seed=scenes), ["value", *WHO]).assign(measure=END)


FIGURE = FigureDefinition(
    name="composition_length",
    title="Composition length",
    table=table,
    draw=partial(draw_sweep, label="instructions in the goal"),
    explanation=f"Success of the trained agent against the number of instructions in the goal. {BARS}",
)
