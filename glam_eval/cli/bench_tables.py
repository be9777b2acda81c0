"""What `glam-eval bench engine` prints."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glam_eval.benchmarks.engine import EngineMeasurement
    from glam_eval.benchmarks.rollouts import RolloutMeasurement
    from glam_eval.core.console import Table


def engine_table(measured: Sequence["EngineMeasurement"], compare: bool) -> "Table":
    """Return measurements as a table that fits 80 columns."""
    from rich.table import Column

    from glam_eval.core.console import Table

    first = measured[0]
    others = ("plain", "padded") if compare else ()
    table = Table(
        Column("model", no_wrap=True),
        "work",
        *(
            Column(name, justify="right")
            for name in ("prompts /s", "of limit", *(f"x {way}" for way in others), "GFLOP /s", "peak GiB")
        ),
        box=None,
        padding=(0, 1, 0, 0),
        title=f"{first.precision}, {first.device}, {first.threads} threads, {first.kernels} kernels",
    )
    for row in measured:
        for work in ("score", "update"):
            rate = getattr(row, f"{work}_rate")
            table.add_row(
                row.model,
                work,
                f"{rate:,.1f}",
                f"{getattr(row, f'{work}_fraction'):.0%}",
                *(_times(rate / getattr(row, f"{way}_{work}_rate")) for way in others),
                f"{row.matrix_rate / 1e9:,.0f}",
                f"{row.peak_memory / 2**30:.2f}",
            )
    return table


def rollout_table(measured: Sequence["RolloutMeasurement"]) -> "Table":
    """Return measurements on rollouts as a table that fits 80 columns."""
    from rich.table import Column

    from glam_eval.core.console import Table

    first = measured[0]
    names = ("prompts /s", "of limit", "x before", "x plain", "GFLOP /s", "peak GiB")
    table = Table(
        Column("model, observations", no_wrap=True),
        "work",
        *(Column(name, justify="right") for name in names),
        box=None,
        padding=(0, 1, 0, 0),
        title=f"{first.level}, {first.precision}, {first.device}, {first.threads} threads",
    )
    for row in measured:
        table.add_row(
            f"{row.model}, {row.remembered}",
            row.work if row.work == "score" else f"update, {row.tuning}",
            f"{row.rate:,.1f}",
            f"{row.fraction:.0%}",
            _times(row.rate / row.before_rate),
            _times(row.rate / row.plain_rate),
            f"{row.matrix_rate / 1e9:,.0f}",
            f"{row.peak_memory / 2**30:.2f}",
        )
    return table


def _times(ratio: float) -> str:
    return "" if math.isnan(ratio) else f"{ratio:.1f}"
