"""The table of the generalization tests: shifts by agents, success with its 95% interval (paper, Q2).

Writes ``generalization_table.csv`` with the numbers and ``generalization_table.tex`` (booktabs) for a paper.
"""

from pathlib import Path

from glam_eval.figures import Study
from glam_eval.figures.definitions import generalization
from glam_eval.figures.drawings.shifts import shift_label
from glam_eval.figures.script import main
from glam_eval.figures.style import interval_text


def write(study: Study, out: Path) -> None:
    """Write and print the table: the numbers of the figure, a column an agent, a row a shift."""
    table = generalization.table(study)
    agents = [study.looks[who].label for who in zip(table["agent"], table["model"], strict=True)]
    cells = [interval_text(*row) for row in table[["mean", "low", "high"]].itertuples(index=False)]
    wide = table.assign(agent=agents, shift=table["shift"].map(shift_label), cell=cells)
    wide = wide.pivot(index="shift", columns="agent", values="cell")
    wide = wide.reindex(index=dict.fromkeys(table["shift"].map(shift_label)))
    table.to_csv(out / "generalization_table.csv", index=False)
    (out / "generalization_table.tex").write_text(wide.to_latex(escape=True), encoding="utf-8")
    print(wide.to_string())


if __name__ == "__main__":
    main(__doc__, write)
