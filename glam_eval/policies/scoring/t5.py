"""T5's forward pass over packed prompts and action trees, on the Hugging Face module's own weights.

Same numbers as ``T5ForConditionalGeneration`` (no dropout), with less work: no padding, each distinct
prompt encoded once, one decoder pass over the tree of all actions, no cross-attention keys and values.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from glam_eval.policies.scoring.kernels import attend, gated_activation, rms_norm
from glam_eval.policies.scoring.packing import PackedPrompts
from glam_eval.policies.scoring.tree import ActionTrees


def weight_of(linear: Any) -> torch.Tensor:
    """Return a linear layer's weight (out, in), with its LoRA update where ``peft`` wrapped the layer."""
    weight: torch.Tensor = linear.weight
    for adapter in getattr(linear, "active_adapters", ()):
        weight = weight + linear.get_delta_weight(adapter)
    return weight


def relative_position_bucket(
    offsets: torch.Tensor, bidirectional: bool, buckets: int, max_distance: int
) -> torch.Tensor:
    """Return T5's bucket of each offset (key position - query position), int64, same shape.

    Half of the buckets are exact, half logarithmic up to ``max_distance``: Raffel et al. 2020, section 2.1.
    """
    base = torch.zeros_like(offsets)
    if bidirectional:
        buckets //= 2
        base = (offsets > 0).to(torch.int64) * buckets
        distance = offsets.abs()
    else:
        distance = (-offsets).clamp(min=0)
    exact = buckets // 2
    ratio = torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact)
    far = (exact + (ratio * (buckets - exact)).to(torch.int64)).clamp(max=buckets - 1)
    return base + torch.where(distance < exact, distance, far)


