"""What a suite would do: its runs, and what they cost."""

from rich.console import Console
from rich.table import Table

from glam_eval.config.suite import SuiteConfig


def print_plan(suite: SuiteConfig, console: Console) -> None:
    """Print every run of a suite and the episodes its protocols play."""
    table = Table("run", "level", "frames", "updates", "evaluation episodes")
    episodes = 0
    for config in suite.runs():
        played = sum(
            protocol.scenes
            * len(protocol.conditions)
            * (len(config.evaluation_updates()) if protocol.name == "sample-efficiency" else 1)
            for protocol in suite.protocols
        )
        episodes += played
        table.add_row(
            config.run_id, config.environment.level, f"{config.frames:,}", str(config.updates), f"{played:,}"
        )
    console.print(table)
    runs = suite.runs()
    frames = sum(config.updates * config.frames_per_update for config in runs)
    console.print(
        f"{len(runs)} runs, {frames:,} training frames, {episodes:,} evaluation episodes", highlight=False
    )
