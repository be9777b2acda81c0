"""The table of the generalization tests: shifts by agents, success with its 95% interval (paper, Q2).

Writes ``generalization_table.csv`` with the numbers and ``generalization_table.tex`` (booktabs) for a paper.
"""

import argparse
from pathlib import Path

from glam_eval.figures import Study
from glam_eval.figures.draw.shifts import shift_label
from glam_eval.figures.style import interval_text
from glam_eval.figures.tables.final import generalization


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="results directory, for instance results/quick")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="directory to write to")
    arguments = parser.parse_args()
    study = Study.load(arguments.results)
    table = generalization(study)
    labels = [study.looks[who].label for who in zip(table["agent"], table["model"], strict=True)]
    cells = [interval_text(*row) for row in table[["mean", "low", "high"]].itertuples(index=False)]
    wide = table.assign(agent=labels, shift=table["shift"].map(shift_label), cell=cells)
    wide = wide.pivot(index="shift", columns="agent", values="cell")
    wide = wide.reindex(index=dict.fromkeys(table["shift"].map(shift_label)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.out / "generalization_table.csv", index=False)
    (arguments.out / "generalization_table.tex").write_text(wide.to_latex(escape=True), encoding="utf-8")
    print(wide.to_string())


if __name__ == "__main__":
    main()
