"""DRRN (He et al., arXiv 1511.04636): a Q value for each action, from GRUs over the prompt and the action."""

from collections.abc import Hashable, Sequence
from typing import cast

import torch
from torch import nn

from glam_eval.config.run import RunConfig
from glam_eval.core.seeds import stream_seed
from glam_eval.core.world import Situation
from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.language_model import PreparedPrompt
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.policies.network import NetworkPolicy, TextEncoder
from glam_eval.policies.scoring.packing import Prompt
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.policies.scoring.tree import Actions

WIDTH = 128  # of embeddings, GRU states and the hidden layer


def build(config: RunConfig, actions: int, device: str) -> "DRRNPolicy":  # noqa: ARG001
    """Return the network of a run at its start; it takes any number of actions."""
    return DRRNPolicy(config.seed).to(device)


class DRRNPolicy(NetworkPolicy):
    """Softmax over Q values, which ``q_values`` gives; its words are the embedded tokenizer's.

    The value of a situation is the mean Q value under the policy.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        tokenizer = embedded_tokenizer()
        self._tokenizer = CachedTokenizer(tokenizer)
        self._actions: dict[tuple[str, ...], Actions] = {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(seed, "model", "q-network"))
            self.words = nn.Embedding(len(tokenizer), WIDTH)
            self.state = TextEncoder(self.words, WIDTH)
            self.action = TextEncoder(self.words, WIDTH)
            self.value = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1))

    def prepare(self, situation: Situation) -> PreparedPrompt:
        """Return a situation's prompt and actions as token ids."""
        actions = self._actions.get(situation.actions)
        if actions is None:
            actions = self._tokenizer.encode_actions(situation.actions)
            self._actions[situation.actions] = actions
        return PreparedPrompt(self._tokenizer.encode_prompt(situation.prompt), actions)

    def cost(self, prepared: PreparedPrompt) -> int:
        """Return the number of prompt tokens."""
        return len(prepared.prompt)

    def key(self, prepared: PreparedPrompt) -> Hashable:
        """Return the tokens of prompt and actions."""
        return prepared.prompt.tobytes(), prepared.actions

    def evaluate(self, inputs: Sequence[PreparedPrompt], memory: torch.Tensor | None = None) -> PolicyOutput:  # noqa: ARG002
        """Return the softmax policy's log-probabilities and the values it expects."""
        values = self.q_values([each.prompt for each in inputs], [each.actions for each in inputs])
        scores = values.log_softmax(dim=1)
        offered = values.isfinite()
        expected = (scores.exp() * values.masked_fill(~offered, 0.0)).sum(dim=1)
        return PolicyOutput(scores, expected)

    def q_values(self, prompts: Sequence[Prompt], actions: Sequence[Actions]) -> torch.Tensor:
        """Return Q values (n, A), -inf where a situation offers fewer actions."""
        phrases = {
            phrase: row for row, phrase in enumerate(dict.fromkeys(p for a in actions for p in a.tokens))
        }
        most = max(len(each.tokens) for each in actions)
        rows = [[phrases[p] for p in a.tokens] + [-1] * (most - len(a.tokens)) for a in actions]
        chosen = torch.tensor(rows, device=self.device)
        states = self.state(cast("list[Sequence[int]]", [prompt.tolist() for prompt in prompts]))
        pairs = torch.cat([states[:, None].expand(-1, most, -1), self.action(phrases)[chosen]], dim=2)
        values: torch.Tensor = self.value(pairs).squeeze(2)
        return values.masked_fill(chosen < 0, -torch.inf)
