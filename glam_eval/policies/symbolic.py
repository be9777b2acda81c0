"""Symbolic-PPO's policy: convolutions, FiLM and an LSTM on the symbolic grid, the mission through a GRU.

The shapes (arXiv 1810.08272, appendix; Carta et al. 2023, appendix): 3 x 7 x 7, convolved to 128 x 8 x 8,
pooled to 4 x 4, convolved, pooled to 2 x 2, two FiLM blocks, pooled to 128 x 1 x 1. The three channels are
MiniGrid's numbers (type, colour, state) as they are, as in the paper's baseline, whose first convolution has
three input channels; batch normalisation brings them to scale.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from glam_eval.config.run import RunConfig
from glam_eval.core.seeds import stream_seed
from glam_eval.core.world import Situation
from glam_eval.language import speaker
from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.network import NetworkPolicy, TextEncoder, offered_only

WIDTH = 128  # channels, mission state and memory
UNKNOWN = 0  # number of every word outside the vocabulary
STATISTICS_SAMPLES = 1024  # inputs that one refresh of the running statistics reads, at most
STATISTICS_MOMENTUM = 0.1  # weight of a refresh, once there have been ten
_WORD = re.compile(r"\w+")


class PreparedGrid(NamedTuple):
    """A situation as the network reads it."""

    image: NDArray[np.uint8]  # (7, 7, 3)
    mission: tuple[int, ...]
    actions: int  # offered


class FiLM(nn.Module):
    """Convolution, norm, ReLU, convolution, then scale and shift by a condition, norm, ReLU."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.scale = nn.Linear(condition, channels)
        self.shift = nn.Linear(condition, channels)
        self.second_norm = nn.BatchNorm2d(channels)

    def forward(self, image: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Return (n, channels, h, w) of an image of that shape and a condition (n, condition)."""
        image = self.second(F.relu(self.first_norm(self.first(image))))
        image = image * self.scale(condition)[:, :, None, None] + self.shift(condition)[:, :, None, None]
        return F.relu(self.second_norm(image))


def build(config: RunConfig, actions: int, device: str) -> "SymbolicPolicy":
    """Return the network of a run at its start, which knows the words of the run's language."""
    world = config.environment
    return SymbolicPolicy(actions, world.language, world.shift, config.seed).to(device)


class SymbolicPolicy(NetworkPolicy):
    """A recurrent policy on the symbolic view; its memory is the LSTM's state, hidden then cell.

    Batch normalisation always uses its running statistics, in rollouts and in updates, so that both see one
    policy and the first ratio of an update is 1. ``refresh_statistics`` renews them after an update.

    Args:
        actions: outputs of the actor.
        language, shift: whose words missions are made of; all other words are one unknown word.
        seed: of the weights.
    """

    memory_size = 2 * WIDTH

    def __init__(self, actions: int, language: str = "en", shift: str = "none", seed: int = 0) -> None:
        super().__init__()
        words = sorted(speaker(language, shift).words())
        self.identity = json.dumps(words)
        self._vocabulary = {word: number for number, word in enumerate(words, start=UNKNOWN + 1)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(seed, "model", "symbolic"))
            self.words = nn.Embedding(len(words) + 1, WIDTH)
            self.mission = TextEncoder(self.words, WIDTH)
            self.view = nn.Sequential(
                nn.Conv2d(3, WIDTH, 2, padding=1), nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.MaxPool2d(2),
            )  # fmt: skip
            self.blocks = nn.ModuleList(FiLM(WIDTH, WIDTH) for _ in range(2))
            self.memory = nn.LSTMCell(WIDTH, WIDTH)
            self.actor = nn.Sequential(nn.Linear(WIDTH, 64), nn.Tanh(), nn.Linear(64, actions))
            self.critic = nn.Sequential(nn.Linear(WIDTH, 64), nn.Tanh(), nn.Linear(64, 1))
        self._norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in self._norms:
            norm.eval()

    def prepare(self, situation: Situation) -> PreparedGrid:
        """Return the view, the mission's words by number, and the number of actions offered."""
        seen = situation.observation
        words = tuple(self._vocabulary.get(word, UNKNOWN) for word in _WORD.findall(seen.mission))
        hidden = (UNKNOWN,)  # what stands for a goal that is not told: its encoder reads one word at least
        return PreparedGrid(seen.image, words or hidden, len(situation.actions))

    def evaluate(self, inputs: Sequence[PreparedGrid], memory: torch.Tensor | None = None) -> PolicyOutput:
        """Return log-probabilities, values and the memory after this step, where the given memory was."""
        before = torch.zeros(len(inputs), self.memory_size) if memory is None else memory
        hidden, cell = self.memory(self._seen_once(inputs), tuple(before.to(self.device).chunk(2, dim=1)))
        answer = self._answer(hidden, inputs)
        return replace(answer, memory=torch.cat([hidden, cell], dim=1).to(before.device))

    def evaluate_sequences(
        self, inputs: Sequence[Sequence[PreparedGrid]], memory: torch.Tensor, continues: torch.Tensor
    ) -> PolicyOutput:
        """Return log-probabilities and values of all steps: only the memory goes step by step."""
        flat = [each for step in inputs for each in step]
        hidden, cell = memory.to(self.device).chunk(2, dim=1)
        states = []
        views = self._seen_once(flat).view(len(inputs), -1, WIDTH).unbind()
        for seen, goes_on in zip(views, continues.to(self.device), strict=True):
            hidden, cell = self.memory(seen, (hidden, cell))
            states.append(hidden)
            hidden, cell = hidden * goes_on[:, None], cell * goes_on[:, None]
        return self._answer(torch.cat(states), flat)

    def _answer(self, hidden: torch.Tensor, inputs: Sequence[PreparedGrid]) -> PolicyOutput:
        scores = offered_only(self.actor(hidden), [each.actions for each in inputs])
        return PolicyOutput(scores.log_softmax(dim=1), self.critic(hidden).squeeze(1))

    def _seen_once(self, inputs: Sequence[PreparedGrid]) -> torch.Tensor:
        """Return ``_seen`` of the inputs, equal ones computed once: many actions change nothing."""
        keys = [(each.image.tobytes(), each.mission) for each in inputs]
        distinct = dict(zip(keys, inputs, strict=True))
        rows = {key: row for row, key in enumerate(distinct)}
        return self._seen(list(distinct.values()))[torch.tensor([rows[key] for key in keys])]

    def _seen(self, inputs: Sequence[PreparedGrid]) -> torch.Tensor:
        """Return what of view and mission reaches the memory, (n, 128)."""
        images = torch.from_numpy(np.stack([each.image for each in inputs])).to(self.device)
        image = self.view(images.permute(0, 3, 2, 1).float())  # channels, rows, columns
        mission = self.mission([each.mission for each in inputs])
        for block in self.blocks:
            image = block(image, mission)
        return F.max_pool2d(image, 2).flatten(1)

    @torch.no_grad()
    def refresh_statistics(self, inputs: Sequence[PreparedGrid]) -> None:
        """Bring the running statistics nearer to those of a batch of inputs."""
        step = -(-len(inputs) // STATISTICS_SAMPLES)
        for norm in self._norms:
            tracked = 0 if norm.num_batches_tracked is None else int(norm.num_batches_tracked)
            norm.momentum = max(STATISTICS_MOMENTUM, 1 / (1 + tracked))
            norm.train()
        self._seen(inputs[::step])
        for norm in self._norms:
            norm.eval()
