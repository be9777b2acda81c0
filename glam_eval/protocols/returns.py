"""What critics say, in the unit of what is obtained: discounted, unscaled return."""

import math

from glam_eval.config.learners import QLearningConfig
from glam_eval.config.ppo import PPOConfig
from glam_eval.config.run import RunConfig


def _learner(run: RunConfig) -> PPOConfig | QLearningConfig | None:
    """Return the settings of a learner that trains a critic, None for the other agents."""
    return run.learner if isinstance(run.learner, PPOConfig | QLearningConfig) else None


def unscaled_value(run: RunConfig, value: float) -> float:
    """Return a policy's value without the learner's scale of rewards; NaN where no critic is trained."""
    learner = _learner(run)
    return value / learner.reward_scale if learner else math.nan


def discounted_return(run: RunConfig, episode_return: float, length: int) -> float:
    """Return what the first step's value estimates; the reward comes with the last of ``length`` steps."""
    learner = _learner(run)
    return learner.discount ** (length - 1) * episode_return if learner else math.nan
