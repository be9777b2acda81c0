"""What every script in ``analyses/`` does: read its arguments, draw its figure, say where the files are."""

import argparse
import sys
from pathlib import Path

from glam_eval.core.errors import UserError
from glam_eval.figures.files import UNDATED, draw_all, figure_named


def draw_script(name: str) -> None:
    """Draw one figure of the results directory on the command line; exit with 2 and one line on wrong input.

    A study that holds no data for the figure is wrong input as well: the line says what is missing.
    """
    definition = figure_named(name)
    parser = argparse.ArgumentParser(description=f"{definition.title}. {definition.explanation}")
    parser.add_argument("results", type=Path, help="results directory, for instance results/quick")
    parser.add_argument("--out", type=Path, help="directory to write to (default: RESULTS/figures)")
    parser.add_argument("--formats", nargs="+", default=list(UNDATED), choices=list(UNDATED))
    arguments = parser.parse_args()
    try:
        drawn = draw_all(arguments.results, arguments.out, arguments.formats, [name])
        for reason in drawn.skipped.values():
            raise UserError(f"{arguments.results} has no data for {name}: {reason}")
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    for path in drawn.written:
        print(path)
