"""What the policies with networks of their own share: weights in one safetensors file, words by number."""

import json
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from glam_eval.core.errors import UserError

WEIGHTS_FILE = "policy.safetensors"
FACTS = "glam_eval"  # the metadata entry of what the weights are


class NetworkPolicy(nn.Module):
    """The part of ``base.Policy`` that needs no knowledge of the network.

    ``identity`` names what the weights depend on beside their shapes, for instance a vocabulary: weights made
    with another one are refused.
    """

    memory_size = 0
    cost_at_once = 4096  # inputs: a bound for memory that small networks rarely meet
    identity = ""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def cost(self, prepared: Any) -> int:  # noqa: ARG002
        """Return 1: every input is alike."""
        return 1

    def key(self, prepared: Any) -> Hashable | None:
        """Return None: equal inputs are rare or cheap."""

    def count_parameters(self) -> int:
        """Return the number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def save(self, directory: Path) -> None:
        """Write the weights and the running statistics."""
        state = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        facts = json.dumps({"policy": type(self).__name__, "identity": self.identity})
        # One entry: the order of several differs from process to process, and with it the file's checksum.
        safetensors.torch.save_file(state, directory / WEIGHTS_FILE, {FACTS: facts})

    def load(self, directory: Path) -> None:
        """Restore what ``save`` wrote, exactly.

        Raises:
            UserError: if the directory holds another policy's weights, or ones of another vocabulary.
        """
        file, wanted = directory / WEIGHTS_FILE, type(self).__name__
        if not file.is_file():
            raise UserError(f"{directory} holds no weights of a {wanted}: it has no {WEIGHTS_FILE}")
        with safetensors.safe_open(file, framework="pt") as stored:
            facts = json.loads((stored.metadata() or {}).get(FACTS, "{}"))
        if facts.get("policy") != wanted:
            raise UserError(f"{directory} holds the weights of a {facts.get('policy')}, not of a {wanted}")
        if facts.get("identity") != self.identity:
            raise UserError(f"{directory} was made with another vocabulary than this version's")
        try:
            self.load_state_dict(safetensors.torch.load_file(file))
        except RuntimeError as error:
            raise UserError(f"{directory} holds a {wanted} of another shape") from error


def offered_only(scores: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """Return the first actions' scores (n, largest count), -inf where an input offers fewer.

    Raises:
        UserError: if an input offers more actions than there are scores.
    """
    most = max(counts)
    if most > scores.shape[1]:
        raise UserError(f"{most} actions for a policy of {scores.shape[1]}")
    offered = torch.arange(most) < torch.tensor(list(counts))[:, None]
    return scores[:, :most].masked_fill(~offered.to(scores.device), -torch.inf)


class TextEncoder(nn.Module):
    """The last state of a GRU over word embeddings.

    Args:
        embedding: of words, which several encoders may share.
        hidden: width of the state.
    """

    def __init__(self, embedding: nn.Embedding, hidden: int) -> None:
        super().__init__()
        self.embedding = [embedding]  # in a list, so that it is not this module's own parameter
        self.recurrence = nn.GRU(embedding.embedding_dim, hidden)

    def forward(self, texts: Iterable[Sequence[int]]) -> torch.Tensor:
        """Return (n, hidden) of n texts of word numbers, each of at least one.

        Equal texts are read once, and so is the beginning that all of them share.
        """
        texts = [tuple(text) for text in texts]
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        ends = torch.tensor([len(text) - 1 for text in rows])
        # Padded: backward through a packed sequence takes time quadratic in its length.
        words = pad_sequence([torch.tensor(text) for text in rows]).to(self.embedding[0].weight.device)
        shared = min(int((words == words[:, :1]).all(dim=1).cumprod(dim=0).sum()), int(ends.min()))
        start = None
        if shared:
            _, state = self.recurrence(self.embedding[0](words[:shared, :1]))
            start = state.expand(-1, len(rows), -1).contiguous()
        states, _ = self.recurrence(self.embedding[0](words[shared:]), start)
        last: torch.Tensor = states[ends - shared, torch.arange(len(rows))]
        return last[torch.tensor([rows[text] for text in texts])]
