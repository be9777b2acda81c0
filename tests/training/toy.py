"""Small policies for tests of the learner."""

import torch
from torch import nn

from glam_eval.policies.base import PolicyOutput
from glam_eval.training.advantages import generalized_advantages


class LinearPolicy(nn.Module):
    """Linear actor and critic over feature vectors."""

    memory_size = 0
    cost_at_once = 4096

    def __init__(self, features=5, actions=3, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.actor = nn.Parameter(torch.randn(features, actions, generator=generator))
        self.critic = nn.Parameter(torch.randn(features, generator=generator))

    def cost(self, prepared):
        return 1 + int(prepared.abs().sum() * 3) % 7

    def key(self, prepared):
        return None

    def count_parameters(self):
        return sum(each.numel() for each in self.parameters())

    def evaluate(self, inputs, memory=None):
        batch = torch.stack(list(inputs))
        return PolicyOutput((batch @ self.actor).log_softmax(1), batch @ self.critic)


class RecurrentPolicy(nn.Module):
    """A GRU over feature vectors."""

    memory_size = 4
    cost_at_once = 4096

    def __init__(self, features=5, actions=3, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.cell = nn.GRUCell(features, self.memory_size)
        self.actor = nn.Linear(self.memory_size, actions)
        self.critic = nn.Linear(self.memory_size, 1)

    def cost(self, prepared):
        return 1

    def key(self, prepared):
        return None

    def count_parameters(self):
        return sum(each.numel() for each in self.parameters())

    def evaluate(self, inputs, memory=None):
        memory = self.cell(torch.stack(list(inputs)), memory)
        return PolicyOutput(self.actor(memory).log_softmax(1), self.critic(memory).squeeze(1), memory)


def independent_update(policy, rollout, settings):
    """One full-batch step written out: per-sample loops, no shared code with the learner."""
    advantages, returns = generalized_advantages(
        rollout.rewards,
        rollout.values,
        rollout.ends,
        rollout.last_values,
        settings.discount,
        settings.gae_lambda,
    )
    optimizer = torch.optim.Adam(
        policy.parameters(), lr=settings.learning_rate, betas=settings.adam_betas, eps=settings.adam_epsilon
    )
    steps, slots = rollout.actions.shape
    total = torch.zeros(())
    for n in range(slots):
        memory = torch.zeros(1, policy.memory_size) if policy.memory_size else None
        for t in range(steps):
            output = policy.evaluate([rollout.inputs[t][n]], memory)
            score = output.log_probabilities[0, rollout.actions[t, n]]
            ratio = torch.exp(score - float(rollout.log_probabilities[t, n]))
            advantage = float(advantages[t, n])
            surrogate = min(ratio * advantage, ratio.clamp(1 - settings.clip, 1 + settings.clip) * advantage)
            value, old = output.values[0], float(rollout.values[t, n])
            near = old + (value - old).clamp(-settings.value_clip, settings.value_clip)
            target = float(returns[t, n])
            value_loss = max((value - target) ** 2, (near - target) ** 2)
            entropy = torch.distributions.Categorical(logits=output.log_probabilities[0]).entropy()
            total = total - surrogate + settings.value_coefficient * value_loss
            total = total - settings.entropy_coefficient * entropy
            if output.memory is not None:
                memory = output.memory * (not rollout.ends[t, n])
    (total / (steps * slots)).backward()
    torch.nn.utils.clip_grad_norm_(list(policy.parameters()), settings.max_grad_norm)
    optimizer.step()
