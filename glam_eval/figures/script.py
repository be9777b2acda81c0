"""The command line of the scripts in ``analyses/``: RESULTS and --out, as ``glam-eval figures`` has them."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from glam_eval.core.errors import UserError
from glam_eval.figures.files import output_directory
from glam_eval.figures.study import Absent, Study


def main(description: str, analyze: Callable[[Study, Path], None]) -> None:
    """Run an analysis on the results directory of the command line; exit with 2 and a line on wrong input.

    Args:
        description: What the analysis answers, for ``--help``.
        analyze: Takes the study and the directory, which exists, to write to. Where it raises Absent, the
            line says what the study lacks.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("results", type=Path, help="results directory, for instance results/quick")
    parser.add_argument("--out", type=Path, help="directory to write to (default: RESULTS/figures)")
    arguments = parser.parse_args()
    try:
        study = Study.load(arguments.results)
        analyze(study, output_directory(arguments.results, arguments.out))
    except Absent as reason:
        print(f"{arguments.results} has no data for this: {reason}", file=sys.stderr)
        sys.exit(2)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
