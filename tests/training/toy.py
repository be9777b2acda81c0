"""Small policies for tests of the learner."""

import torch
from torch import nn

from glam_eval.policies.base import PolicyOutput


class LinearPolicy(nn.Module):
    """Linear actor and critic over feature vectors."""

    memory_size = 0

    def __init__(self, features=5, actions=3, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.actor = nn.Parameter(torch.randn(features, actions, generator=generator))
        self.critic = nn.Parameter(torch.randn(features, generator=generator))

    def cost(self, prepared):
        return 1 + int(prepared.abs().sum() * 3) % 7

    def evaluate(self, inputs, memory=None):
        batch = torch.stack(list(inputs))
        return PolicyOutput((batch @ self.actor).log_softmax(1), batch @ self.critic)


class RecurrentPolicy(nn.Module):
    """A GRU over feature vectors."""

    memory_size = 4

    def __init__(self, features=5, actions=3, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.cell = nn.GRUCell(features, self.memory_size)
        self.actor = nn.Linear(self.memory_size, actions)
        self.critic = nn.Linear(self.memory_size, 1)

    def cost(self, prepared):
        return 1

    def evaluate(self, inputs, memory=None):
        memory = self.cell(torch.stack(list(inputs)), memory)
        return PolicyOutput(self.actor(memory).log_softmax(1), self.critic(memory).squeeze(1), memory)
