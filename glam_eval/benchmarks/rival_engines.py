"""The engine's work as others do it, on the same weights, to compare with.

``plain_evaluate`` is what the field's standard stack does: a batch padded to its longest prompt and encoded
once, then the decoder once for each action. ``padded_evaluate`` is what careful code on Hugging Face's
modules does: one tree of all actions, cross-attention's keys and values once, torch's own attention.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers.modeling_outputs import BaseModelOutput

from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.language_model import LanguageModelPolicy, PreparedPrompt
from glam_eval.policies.models.estimate import tokens_at_once
from glam_eval.policies.scoring.decoder_only.one_by_one import CausalEngine
from glam_eval.policies.scoring.edges import reduce_edges
from glam_eval.policies.scoring.scores import Scorer
from glam_eval.policies.scoring.tree import ActionTrees, build_tree


def plain_evaluate(policy: LanguageModelPolicy, inputs: Sequence[PreparedPrompt]) -> PolicyOutput:
    """Return what the policy's ``evaluate`` returns, for one list of actions."""
    model = policy.model
    if not model.config.is_encoder_decoder:
        return _plain_causal(policy, inputs)
    ids, mask = _padded(policy, inputs)
    scores = []
    with _autocast(policy):
        states = model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        for action in inputs[0].actions.tokens:
            target = torch.tensor(action, device=model.device)
            fed = target.roll(1)
            fed[0] = model.config.decoder_start_token_id
            output = model(
                encoder_outputs=BaseModelOutput(last_hidden_state=states),
                attention_mask=mask,
                decoder_input_ids=fed.expand(len(ids), -1),
                output_hidden_states=True,
                use_cache=False,
            )
            chosen = output.logits.float().log_softmax(-1).gather(2, target.expand(len(ids), -1)[..., None])
            scores.append(chosen.sum((1, 2)))
    return _output(policy, torch.stack(scores, dim=1), output.decoder_hidden_states[-1][:, 0])


class PromptByPrompt:
    """A decoder-only policy as before prefixes were shared: equal prompts once, others from their start."""

    def __init__(self, policy: LanguageModelPolicy) -> None:
        self._policy = policy
        self.key, self.cost = policy.key, policy.cost
        config = policy.model.config
        self.cost_at_once = tokens_at_once(config.hidden_size, config.num_hidden_layers)
        half, engine = policy.config.precision == "bfloat16", CausalEngine(policy.model)
        self._scorer = Scorer(policy.model, engine, policy.config.normalization, half)

    def evaluate(self, inputs: Sequence[PreparedPrompt], _: torch.Tensor | None = None) -> PolicyOutput:
        """Return what the policy's ``evaluate`` returns, where it has a critic and scores actions."""
        prompts, actions = zip(*inputs, strict=True)
        return _output(self._policy, *self._scorer.run(prompts, actions))


def _plain_causal(policy: LanguageModelPolicy, inputs: Sequence[PreparedPrompt]) -> PolicyOutput:
    """Return the same for a decoder-only model, which reads the whole text of prompt and action each time."""
    scores, rows = [], torch.arange(len(inputs))
    first = torch.tensor([len(each.prompt) - 1 for each in inputs])  # it predicts the action's first token
    with _autocast(policy):
        for action in inputs[0].actions.tokens:
            texts = [np.append(each.prompt, action).astype(np.int32) for each in inputs]
            ids, mask = _padded(policy, [PreparedPrompt(text, inputs[0].actions) for text in texts])
            output = policy.model(
                input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False
            )
            given = torch.stack([output.logits[rows, first + place] for place in range(len(action))], dim=1)
            target = torch.tensor(action, device=ids.device).expand(len(inputs), -1)[..., None]
            scores.append(given.float().log_softmax(-1).gather(2, target).sum((1, 2)))
    return _output(policy, torch.stack(scores, dim=1), output.hidden_states[-1][rows, first])


