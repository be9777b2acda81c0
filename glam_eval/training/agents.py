"""From a run's configuration to its policy and its learner."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from glam_eval.config.agents import describe_agent
from glam_eval.config.learners import CloningConfig, QLearningConfig
from glam_eval.config.ppo import PPOConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.records import DemonstrationRecord
from glam_eval.policies.base import Policy
from glam_eval.training.actors import Actors
from glam_eval.training.crew import Crew
from glam_eval.training.learners import Learner, PPOLearner


def build_policy(
    config: RunConfig, actions: int, device: str = "cpu", checkpoint: Path | None = None
) -> Policy:
    """Return the policy of a run: as at its start, or as in a checkpoint.

    A run without updates stores no policy: it is always as at its start.

    Args:
        config: the run.
        actions: number of actions offered.
        device: where parameters go.
        checkpoint: directory that the run wrote, if any.

    Raises:
        UserError: if the checkpoint holds another policy, or a user's agent is not one.
    """
    stored = checkpoint if config.updates else None
    policy: Policy = describe_agent(config.agent).make_policy(config, actions, device, stored)
    return policy


def build_learner(
    config: RunConfig,
    policy: Policy,
    actors: Actors,
    demonstrations: Sequence[DemonstrationRecord],
    crew: Crew | None = None,
) -> Learner | None:
    """Return the learner of a run, at its start; None for agents that do not learn.

    Args:
        config: the run.
        policy: which learns.
        actors: where it acts.
        demonstrations: what is imitated, for agents that clone.
        crew: which computes; None is this process alone.
    """
    match config.learner:
        case PPOConfig() as settings:
            return PPOLearner(policy, actors, settings, config.seed, config.updates, crew)
        case QLearningConfig() as settings:
            from glam_eval.policies.drrn import DRRNPolicy
            from glam_eval.training.q_learning import QLearner

            return QLearner(cast("DRRNPolicy", policy), actors, settings, config.seed)
        case CloningConfig() as settings:
            from glam_eval.training.cloning import Cloner

            return Cloner(policy, demonstrations, settings, config.seed, config.updates, crew)
        case _:
            return None
