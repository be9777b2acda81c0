"""A stored checkpoint under a protocol: the rows of its suite again, or new conditions."""

from pathlib import Path
from typing import Any

from glam_eval.config.protocols import PROTOCOLS, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError, unknown
from glam_eval.core.records import EpisodeRecord
from glam_eval.language import speaker
from glam_eval.results import write_table


def evaluate_checkpoint(
    directory: Path,
    protocol_name: str,
    scenes: int | None,
    conditions: tuple[str, ...],
    out: Path | None,
    device: str,
) -> dict[str, list[EpisodeRecord]]:
    """Play a protocol with a checkpoint's agent; return the episodes of each condition, by scene seed.

    Scenes and conditions are those of the suite that made the checkpoint unless given. With ``out``, the
    episodes are stored there. Raises UserError on a damaged checkpoint or unknown names.
    """
    import torch

    from glam_eval.policies.devices import available_devices
    from glam_eval.protocols import play_condition
    from glam_eval.training.agents import build_policy
    from glam_eval.training.checkpoints import read_checkpoint

    checkpoint = read_checkpoint(directory)
    config = RunConfig.parse(checkpoint.state["config"], source=str(directory))
    protocol = _protocol(checkpoint.state, protocol_name, scenes, conditions, directory)
    for condition in protocol.conditions:
        speaker(config.environment.language, condition.shift)
    torch.set_num_threads(config.threads)
    actions = len(speaker(config.environment.language).actions(config.environment.actions))
    policy = build_policy(config, actions, available_devices(device)[0], directory)
    results: dict[str, list[EpisodeRecord]] = {}
    for condition in protocol.conditions:
        played = play_condition(policy, config, checkpoint.frames, protocol, condition)
        episodes = sorted((one.episode for one in played), key=lambda episode: episode.scene_seed)
        if out is not None:
            name = f"{config.run_id}-{checkpoint.frames:010d}-{protocol.name}-{condition.label}"
            write_table(out, "episodes", episodes, name)
        results[condition.label] = episodes
    return results


def _protocol(
    state: dict[str, Any], name: str, scenes: int | None, conditions: tuple[str, ...], directory: Path
) -> ProtocolConfig:
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    stored = {protocol["name"]: protocol for protocol in state.get("protocols", [])}
    if name not in stored and not conditions:
        raise UserError(
            f"{str(directory)!r} was made without protocol {name!r}: name its shifts by --condition"
        )
    values = dict(stored.get(name, {"name": name}))
    if scenes is not None:
        values["scenes"] = scenes
    if conditions:
        values["conditions"] = list(conditions)
    return ProtocolConfig.parse(values, source="evaluate")
