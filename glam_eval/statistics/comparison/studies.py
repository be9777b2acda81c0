"""Two studies side by side: what every condition that both hold does in the one and in the other."""

from typing import Any

import numpy as np
import pandas as pd

from glam_eval.statistics.cells import Cells, final_checkpoints, kind_of, require_columns, tabulate
from glam_eval.statistics.comparison.contrasts import independent
from glam_eval.statistics.comparison.families import question_of
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.comparison.verdicts import Contrast, settle_family
from glam_eval.statistics.inference.intervals import estimate_mean

_KEY = ["shift", "agent", "model"]
_SCENE = [
    "scene_seed",
    "level",
    "bot_length",
]  # one seed makes other scenes on another level, or in a larger room
COLUMNS = [
    *("protocol", *_KEY, "first", "first_low", "first_high", "second", "second_low", "second_high"),
    *("difference", "low", "high", "p_adjusted", "verdict", "n_seeds_first", "n_seeds_second", "note"),
]
SAME_RUNS = "runs are in both studies, which are no comparison"


def compare_studies(
    first: pd.DataFrame, second: pd.DataFrame, generator: np.random.Generator, *, margin: float = MARGIN
) -> pd.DataFrame:
    """Return success in two studies, and the second's less the first's, a row a condition that both hold.

    Seeds are independent, and scenes shared where both played the same; tests and intervals of one question
    (other words, languages, tasks and rooms, goals told) in one protocol are adjusted together, as within a
    study. Conditions of which a run is in both studies are not tested.

    Args:
        first: Episodes of a study, one run a seed in each condition; the last checkpoint of each run counts.
        second: The same of another.
        generator: Draws permutations where seeds are too many to enumerate.
        margin: Differences within it are called equivalent.

    Returns:
        The columns of ``COLUMNS``: shares of success with 95% intervals over seeds, differences with
        simultaneous ones.
    """
    parts = [final_checkpoints(table) for table in (first, second)]
    for table in parts:
        require_columns(table, ["run_id", "seed", "scene_seed", "success", *_KEY], "episodes")
    both = pd.concat([table.assign(study=number) for number, table in enumerate(parts)], ignore_index=True)
    names = [name for name in _SCENE if all(name in table for table in parts)]
    both["scene_seed"] = both.groupby(names, observed=True).ngroup()
    rows: list[dict[str, Any]] = []
    for protocol in sorted(both["protocol"].astype(str).unique()):
        rows += _of_protocol(both[both["protocol"] == protocol], protocol, generator, margin)
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_protocol(
    episodes: pd.DataFrame, protocol: str, generator: np.random.Generator, margin: float
) -> list[dict[str, Any]]:
    cells = tabulate(episodes, [*_KEY, "study"])
    keys = [tuple(row) for row in cells.conditions.itertuples(index=False)]
    index = {(tuple(map(str, key[:-1])), key[-1]): number for number, key in enumerate(keys)}
    shared = _shared_runs(episodes)
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    families: dict[str, list[tuple[tuple[str, ...], Contrast]]] = {}
    for key in sorted({name for name, _ in index}):
        if (key, 0) not in index or (key, 1) not in index:
            continue
        here, there = index[key, 0], index[key, 1]
        rows[key] = _alone(cells, here, there) | dict(zip(_KEY, key, strict=True)) | {"protocol": protocol}
        if shared.get(key):
            rows[key] |= {"verdict": "untested", "note": f"{shared[key]} {SAME_RUNS}"}
            continue
        row = (protocol, key[0], "success", "second", "first")
        contrast = independent(cells, there, here, row, margin, generator)
        families.setdefault(question_of(key[0]), []).append((key, contrast))
    for question, family in families.items():
        settled = settle_family(
            f"{protocol}: {question}, of two studies", [contrast for _, contrast in family]
        )
        for (key, _), found in zip(family, settled, strict=True):
            rows[key] |= {
                "difference": found.estimate,
                **{name: getattr(found, name) for name in ("low", "high", "p_adjusted", "verdict")},
                "note": "; ".join(filter(None, (rows[key]["note"], found.note))),
            }
    return list(rows.values())


def _alone(cells: Cells, first: int, second: int) -> dict[str, Any]:
    """Return what a condition does in either study."""
    row: dict[str, Any] = {"difference": np.nan, "low": np.nan, "high": np.nan, "p_adjusted": np.nan}
    for name, number in (("first", first), ("second", second)):
        estimate = estimate_mean(cells.matrix(number), kind_of("success"))
        low, high = estimate.interval()
        row |= {name: estimate.value, f"{name}_low": low, f"{name}_high": high}
        row[f"n_seeds_{name}"] = estimate.n_seeds
    played = [~np.isnan(cells.values[number]).all(axis=0) for number in (first, second)]
    row["note"] = "" if (played[0] & played[1]).any() else "on other scenes"
    return row


def _shared_runs(episodes: pd.DataFrame) -> dict[tuple[str, ...], int]:
    """Return by condition how many runs are in both studies."""
    runs = (
        episodes[[*_KEY, "study", "run_id"]].astype(dict.fromkeys((*_KEY, "run_id"), str)).drop_duplicates()
    )
    twice = runs[runs.duplicated([*_KEY, "run_id"])]
    return {tuple(map(str, key)): int(count) for key, count in twice.groupby(_KEY).size().items()}