class T5Engine:
    """Hidden states of packed prompts' action trees for T5, T5 v1.1, FLAN-T5 and their like.

    Args:
        model: a ``T5ForConditionalGeneration``; its weights are read at every call, never copied.
        gradient_checkpointing: recompute each encoder layer in the backward pass, which saves memory.
        compiled: run encoder layers through ``torch.compile``, which takes a minute once.
    """

    padding_cpu = 0.0
    padding_gpu = 0.05

    def __init__(self, model: Any, gradient_checkpointing: bool = False, compiled: bool = False) -> None:
        self.model = model
        self.config = model.config
        self.start_token = int(model.config.decoder_start_token_id)
        self.checkpointing = gradient_checkpointing
        if compiled:
            self._encoder_layer = torch.compile(self._encoder_layer, dynamic=True)

    @property
    def padding(self) -> float:
        """The share of padding accepted for fewer, larger attention calls."""
        return self.padding_cpu if self.model.device.type == "cpu" else self.padding_gpu

    def __call__(self, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        """Return the decoder's last hidden states at the trees' nodes, (n, N, d_model)."""
        return self.decode(self.encode(prompts), prompts, trees)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the output projection (..., vocabulary) of last hidden states (..., d_model)."""
        if self.config.scale_decoder_outputs:
            hidden = hidden * self.config.d_model**-0.5
        return F.linear(hidden, weight_of(self.model.lm_head))

    def encode(self, prompts: PackedPrompts) -> torch.Tensor:
        """Return the encoder's last hidden states of packed prompts, (T, d_model)."""
        stack = self.model.encoder
        bias = self._encoder_bias(prompts.longest)
        hidden = F.embedding(prompts.tokens, self.model.shared.weight)
        for block in stack.block:
            if self.checkpointing and torch.is_grad_enabled():
                hidden = checkpoint(self._encoder_layer, block, hidden, bias, prompts, use_reentrant=False)
            else:
                hidden = self._encoder_layer(block, hidden, bias, prompts)
        return rms_norm(hidden, stack.final_layer_norm)

    def _encoder_layer(
        self, block: Any, hidden: torch.Tensor, bias: torch.Tensor, prompts: PackedPrompts
    ) -> torch.Tensor:
        attention = block.layer[0].SelfAttention
        normed = rms_norm(hidden, block.layer[0].layer_norm)
        projected = F.linear(normed, self._fused(attention.q, attention.k, attention.v))
        projected = projected.unflatten(1, (3, attention.n_heads, -1))
        attended = []
        for group in prompts.groups:
            query, key, value = group.split(projected).permute(2, 0, 3, 1, 4)  # (count, heads, length, d_kv)
            offsets = bias[:, :, : group.length, : group.length]
            if group.mask is not None:
                offsets = offsets + group.mask
            attended.append(attend(query, key, value, offsets).transpose(1, 2).flatten(0, 1).flatten(1))
        hidden = hidden + F.linear(torch.cat(attended), weight_of(attention.o))
        return hidden + self._feed_forward(block.layer[1], hidden)

    def decode(self, encoded: torch.Tensor, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        """Return the decoder's last hidden states at the nodes, (n, N, d_model), of encoded prompts (T, d_model)."""
        stack = self.model.decoder
        bias = self._tree_bias(trees)
        hidden = F.embedding(trees.tokens, self.model.shared.weight)
        hidden = hidden.expand(prompts.groups[-1].prompts.stop, -1, -1)
        for block in stack.block:
            hidden = hidden + self._tree_attention(block.layer[0], hidden, bias)
            hidden = hidden + self._cross_attention(block.layer[1], hidden, encoded, prompts)
            hidden = hidden + self._feed_forward(block.layer[2], hidden)
        return rms_norm(hidden, stack.final_layer_norm)

    def _tree_attention(self, layer: Any, hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        attention = layer.SelfAttention
        normed = rms_norm(hidden, layer.layer_norm)
        projected = F.linear(normed, self._fused(attention.q, attention.k, attention.v))
        query, key, value = projected.unflatten(2, (3, attention.n_heads, -1)).permute(2, 0, 3, 1, 4)
        attended = attend(query, key, value, bias).transpose(1, 2).flatten(2)
        return F.linear(attended, weight_of(attention.o))

    def _cross_attention(
        self, layer: Any, hidden: torch.Tensor, encoded: torch.Tensor, prompts: PackedPrompts
    ) -> torch.Tensor:
        """Attend to prompts through their encodings themselves: (q W_k) . e = q . (W_k e), and (p E) W_v = p (E W_v).

        A prompt has few nodes and many tokens, so projecting the queries costs nodes / d_kv of projecting keys.
        """
        attention = layer.EncDecAttention
        heads, width = attention.n_heads, attention.key_value_proj_dim
        normed = rms_norm(hidden, layer.layer_norm)
        count, nodes, _ = normed.shape
        query = F.linear(normed, weight_of(attention.q)).view(count * nodes, heads, width).transpose(0, 1)
        key_weight = weight_of(attention.k).view(heads, width, -1)
        value_weight = weight_of(attention.v).view(heads, width, -1)
        query = torch.bmm(query, key_weight).view(heads, count, nodes, -1).permute(1, 2, 0, 3).flatten(1, 2)
        context = []
        for group in prompts.groups:
            states = group.split(encoded)  # (count, length, d_model)
            scores = torch.bmm(query[group.prompts], states.transpose(1, 2)).float()
            if group.mask is not None:
                scores = scores + group.mask[:, 0]
            context.append(torch.bmm(scores.softmax(-1).to(states.dtype), states))
        mixed = torch.cat(context).view(count * nodes, heads, -1).transpose(0, 1)
        attended = torch.bmm(mixed, value_weight.transpose(1, 2)).transpose(0, 1).reshape(count, nodes, -1)
        return F.linear(attended, weight_of(attention.o))

    @staticmethod
    def _feed_forward(layer: Any, hidden: torch.Tensor) -> torch.Tensor:
        dense = layer.DenseReluDense
        normed = rms_norm(hidden, layer.layer_norm)
        if hasattr(dense, "wi_0"):
            inner = F.linear(normed, T5Engine._fused(dense.wi_0, dense.wi_1))
            return F.linear(gated_activation(inner, dense.act), weight_of(dense.wo))
        return F.linear(dense.act(F.linear(normed, weight_of(dense.wi))), weight_of(dense.wo))

    @staticmethod
    def _fused(*linears: Any) -> torch.Tensor:
        """Return the weights of several projections of one input as one matrix."""
        return torch.cat([weight_of(linear) for linear in linears])

    def _encoder_bias(self, length: int) -> torch.Tensor:
        """Return the encoder's position bias, (1, heads, length, length).

        It depends on key - query alone: a row of 2 length values, repeated and read with a stride one shorter.
        """
        table = self.model.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
        offsets = torch.arange(-(length - 1), length + 1, device=table.device)
        row = table[self._buckets(offsets, bidirectional=True)].T
        skewed = row.repeat(1, length)[:, : length * (2 * length - 1)].view(-1, length, 2 * length - 1)
        return skewed[None, :, :, length - 1 :]

    def _tree_bias(self, trees: ActionTrees) -> torch.Tensor:
        """Return the decoder's position bias of depths, -inf between branches, (g, heads, N, N)."""
        table = self.model.decoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
        offsets = trees.depths[:, None, :] - trees.depths[:, :, None]
        bias = table[self._buckets(offsets, bidirectional=False)].permute(0, 3, 1, 2)
        return bias.masked_fill(~trees.visible[:, None], -torch.inf)

    def _buckets(self, offsets: torch.Tensor, bidirectional: bool) -> torch.Tensor:
        config = self.config
        return relative_position_bucket(
            offsets, bidirectional, config.relative_attention_num_buckets, config.relative_attention_max_distance
        )
