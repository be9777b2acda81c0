"""One row an agent: success at the end, against random and bot, and frames until 80% (paper, Q1).

Writes ``agents_table.parquet``. Frames until 80% are the median over seeds of the first evaluation point at
which a seed's success is 80% or more; infinite where fewer than half of the seeds get there in their budget.
"""

from pathlib import Path

import pandas as pd

from glam_eval.figures import Study
from glam_eval.figures.script import main
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


def agents_table(study: Study) -> pd.DataFrame:
    """Return one row for each agent with its model, of a study with the protocol sample-efficiency."""
    episodes = study.episodes(PROTOCOL, "none")
    comparisons = study.table("comparisons")
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


def write(study: Study, out: Path) -> None:
    """Write and print the table."""
    table = agents_table(study)
    table.to_parquet(out / "agents_table.parquet", index=False)
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main(__doc__, write)
