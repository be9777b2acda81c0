"""The files of a run of the paper's released code, checked as they are read: ``log.csv`` and returns as npy.

The released code appends a row an update to ``log.csv`` and stores after it how far it is, so that a run that
was killed between the two repeats updates when it goes on; ``duration`` counts from each process's start
(``experiments/train_language_agent.py`` of flowersteam/Grounding_LLMs_with_online_RL).
"""

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glam_eval.core.errors import UserError, first_line
from glam_eval.core.files import require_regular

REWARD_SCALE = 20.0  # of returns that were stored after their reward was reshaped
_COUNTS = ("update", "episodes", "frames")
_MEASURES = ("return_mean", "success_rate", "entropy", "policy_loss", "value_loss")
_OPTIONAL = ("value", "duration", "num_frames_mean", "grad_norm")
_LARGEST = 2**53  # whole numbers up to here are exact as floats

Row = tuple[int, dict[str, float]]  # the line it stands in, and its numbers by column


def read_log(file: Path) -> pd.DataFrame:
    """Return a run's updates as float64 columns, one row each, with rising ``update`` and ``frames``.

    Of updates that were logged twice, after a resume, the later row counts and what followed the earlier one
    is left out. ``seconds`` is what each took, NaN without ``duration``.

    Raises:
        UserError: for another file than a log, and for one that is damaged, naming line and column.
    """
    require_regular(file, "give a run's directory of the released code, or a tree")
    header, rows = _numbers(file)
    if not rows:
        raise UserError(f"{file} has no updates")
    _add_seconds(rows)
    kept = _without_repeats(rows)
    for (_, before), (line, after) in pairwise(kept):
        if after["frames"] <= before["frames"] or after["episodes"] < before["episodes"]:
            raise UserError(
                f"{file}, line {line}: frames or episodes go back although the update goes on: "
                "the log is damaged, or two runs are mixed in it"
            )
    return pd.DataFrame([numbers for _, numbers in kept], columns=[*header, "seconds"])


def read_returns(file: Path) -> NDArray[np.float64]:
    """Return the returns of a test's episodes, unscaled, (episodes,); none is above 1.

    Raises:
        UserError: if the file is no array of finite numbers, or they are no returns of the released code.
    """
    require_regular(file, "give a run's directory of the released code, or a tree")
    try:
        # A map: an array whose header says more than the file holds is refused before memory is asked for.
        stored = np.lib.format.open_memmap(file, mode="r")
    except Exception as error:  # numpy's reader stumbles over damage in as many ways as there are
        raise UserError(f"{file} is no array of numbers: {first_line(error)}") from error
    if stored.dtype.kind not in "iuf":
        raise UserError(f"{file} is no array of numbers: its type is {stored.dtype.name}")
    returns = np.array(stored, dtype=np.float64).ravel()
    if not np.isfinite(returns).all() or returns.max(initial=0.0) > REWARD_SCALE:
        raise UserError(f"{file} holds no returns: all must be finite and at most {REWARD_SCALE:g}")
    return returns / REWARD_SCALE if returns.max(initial=0.0) > 1 else returns


def _numbers(file: Path) -> tuple[list[str], list[Row]]:
    """Return the columns known here, and each line's numbers; headers repeated on a resume are skipped."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            rows = [(reader.line_num, cells) for cells in reader if cells and cells != header]
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{file} is no log of the released code: {first_line(error)}") from error
    if not header:
        raise UserError(f"{file} is no log of the released code: it is empty")
    missing = [column for column in (*_COUNTS, *_MEASURES) if column not in header]
    if missing:
        raise UserError(f"{file} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
    known = [column for column in (*_COUNTS, *_MEASURES, *_OPTIONAL) if column in header]
    if len(set(header)) != len(header):
        raise UserError(f"{file} has a column twice: the log is damaged")
    return known, [(line, _row(file, line, header, cells, known)) for line, cells in rows]


def _row(
    file: Path, line: int, header: Sequence[str], cells: Sequence[str], known: Sequence[str]
) -> dict[str, float]:
    where = f"{file}, line {line}"
    if len(cells) != len(header):
        raise UserError(
            f"{where}: {len(cells)} values for {len(header)} columns: remove the line if it was cut off"
        )
    texts = dict(zip(header, cells, strict=True))
    numbers = {column: _number(f"{where}: {column}", texts[column]) for column in known}
    for column in _COUNTS:
        if not (0 <= numbers[column] <= _LARGEST and numbers[column].is_integer()):
            raise UserError(f"{where}: {column} is {texts[column]!r}, expected a whole number")
    if not (np.isnan(numbers["success_rate"]) or 0 <= numbers["success_rate"] <= 1):
        raise UserError(f"{where}: success_rate is {texts['success_rate']!r}, expected 0 to 1")
    return numbers


def _number(what: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{what} is {text[:40]!r}, expected a number") from None


def _add_seconds(rows: Sequence[Row]) -> None:
    """Add to each row what its update took: a duration that falls, or an update again, is a new process's.

    One that begins with neither can't be told from the one before.
    """
    before: dict[str, float] = {}
    for _, numbers in rows:
        duration = numbers.get("duration", float("nan"))
        goes_on = bool(before) and numbers["update"] > before["update"] and duration >= before["duration"]
        numbers["seconds"] = duration - before["duration"] if goes_on else duration
        before = {"update": numbers["update"], "duration": duration}


def _without_repeats(rows: Sequence[Row]) -> list[Row]:
    kept: list[Row] = []
    for row in rows:
        while kept and kept[-1][1]["update"] >= row[1]["update"]:
            kept.pop()
        kept.append(row)
    return kept
