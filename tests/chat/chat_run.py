"""A chat agent's run in a directory, as a worker carries it out."""

import sys
from pathlib import Path

from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.execution.agent_run import AgentRun


def planned(url, scenes=12, conditions=("none", "none~swapped"), **conversation):
    """A run whose server is at ``url``."""
    conversation = {"endpoint": url, "backoff_seconds": 0.01, **conversation}
    world = {"level": "GoToLocalS5N2"}
    config = RunConfig.parse(
        {"agent": "chat", "model": "reader", "environment": world, "conversation": conversation}, "test"
    )
    protocol = {"name": "generalization", "scenes": scenes, "conditions": conditions, "replays": 2}
    return PlannedRun("test", config, (ProtocolConfig.parse(protocol, "test"),), replayed=True)


def carry_out(plan, out, stop=lambda: False):
    AgentRun(plan, plan.config, out, "cpu", lambda _: None, stop).carry_out()


if __name__ == "__main__":
    url, out, scenes = sys.argv[1:]
    carry_out(planned(url, int(scenes), ("none",)), Path(out))
