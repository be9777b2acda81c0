"""One row an agent: success at the end, against random and bot, and frames until 80% (paper, Q1).

Writes ``agents_table.parquet``. Frames until 80% are the median over seeds of the first evaluation point at
which a seed's success is 80% or more; infinite where fewer than half of the seeds get there in their budget.
"""

import argparse
from pathlib import Path

import pandas as pd

from glam_eval.figures import Study
from glam_eval.results import load_results
from glam_eval.statistics import sample_efficiency

THRESHOLD = 0.8
PROTOCOL = "sample-efficiency"


def against(comparisons: pd.DataFrame, agent: str, other: str) -> dict[str, float]:
    """Return the paired difference of an agent's success from another's at the end, with its interval."""
    for first, second, sign in ((agent, other, 1), (other, agent, -1)):
        rows = comparisons[(comparisons["a"] == first) & (comparisons["b"] == second)]
        for row in rows.itertuples():
            low, high = sorted((sign * row.low, sign * row.high))
            return {
                f"minus_{other}": sign * row.estimate,
                f"minus_{other}_low": low,
                f"minus_{other}_high": high,
            }
    return {}


def agents_table(results: Path) -> pd.DataFrame:
    """Return the table of a results directory with the protocol sample-efficiency."""
    study = Study.load(results)
    episodes = study.episodes(PROTOCOL, "none")
    comparisons = load_results(results, "comparisons")
    comparisons = comparisons[(comparisons["protocol"] == PROTOCOL) & (comparisons["measure"] == "success")]
    longest = int(episodes["frames"].max())
    rows = []
    for (agent, model), look in study.looks.items():
        own = episodes[(episodes["agent"] == agent) & (episodes["model"] == model)]
        budget = int(own["frames"].max())  # 0 for agents that don't learn: they are constant
        waited = sample_efficiency(own, thresholds=(THRESHOLD,), budget=budget or longest).iloc[0]
        name = agent if model == "none" else f"{agent}/{model}"
        alone = comparisons[(comparisons["a"] == name) & (comparisons["b"] == "")].iloc[0]
        rows.append(
            {
                "agent": look.label,
                "seeds": waited["n_seeds"],
                "frames": budget,
                "success": alone["estimate"],
                "success_low": alone["low"],
                "success_high": alone["high"],
                **against(comparisons, name, "random"),
                **against(comparisons, name, "bot"),
                "frames_to_80": waited["frames_median"],
                "seeds_at_80": waited["n_reached"],
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="results directory, for instance results/agents")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="directory to write to")
    arguments = parser.parse_args()
    table = agents_table(arguments.results)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table.to_parquet(arguments.out / "agents_table.parquet", index=False)
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
