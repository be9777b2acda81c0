"""Which parts of its prompt does an agent go by, before and after training?"""

import pandas as pd

from glam_eval.figures.drawings.saliency import draw_parts
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.saliency import parts


def table(study: Study) -> pd.DataFrame:
    """Return what leaving each part of the prompt out changes in each policy, before and after training."""
    return study.derive(parts)


FIGURE = FigureDefinition(
    name="saliency",
    title="Parts of the prompt",
    table=table,
    draw=draw_parts,
    explanation="Share of probability that goes to other actions when a part of the prompt is left out "
    "(total variation; its table has KL divergences, too), in situations of test scenes. Hollow: before "
    f"training; filled: after it. {BARS}",
)
