"""Pictures of the concepts, drawn from results that come with the code."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from glam_eval.core.seeds import stream
from glam_eval.figures.style import style

INK, OTHER = "#332288", "#999933"


def pictures(results: Path) -> dict[str, bytes]:
    """Return the pictures by their path in the site; those whose results are not there are left out."""
    coverage = results / "statistics" / "coverage.parquet"
    made = {"concepts/pooled.png": _png(_pooled())}
    if coverage.exists():
        made["concepts/coverage.png"] = _png(_coverage(pd.read_parquet(coverage)))
    return made


def pooled(seeds: int = 5, episodes: int = 200, spread: float = 1.0, studies: int = 400) -> dict[str, float]:
    """Return how often 95% intervals hold the truth, of simulated studies: over episodes, and over seeds.

    A seed's success is a logit drawn around 0 with a standard deviation of ``spread``; the truth is 50%.
    """
    generator = stream(0, "docs", "pooled")
    rates = 1 / (1 + np.exp(-generator.normal(0, spread, (studies, seeds))))
    scores = generator.binomial(episodes, rates) / episodes
    mean = scores.mean(1)
    as_one = 1.96 * np.sqrt(mean * (1 - mean) / (seeds * episodes))
    quantile = {3: 4.303, 5: 2.776, 10: 2.262}[seeds]  # of Student's t, 97.5%
    over_seeds = quantile * scores.std(1, ddof=1) / np.sqrt(seeds)
    return {
        "over episodes, pooled": float((abs(mean - 0.5) < as_one).mean()),
        "over seeds": float((abs(mean - 0.5) < over_seeds).mean()),
    }


def _pooled() -> Figure:
    with style():
        figure = Figure(figsize=(4.6, 1.5), layout="constrained")
        axes = figure.add_subplot()
        shares = pooled()
        axes.barh(list(shares), list(shares.values()), color=[OTHER, INK], height=0.55)
        for place, share in enumerate(shares.values()):
            axes.text(share + 0.01, place, f"{share:.0%}", va="center")
        axes.axvline(0.95, color="black", linewidth=0.8, linestyle="--")
        axes.set_xlim(0, 1.1)
        axes.set_xlabel("share of 95% intervals that hold the truth (5 seeds, 200 episodes each)")
        axes.grid(visible=False)
    return figure


def _coverage(table: pd.DataFrame) -> Figure:
    rows = table[(table["kind"] == "covers") & table["statistic"].isin(["mean", "paired difference"])]
    with style():
        figure = Figure(figsize=(4.6, 2.2), layout="constrained")
        axes = figure.add_subplot()
        for (statistic, part), color in zip(rows.groupby("statistic"), (INK, OTHER), strict=True):
            by_seeds = part.groupby("seeds")["share"]
            axes.fill_between(
                by_seeds.min().index, by_seeds.quantile(0.1), by_seeds.quantile(0.9), color=color, alpha=0.2
            )
            axes.plot(by_seeds.median(), color=color, marker="o", label=statistic)
        axes.axhline(0.95, color="black", linewidth=0.8, linestyle="--")
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(rows["seeds"].unique()), [str(n) for n in sorted(rows["seeds"].unique())])
        axes.set_xlabel("seeds")
        axes.set_ylabel("share of intervals that cover")
        axes.legend()
    return figure


def _png(figure: Figure) -> bytes:
    image = io.BytesIO()
    with style():
        figure.savefig(image, format="png", dpi=200, metadata={"Software": None})
    return image.getvalue()
