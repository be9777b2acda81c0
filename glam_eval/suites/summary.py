"""From stored episodes to comparisons, figures, the report and a few lines for the terminal."""

from pathlib import Path

import pandas as pd

from glam_eval.core.records import ComparisonRecord
from glam_eval.core.seeds import stream
from glam_eval.results import load_results, write_table


def summarise(out: Path) -> tuple[pd.DataFrame, Path]:
    """Write comparisons, figures and the report of a results directory; return comparisons and report."""
    from glam_eval.figures import draw_all
    from glam_eval.report import build_report
    from glam_eval.statistics import compare

    episodes = load_results(out, "episodes")
    comparisons = compare(episodes, stream(0, "statistics", "compare"))
    names = {"return": "episode_return"}
    rows = [
        ComparisonRecord(**{names.get(str(k), str(k)): v for k, v in row.items()})
        for row in comparisons.to_dict("records")
    ]
    write_table(out, "comparisons", rows, "comparisons")
    draw_all(out, out / "figures")
    return comparisons, build_report(out)
