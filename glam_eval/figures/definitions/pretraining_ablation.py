"""What does pretraining bring? Learning curves of GFlan, AFlan, NPE, NPA and NPAE (paper, figure 3)."""

import pandas as pd

from glam_eval.figures.definitions import learning_curves
from glam_eval.figures.drawings.curves import draw_curves
from glam_eval.figures.figure import BANDS, FigureDefinition
from glam_eval.figures.identity import is_pretraining_variant, of_agents
from glam_eval.figures.study import Absent, Study


def table(study: Study) -> pd.DataFrame:
    """Return the learning curves of the pretraining variants of the model that has most of them."""
    curves = study.derive(learning_curves.table)
    variants = curves[of_agents(curves, is_pretraining_variant)]
    counts = variants.groupby("model", observed=True)["agent"].nunique()
    if counts.empty or counts.max() < 2:
        raise Absent("fewer than two pretraining variants of one model were trained")
    return variants[variants["model"] == counts.idxmax()]


FIGURE = FigureDefinition(
    name="pretraining_ablation",
    title="Pretraining ablation",
    table=table,
    draw=draw_curves,
    explanation="Success against environment steps for pretrained or random weights and embeddings, scoring "
    f"or an action head. {BANDS}",
)
