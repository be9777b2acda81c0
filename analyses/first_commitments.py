"""Do agents read the goal? Whether the first thing that each reaches is the one its goal names.

Writes ``first_commitments.csv``: for each agent's last checkpoint, success beside the share of episodes whose
first thing reached was the one meant, with chance in the same scenes and what the bot does there. Success
without reading leaves that share at chance. Episodes are played again from their stored actions, so that
studies made before these columns were stored can be asked too; this needs minigrid.
"""

from pathlib import Path

from glam_eval.environments.replays import first_commitments
from glam_eval.figures import Study
from glam_eval.figures.script import main
from glam_eval.figures.tables.estimates import WHO


def write(study: Study, out: Path) -> None:
    """Write and print a row an agent."""
    episodes = study.usual(study.final("sample-efficiency", "none"))
    first = first_commitments(episodes)
    rows = episodes[[*WHO, "seed", "success"]].assign(
        first_meant=first["first_meant"].astype(float),
        chance=first["first_chance"].astype(float),
        bot=first["bot_first_meant"].astype(float),
    )
    table = rows.groupby([*WHO, "seed"], observed=True).mean().groupby(WHO, observed=True).mean()
    table = table.assign(n_seeds=rows.groupby(WHO, observed=True)["seed"].nunique()).reset_index()
    table.to_csv(out / "first_commitments.csv", index=False)
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main(__doc__, write)
