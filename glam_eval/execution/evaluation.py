"""A stored checkpoint under a protocol: the rows of its suite again, or new conditions."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glam_eval.config.agents import describe_agent
from glam_eval.config.protocols import PROTOCOLS, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.answer_records import ProbeRecord
from glam_eval.core.errors import UserError, unknown
from glam_eval.core.records import EpisodeRecord
from glam_eval.execution.owed import MEASURED
from glam_eval.language import speaker
from glam_eval.results import write_table

if TYPE_CHECKING:
    from glam_eval.policies.base import Policy
    from glam_eval.protocols.measures import MeasuredRecord


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A checkpoint's agent and the protocol that it is asked."""

    policy: "Policy"
    config: RunConfig
    frames: int
    protocol: ProtocolConfig
    before_training: dict[str, list[float]]  # what was answered to the probes then

    def episodes(self, out: Path | None) -> dict[str, list[EpisodeRecord]]:
        """Play the protocol; return each condition's episodes by scene seed. With ``out`` they are stored."""
        from glam_eval.protocols import play_condition

        results: dict[str, list[EpisodeRecord]] = {}
        for condition in self.protocol.conditions:
            played = play_condition(self.policy, self.config, self.frames, self.protocol, condition)
            in_order = sorted(played, key=lambda one: one.episode.scene_seed)
            episodes = [one.episode for one in in_order]
            if out is not None:
                name = f"{self._name}-{self.protocol.name}-{condition.label}"
                if requests := [request for one in in_order for request in one.requests]:
                    write_table(out, "requests", requests, name)
                write_table(out, "episodes", episodes, name)
            results[condition.label] = episodes
        return results

    def probe(self, out: Path | None) -> list[ProbeRecord]:
        """Ask the probes; return a row for each action. KL is NaN unless the suite asked the same probes."""
        from glam_eval.protocols import Prober

        prober = Prober(self.policy, self.config, self.protocol.changed(every=1))
        prober.restored({"initial": self.before_training, "pending": {}, "asked": -1})
        prober.ask(self.frames // self.config.frames_per_update)
        rows = prober.records()
        if out is not None:
            write_table(out, "probes", rows, self._name)
        return rows

    def measure(self, out: Path | None) -> "list[MeasuredRecord]":
        """Ask what is asked at two moments of training, now; return the rows of the protocol's table."""
        from glam_eval.protocols import measured_records

        rows = measured_records(self.policy, self.config, self.frames, self.protocol)
        if out is not None:
            write_table(out, MEASURED[self.protocol.name], rows, self._name)
        return rows

    @property
    def _name(self) -> str:
        return f"{self.config.run_id}-{self.frames:010d}"


def load_evaluation(directory: Path, protocol_name: str, settings: dict[str, Any], device: str) -> Evaluation:
    """Return a checkpoint's agent and a protocol: the one of its suite, but for the ``settings`` given.

    Raises UserError on a damaged checkpoint, unknown names, or a protocol that does not take the agent.
    """
    import torch

    from glam_eval.environments import offered_actions
    from glam_eval.policies.devices import available_devices
    from glam_eval.training.agents import build_policy
    from glam_eval.training.checkpoints import read_checkpoint

    checkpoint = read_checkpoint(directory)
    config = RunConfig.parse(checkpoint.state["config"], source=str(directory))
    protocol = _protocol(checkpoint.state, protocol_name, settings, directory)
    if not protocol.takes(describe_agent(config.agent)):
        raise UserError(f"protocol {protocol.name} takes {protocol.description.takes}, not {config.agent!r}")
    protocol.check_level(config.environment.level)
    for condition in protocol.conditions:
        speaker(config.environment.language, condition.shift)
    torch.set_num_threads(config.threads)
    actions = len(offered_actions(config.environment))
    policy = build_policy(config, actions, available_devices(device)[0], directory)
    probed = checkpoint.state.get("probes") or {"initial": {}}
    return Evaluation(policy, config, checkpoint.frames, protocol, probed["initial"])


def _protocol(state: dict[str, Any], name: str, settings: dict[str, Any], directory: Path) -> ProtocolConfig:
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    stored = {protocol["name"]: protocol for protocol in state.get("protocols", [])}
    values = {**stored.get(name, {"name": name}), **settings}
    protocol = ProtocolConfig.parse(values, source="evaluate")
    if protocol.plays and name not in stored and "conditions" not in settings:
        raise UserError(
            f"{str(directory)!r} was made without protocol {name!r}: name its shifts by --condition"
        )
    return protocol
