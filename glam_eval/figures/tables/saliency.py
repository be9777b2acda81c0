"""Which parts of prompts agents go by: the rows of figure and findings."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.study import Study
from glam_eval.figures.tables.estimates import generator


def parts(study: Study) -> pd.DataFrame:
    """Return what leaving each part of the prompt out changes, for usual runs, before and after training.

    Raises:
        Absent: If no part was left out.
    """
    return statistics.saliency(study.usual(study.table("saliency")))


def changes(study: Study) -> pd.DataFrame:
    """Return what training changes of it, paired by seed and situation.

    Raises:
        Absent: If no part was left out.
    """
    return statistics.saliency_changes(study.usual(study.table("saliency")), generator("saliency"))
