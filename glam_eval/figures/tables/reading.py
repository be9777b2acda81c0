"""Who reads its goal: the table that figure, report and findings share."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.final import in_display_order


def who_reads(study: Study) -> pd.DataFrame:
    """Return what each agent does when another goal is told, of the final protocol where that was asked.

    Raises:
        Absent: If no protocol told another goal.
    """
    table = statistics.who_reads(study.usual(study.table("episodes")), reference=study.reference_shift)
    if table.empty:
        raise Absent("no condition tells another goal than the scene's own")
    protocols = list(table["protocol"])
    chosen = study.final_protocol if study.final_protocol in protocols else protocols[0]
    rows = table[table["protocol"] == chosen]
    return in_display_order(rows.assign(shift=study.reference_shift), study)
