"""Demonstrations on disk: collected into the table ``demonstrations`` of a directory."""

from pathlib import Path

from glam_eval.config.run import RunConfig
from glam_eval.results import load_results, write_table


def collect_demonstrations(config: RunConfig, out: Path, device: str) -> Path:
    """Collect what ``config.cloning`` asks for, unless it is stored already; return its Parquet file.

    Further calls with other settings add to the directory: sets of mixed quality are made so. Raises
    UserError for an unknown source, or one that plays in other words.
    """
    name = f"{config.run_id}-{config.cloning.transitions}"
    file = out / "demonstrations" / f"{name}.parquet"
    if file.exists():
        return file
    from glam_eval.environments import make_environment
    from glam_eval.policies.devices import available_devices
    from glam_eval.training.actors import Actors
    from glam_eval.training.demonstrations import find_demonstrations

    slots = config.cloning.environments
    actors = Actors(make_environment(config.environment, slots), slots, config.seed)
    records = find_demonstrations(config, actors, available_devices(device)[0])
    return write_table(out, "demonstrations", records, name)


def describe_demonstrations(directory: Path) -> tuple[int, bool]:
    """Return how many demonstrations a directory holds, and whether no trained agent made any of them."""
    sources = load_results(directory, "demonstrations", columns=["source"])["source"]
    return len(sources), bool(sources.isin(["bot", "random"]).all())
