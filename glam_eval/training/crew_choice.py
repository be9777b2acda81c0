"""Which crew computes a run: of one device, or of several that hold the whole model or a part of it each."""

from pathlib import Path

import torch

from glam_eval.config.run import RunConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.policies.base import DividedPolicy, Policy
from glam_eval.training.crew import Alone, Crew
from glam_eval.training.divided import DividedRanks


def first_place(config: RunConfig, device: str) -> str:
    """Return where a run's policy is made: weights that are shared out later, in the processor's memory."""
    return "cpu" if config.policy and config.policy.sharded else device


def make_crew(
    config: RunConfig, policy: Policy, actions: int, device: str, checkpoint: Path | None = None
) -> Crew:
    """Return the crew of a run that begins on a device; of several, the next ones are taken with it.

    Args:
        config: the run.
        policy: of this process, where ``first_place`` says.
        actions: number of actions offered.
        device: the first.
        checkpoint: which the policy was restored from, if any.

    Raises:
        RunFailedError: if a rank can't start, or there are fewer GPUs.
    """
    ranks = config.policy.devices if config.policy else 1
    if ranks == 1:
        return Alone(policy)
    kind, _, first = device.partition(":")
    devices = [f"{kind}:{int(first) + rank}" if first else kind for rank in range(ranks)]
    if kind == "cuda" and int(first) + ranks > torch.cuda.device_count():
        raise RunFailedError(
            f"policy.devices = {ranks} from {device} on, and {torch.cuda.device_count()} GPUs are seen here"
        )
    if config.policy and config.policy.sharded:
        from glam_eval.policies.language_model import LanguageModelPolicy
        from glam_eval.training.sharded import ShardedRanks

        if isinstance(policy, LanguageModelPolicy):
            return ShardedRanks(config, policy, actions, devices, checkpoint)
    crew = DividedRanks(config, policy, actions, devices)
    if isinstance(policy, DividedPolicy):
        policy.divide(crew.frozen)
    return crew
