"""From stored episodes to comparisons, figures, the report and a few lines for the terminal."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.text import Text

from glam_eval.config.protocols import condition_rank
from glam_eval.core.console import Console, Table, styled
from glam_eval.core.records import ComparisonRecord
from glam_eval.core.seeds import stream
from glam_eval.results import load_results, write_table


def summarise(out: Path) -> None:
    """Write comparisons, figures and the report of a results directory."""
    from glam_eval.figures import draw_all
    from glam_eval.report import build_report
    from glam_eval.statistics import compare

    comparisons = compare(
        load_results(out, "episodes"),
        stream(0, "statistics", "comparisons"),
        runs=load_results(out, "runs"),
    )
    rows = [ComparisonRecord(**{str(k): v for k, v in row.items()}) for row in comparisons.to_dict("records")]
    write_table(out, "comparisons", rows, "comparisons")
    draw_all(out)
    build_report(out)


def print_summary(out: Path, console: Console) -> None:
    """Print what was found and where everything is."""
    findings(load_results(out, "comparisons"), console)
    console.print(f"tables   {out}/{{runs,training,episodes,comparisons}}/*.parquet", soft_wrap=True)
    console.print(f"figures  {out / 'figures'}", soft_wrap=True)
    console.print(f"report   {out / 'report.html'}", soft_wrap=True)


def findings(comparisons: pd.DataFrame, console: Console) -> None:
    """Print the success of every agent under every shift, with its interval: a row a shift where more."""
    rows = comparisons[(comparisons["b"] == "") & (comparisons["measure"] == "success")]
    for protocol, part in rows.groupby("protocol", sort=False):
        cells = {(row["a"], row["shift"]): _percent(row) for row in part.to_dict("records")}
        agents, shifts = (list(dict.fromkeys(part[column])) for column in ("a", "shift"))
        shifts.sort(key=condition_rank)
        by_shift = len(shifts) > len(agents)
        down, across = (shifts, agents) if by_shift else (agents, shifts)
        table = Table(
            title=f"{protocol}: % success, with 95% intervals over seeds", box=None, padding=(0, 1, 0, 0)
        )
        table.add_column("", no_wrap=not by_shift, overflow="fold")
        for name in across:
            table.add_column(_words(name), min_width=8, overflow="fold")
        for name in down:
            pairs = ((other, name) if by_shift else (name, other) for other in across)
            table.add_row(_words(name), *(cells.get(pair, "") for pair in pairs))
        console.print(table)


def _words(name: str) -> str:
    """Return a name of an agent or a shift as it is printed."""
    return str(name).replace("_", " ")


def _percent(row: Mapping[Hashable, Any]) -> Text:
    estimate, low, high = (100 * row[name] for name in ("estimate", "low", "high"))
    return styled(f"{estimate:.0f} ", (f"{low:.0f}–{high:.0f}", "dim"))
