"""Figures against stored pictures, from tables with round numbers (pyproject.toml sets --mpl)."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from glam_eval.figures import figure_named
from glam_eval.figures.identity import assign_looks
from glam_eval.figures.style import style

DRAWN_BY = "3.11."  # another release of Matplotlib sets letters and lines a pixel elsewhere
pytestmark = pytest.mark.skipif(
    not matplotlib.__version__.startswith(DRAWN_BY), reason=f"the pictures are Matplotlib {DRAWN_BY}x's"
)

WHO = [("gflan", "t5-nano"), ("gflan", "t5-pico"), ("random", "none")]
PARAMETERS = {("gflan", "t5-nano"): 260_000, ("gflan", "t5-pico"): 45_000}
SHIFTS = ["none", "invented_nouns", "synonym_actions", "none@fr"]


def around(mean: float, **others) -> dict:
    """A row with an estimate, and an interval of ten points to either side."""
    return {"mean": mean, "low": max(0, mean - 0.1), "high": min(1, mean + 0.1), "n_seeds": 5} | others


def rows(*parts: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame([row for part in parts for row in part])
    return table.assign(agent=[a for a, _ in table["who"]], model=[m for _, m in table["who"]])


def curves() -> pd.DataFrame:
    learned = [
        [around(height * step / 4, who=who, frames=step * 10_000) for step in range(5)]
        for who, height in zip(WHO[:2], (0.9, 0.6), strict=True)
    ]
    table = rows(*learned, [around(0.15, who=WHO[2], frames=0)])
    return table.assign(level="GoToLocal", band_low=table["low"] - 0.03, band_high=table["high"] + 0.03)


def changes() -> pd.DataFrame:
    parts = []
    for who, base in zip(WHO, (0.9, 0.7, 0.1), strict=True):
        for place, shift in enumerate(SHIFTS):
            drop = np.nan if shift == "none" else -0.6 * base * place / 3
            success = base if shift == "none" else base + drop
            ends = {"change": drop, "change_low": drop - 0.1, "change_high": drop + 0.1}
            parts.append(
                [around(success, who=who, shift=shift, p_adjusted=0.2 if place == 1 else 0.01, **ends)]
            )
    return rows(*parts)


def languages() -> pd.DataFrame:
    pairs = [(a, b) for a in ("en", "fr") for b in ("en", "fr", "de")]
    return rows([around(0.9 if a == b else 0.3, who=WHO[0], trained_in=a, tested_in=b) for a, b in pairs])


def sweep() -> pd.DataFrame:
    return rows(
        [
            around(0.9 - 0.05 * actions - 0.2 * place, who=who, value=actions, measure=measure)
            for measure in ("mean along training", "at the end of training")
            for place, who in enumerate(WHO[:2])
            for actions in (3, 6, 9)
        ]
    )


def evolution() -> pd.DataFrame:
    actions = {"turn left": 0.1, "go forward": 0.6, "pick up": 0.3}
    steps = [
        {"who": WHO[0], "probe": probe, "action": action, "expected": action == "go forward",
         "frames": frames, "mean": (1 - frames / 4e4) / 3 + frames / 4e4 * share, "n_seeds": 5}
        for probe in ("door_ahead", "ball_ahead")
        for action, share in actions.items()
        for frames in (0, 20_000, 40_000)
    ]  # fmt: skip
    return rows(steps)


def endings() -> pd.DataFrame:
    shares = {"success": 0.6, "wandering": 0.1, "stuck_on_wall": 0.12, "wrong_object": 0.18}
    ends = [around(mean, who=who, category=name) for who in WHO for name, mean in shares.items()]
    return rows(ends)


def over_shifts() -> pd.DataFrame:
    metrics = {"IQM": 0.8, "mean": 0.7, "median": 0.75, "optimality gap": 0.3}
    return rows([around(value, who=who, metric=name) for who in WHO for name, value in metrics.items()])


def many_curves() -> pd.DataFrame:
    """More learners than fit one panel."""
    agents = [(agent, "t5-nano") for agent in ("gflan", "aflan", "npe", "npa", "npae", "bc-bot")]
    learned = [
        [around((0.9 - 0.1 * place) * step / 4, who=who, frames=step * 10_000) for step in range(5)]
        for place, who in enumerate(agents)
    ]
    table = rows(*learned, [around(0.15, who=WHO[2], frames=0)])
    return table.assign(level="GoToLocal", band_low=table["low"] - 0.03, band_high=table["high"] + 0.03)


TABLES = {
    "failures": endings,
    "aggregates": over_shifts,
    "pretraining_ablation": many_curves,
    "learning_curves": curves,
    "generalization": changes,
    "language_matrix": languages,
    "action_space": sweep,
    "policy_evolution": evolution,
}


def picture(name: str):
    table = TABLES[name]()
    conditions = [*dict.fromkeys(zip(table["agent"], table["model"], strict=True))]
    with style():
        drawing = figure_named(name).draw(table, assign_looks(conditions, PARAMETERS))
        drawing.settle()
    return drawing


def compared(name: str):
    """Return the test of one figure; fonts differ a little between machines, hence the tolerance."""

    @pytest.mark.mpl_image_compare(
        filename=f"{name}.png",
        style="default",
        tolerance=12,
        savefig_kwargs={"dpi": 70, "facecolor": "white"},
    )
    def test():
        return picture(name)

    return test


test_learning_curves = compared("learning_curves")
test_generalization = compared("generalization")
test_language_matrix = compared("language_matrix")
test_action_space = compared("action_space")
test_policy_evolution = compared("policy_evolution")
test_failures = compared("failures")
test_aggregates = compared("aggregates")
test_pretraining_ablation = compared("pretraining_ablation")