def padded_evaluate(policy: LanguageModelPolicy, inputs: Sequence[PreparedPrompt]) -> PolicyOutput:
    """Return what the policy's ``evaluate`` returns, for T5 v1.1 and one list of actions."""
    model = policy.model
    ids, mask = _padded(policy, inputs)
    tree = build_tree(inputs[0].actions, model.config.decoder_start_token_id).to(model.device)
    with _autocast(policy):
        beyond = torch.zeros(mask.shape, device=model.device)
        beyond = beyond.masked_fill(mask == 0, -torch.inf)[:, None, None]
        first = model.encoder.block[0].layer[0].SelfAttention
        bias = first.compute_bias(ids.shape[1], ids.shape[1]) + beyond
        states = model.shared(ids)
        for block in model.encoder.block:
            attention, dense = block.layer
            states = states + _attend(attention.SelfAttention, attention.layer_norm(states), None, bias)
            states = states + dense.DenseReluDense(dense.layer_norm(states))
        states = model.encoder.final_layer_norm(states)
        bias = _tree_bias(model, tree)
        nodes = model.shared(tree.tokens).expand(len(ids), -1, -1)
        for block in model.decoder.block:
            attention, across, dense = block.layer
            nodes = nodes + _attend(attention.SelfAttention, attention.layer_norm(nodes), None, bias)
            nodes = nodes + _attend(across.EncDecAttention, across.layer_norm(nodes), states, beyond)
            nodes = nodes + dense.DenseReluDense(dense.layer_norm(nodes))
        nodes = model.decoder.final_layer_norm(nodes)
        scores = reduce_edges(model.lm_head(nodes), tree, "sum")
    return _output(policy, scores, nodes[:, 0].float())


def _attend(
    attention: Any, states: torch.Tensor, others: torch.Tensor | None, mask: torch.Tensor
) -> torch.Tensor:
    """Return attention's output for normalised states, to themselves or to others."""
    others = states if others is None else others
    query, key, value = (
        linear(each).unflatten(-1, (attention.n_heads, -1)).transpose(1, 2)
        for linear, each in ((attention.q, states), (attention.k, others), (attention.v, others))
    )
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask.to(query.dtype), scale=1.0)
    output: torch.Tensor = attention.o(mixed.transpose(1, 2).flatten(2))
    return output


def _tree_bias(model: Any, tree: ActionTrees) -> torch.Tensor:
    """Return the decoder's position bias of depths, -inf between branches, (1, heads, N, N)."""
    attention = model.decoder.block[0].layer[0].SelfAttention
    buckets = attention._relative_position_bucket(
        tree.depths[:, None, :] - tree.depths[:, :, None],
        bidirectional=False,
        num_buckets=attention.relative_attention_num_buckets,
        max_distance=attention.relative_attention_max_distance,
    )
    bias: torch.Tensor = attention.relative_attention_bias(buckets).permute(0, 3, 1, 2)
    return bias.masked_fill(~tree.visible[:, None], -torch.inf)


def _padded(
    policy: LanguageModelPolicy, inputs: Sequence[PreparedPrompt]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the prompts' tokens, padded at their ends, and 1 where there is one; both (n, longest)."""
    device = policy.model.device
    prompts = [torch.from_numpy(each.prompt.astype(np.int64)) for each in inputs]
    ids = pad_sequence(prompts, batch_first=True).to(device)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    return ids, (torch.arange(ids.shape[1], device=device) < lengths[:, None]).long()


def _output(policy: LanguageModelPolicy, scores: torch.Tensor, roots: torch.Tensor) -> PolicyOutput:
    return PolicyOutput(scores.log_softmax(dim=1), policy.heads["value"](roots).squeeze(1))


def _autocast(policy: LanguageModelPolicy) -> AbstractContextManager[Any]:
    half = policy.config.precision == "bfloat16"
    return torch.autocast(policy.model.device.type, torch.bfloat16, enabled=half)
