"""An agent of your own: it walks ahead while nothing is in the way, and turns left where something is.

Install this folder (`pip install examples/walker`) and name the agent in a suite: `agent = "walker"`.
A policy with parameters and learner "ppo" in place of "none" is trained and resumed as well.
"""

import torch

from glam_eval.config.agents import Agent
from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.baselines import FixedPolicy


class WalkerPolicy(FixedPolicy):
    """Reads the sentences of the observation; has no parameters, so nothing to save."""

    def prepare(self, situation):
        """Return the action it likes, and how many are offered."""
        blocked = any(" 1 step forward" in sentence for sentence in situation.observation.sentences)
        return (0 if blocked else 2), len(situation.actions)

    def evaluate(self, inputs, memory=None):  # noqa: ARG002
        """Return log-probabilities (n, actions), -inf where an action is not offered, and values (n,)."""
        scores = torch.full((len(inputs), max(count for _, count in inputs)), -torch.inf)
        for row, (liked, count) in enumerate(inputs):
            scores[row, :count] = 0.0
            scores[row, liked] = 4.0
        return PolicyOutput(scores.log_softmax(dim=1), torch.zeros(len(inputs)))


WALKER = Agent(
    "walker",
    "Walker",
    "walks ahead, turns at walls",
    "none",
    build=lambda *_: WalkerPolicy(),
)
