"""T5's forward pass over packed prompts and action trees, on the Hugging Face module's own weights.

Same numbers as ``T5ForConditionalGeneration`` (no dropout), with less work: no padding, each distinct
prompt encoded once, one decoder pass over the tree of all actions, no cross-attention keys and values.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from glam_eval.policies.scoring.blocks import is_sharded, within
from glam_eval.policies.scoring.kernels.activations import GELU, gated_activation
from glam_eval.policies.scoring.kernels.choice import WholeLayers, choose_kernels
from glam_eval.policies.scoring.kernels.cross_attention import CrossAttention
from glam_eval.policies.scoring.kernels.self_attention import PositionBias
from glam_eval.policies.scoring.packing import PackedPrompts, lengths_of
from glam_eval.policies.scoring.positions import PositionBuckets
from glam_eval.policies.scoring.tree import ActionTrees
from glam_eval.policies.scoring.weights import weight_of, weights_after

T5_MODELS = frozenset({"t5", "mt5", "umt5"})


def add_projected(hidden: torch.Tensor, inner: torch.Tensor, linear: Any) -> torch.Tensor:
    """Return hidden + linear(inner), in one pass except under autocast; hidden stays float32.

    Args:
        hidden: (T, d_model).
        inner: (T, inputs of the layer).
        linear: a layer without a bias, (d_model, inputs).
    """
    weight = weight_of(linear)
    if torch.is_autocast_enabled(hidden.device.type):
        return hidden + F.linear(inner, weight)
    return torch.addmm(hidden, inner, weight.T)


@contextmanager
def recomputed(tensor: torch.Tensor, compute: Callable[[], torch.Tensor]) -> Iterator[None]:
    """Compute a tensor again in the backward pass of what is done here, instead of keeping it."""

    def keep(saved: torch.Tensor) -> torch.Tensor | Callable[[], torch.Tensor]:
        return compute if saved.data_ptr() == tensor.data_ptr() else saved

    def read(kept: torch.Tensor | Callable[[], torch.Tensor]) -> torch.Tensor:
        return kept if isinstance(kept, torch.Tensor) else kept()

    with torch.autograd.graph.saved_tensors_hooks(keep, read):
        yield


class T5Engine:
    """Hidden states of packed prompts' action trees for T5, T5 v1.1, FLAN-T5, mT5 and UMT5.

    Args:
        model: a ``T5ForConditionalGeneration``, or mT5's or UMT5's, on its device: kernels are chosen for it;
            its weights are read at every call, never copied.
        gradient_checkpointing: recompute each layer in the backward pass, which saves memory.
        compiled: run feed-forward layers through ``torch.compile``, which takes a minute once.

    Raises:
        UserError: if the C kernels can't be compiled or loaded though there is a compiler.
    """

    def __init__(self, model: Any, gradient_checkpointing: bool = False, compiled: bool = False) -> None:
        self.model = model
        self.kernels = choose_kernels(model.device)
        self.config = model.config
        self.start_token = int(model.config.decoder_start_token_id)
        # As the families' own classes do: T5 by a setting, UMT5 where it says tied, mT5 never.
        scaled_as = {"t5": "scale_decoder_outputs", "umt5": "tie_word_embeddings"}.get(self.config.model_type)
        self._scaled = scaled_as is not None and getattr(self.config, scaled_as)
        self._gelu = self.config.is_gated_act and self.config.dense_act_fn == GELU
        self.checkpointing = gradient_checkpointing
        self._encoder_buckets, self._decoder_buckets = (
            PositionBuckets(self.config, bidirectional) for bidirectional in (True, False)
        )
        plain = self._feed_forward
        self.feed_forward = torch.compile(plain, dynamic=True) if compiled else plain

    @property
    def padding(self) -> float:
        """The share of padding accepted for fewer, larger attention calls: none on a CPU."""
        return 0.0 if self.model.device.type == "cpu" else 0.05

    def __call__(self, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        """Return the decoder's last hidden states at the trees' nodes, (n, N, d_model)."""
        return self.decode(self.encode(prompts), prompts, trees)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the output projection (..., vocabulary) of last hidden states (..., d_model)."""
        if self._scaled:
            hidden = hidden * self.config.d_model**-0.5
        return F.linear(hidden, weight_of(self.model.lm_head))

    def encode(self, prompts: PackedPrompts) -> torch.Tensor:
        """Return the encoder's last hidden states of packed prompts, (T, d_model)."""
        stack = self.model.encoder
        hidden = F.embedding(prompts.tokens, self.model.shared.weight).float()
        for block in stack.block:
            attention = block.layer[0].SelfAttention
            if attention.has_relative_attention_bias:  # T5's first layer's, for all; UMT5's each its own
                bias = self._encoder_bias(attention, prompts.longest)
            hidden = self._through(block, self._encoder_layer, hidden, bias, prompts)
        return self._final_norm(stack, hidden)

    def _through(self, block: Any, layer: Callable[..., torch.Tensor], *given: Any) -> torch.Tensor:
        """Return a layer's states, kept for the backward pass or computed again in it."""
        again = self.checkpointing and torch.is_grad_enabled()
        compute = partial(checkpoint, within, use_reentrant=False) if again else within
        states: torch.Tensor = compute(block, layer, *given)
        return states

    def _encoder_layer(
        self, block: Any, hidden: torch.Tensor, bias: PositionBias, prompts: PackedPrompts
    ) -> torch.Tensor:
        layer, dense = block.layer[0], block.layer[1].DenseReluDense
        layers = self._whole_layers(hidden, layer.SelfAttention.inner_dim, dense.wo.in_features)
        if layers is not None:
            return layers.encoder(block, hidden, bias.by_offset, lengths_of(prompts.groups))
        attended = self.kernels.self_attention(self._queries_keys_values(layer, hidden), bias, prompts.groups)
        hidden = add_projected(hidden, attended, layer.SelfAttention.o)
        return self.feed_forward(block.layer[1], hidden)

    def decode(self, encoded: torch.Tensor, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        """Return the decoder's last hidden states at the nodes, (n, N, d_model).

        Args:
            encoded: the prompts' encodings, (T, d_model).
            prompts: n packed prompts.
            trees: their actions, one tree for all or one for each.
        """
        stack = self.model.decoder
        hidden = F.embedding(trees.tokens, self.model.shared.weight).float()
        hidden = hidden.expand(prompts.count, -1, -1)
        hidden = hidden.reshape(-1, hidden.shape[-1])  # (n N, d_model)
        layer = self._decoder_layers(hidden, encoded, prompts)
        for block in stack.block:
            attention = block.layer[0].SelfAttention
            if attention.has_relative_attention_bias:
                bias = self._tree_bias(attention, trees)
            hidden = self._through(block, layer, hidden, bias)
        return self._final_norm(stack, hidden).view(-1, trees.tokens.shape[1], hidden.shape[-1])

    def _decoder_layers(
        self, hidden: torch.Tensor, encoded: torch.Tensor, prompts: PackedPrompts
    ) -> Callable[[Any, torch.Tensor, torch.Tensor], torch.Tensor]:
        """Return what computes each block's states from those before it and a bias."""
        layers = self._whole_layers(hidden, self.config.d_ff)
        if layers is not None:
            lengths = lengths_of(prompts.groups)
            return lambda block, states, bias: layers.decoder(block, states, bias, encoded, lengths)
        return partial(self._decoder_layer, CrossAttention(encoded, prompts.groups))

    def _decoder_layer(
        self, attend: CrossAttention, block: Any, hidden: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        hidden = self._tree_attention(block.layer[0], hidden, bias)
        hidden = self._cross_attention(block.layer[1], hidden, attend)
        return self.feed_forward(block.layer[2], hidden)

    def _tree_attention(self, layer: Any, hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        nodes = bias.shape[-1]
        projected = self._queries_keys_values(layer, hidden)
        projected = projected.view(-1, nodes, *projected.shape[1:])
        query, key, value = projected.permute(2, 0, 3, 1, 4)  # each (n, heads, N, d_kv)
        scores = torch.matmul(query, key.transpose(2, 3)) + bias
        attended = torch.matmul(scores.softmax(-1).to(value.dtype), value)
        return add_projected(hidden, attended.transpose(1, 2).reshape(len(hidden), -1), layer.SelfAttention.o)

    def _cross_attention(self, layer: Any, hidden: torch.Tensor, attend: CrossAttention) -> torch.Tensor:
        """Attend to the encodings e themselves: (q W_k) . e = q . (W_k e), and (p e) W_v = p (e W_v).

        A prompt has few nodes and many tokens: projecting queries costs nodes / d_kv of projecting keys.
        """
        attention = layer.EncDecAttention
        heads, width = attention.n_heads, attention.key_value_proj_dim
        count, nodes = attend.count, len(hidden) // attend.count
        query = self._project(hidden, layer.layer_norm, attention.q).view(-1, heads, width).transpose(0, 1)
        query = torch.bmm(query, weight_of(attention.k).view(heads, width, -1))  # (heads, n N, d_model)
        query = query.view(heads, count, nodes, -1).permute(1, 2, 0, 3).flatten(1, 2)
        mixed = attend(query).view(count * nodes, heads, -1).transpose(0, 1)
        value = torch.bmm(mixed, weight_of(attention.v).view(heads, width, -1).transpose(1, 2))
        return add_projected(hidden, value.transpose(0, 1).flatten(1), attention.o)

    def _whole_layers(self, hidden: torch.Tensor, *widths: int) -> WholeLayers | None:
        takes = self._gelu and not is_sharded(self.model)  # or copies of weights would be kept whole
        return self.kernels.whole_layers(hidden, *widths) if takes else None

    def _project(self, hidden: torch.Tensor, norm: Any, *linears: Any) -> torch.Tensor:
        """Return the linear projections of normalised states (T, d_model), side by side.

        The norm's weight goes into the smaller factor: the projections' where there are many states. Where
        ranks share the weights it never does, for the backward pass would keep the product whole.
        """
        normed = self.kernels.rms_norm(hidden, norm.variance_epsilon)
        if len(hidden) < sum(linear.out_features for linear in linears) or is_sharded(self.model):
            scaled = normed * norm.weight
            return torch.cat([F.linear(scaled, weight_of(linear)) for linear in linears], dim=-1)
        return F.linear(normed, weights_after(norm, *linears))

    def _queries_keys_values(self, layer: Any, hidden: torch.Tensor) -> torch.Tensor:
        """Return the projections of normalised states (T, d_model) as (T, 3, heads, d_kv)."""
        attention = layer.SelfAttention
        projected = self._project(hidden, layer.layer_norm, attention.q, attention.k, attention.v)
        return projected.view(len(hidden), 3, attention.n_heads, -1)

    def _feed_forward(self, layer: Any, hidden: torch.Tensor) -> torch.Tensor:
        dense = layer.DenseReluDense
        if self.config.is_gated_act:
            inner = self._project(hidden, layer.layer_norm, dense.wi_0, dense.wi_1)
            gelu = partial(self.kernels.gated_gelu, inner)
            activate = gelu if self._gelu else partial(gated_activation, inner, dense.act)
        else:
            activate = partial(dense.act, self._project(hidden, layer.layer_norm, dense.wi))
        activated = activate()
        with recomputed(activated, activate):
            return add_projected(hidden, activated, dense.wo)

    def _final_norm(self, stack: Any, hidden: torch.Tensor) -> torch.Tensor:
        norm = stack.final_layer_norm
        normed: torch.Tensor = self.kernels.rms_norm(hidden, norm.variance_epsilon) * norm.weight
        return normed

    def _encoder_bias(self, attention: Any, longest: int) -> PositionBias:
        """Return an encoder layer's position bias."""
        offsets = torch.arange(1 - longest, longest, device=self.model.device)
        return PositionBias(_rows(attention, self._encoder_buckets(offsets)).T)

    def _tree_bias(self, attention: Any, trees: ActionTrees) -> torch.Tensor:
        """Return a decoder layer's position bias of depths, -inf between branches, (g, heads, N, N)."""
        offsets = trees.depths[:, None, :] - trees.depths[:, :, None]
        bias = _rows(attention, self._decoder_buckets(offsets)).permute(0, 3, 1, 2)
        return bias.masked_fill(~trees.visible[:, None], -torch.inf)


def _rows(attention: Any, buckets: torch.Tensor) -> torch.Tensor:
    """Return the position biases of buckets, (..., heads)."""
    rows: torch.Tensor = within(attention.relative_attention_bias, _row_of, buckets)
    return rows


def _row_of(embedding: Any, buckets: torch.Tensor) -> torch.Tensor:
    rows: torch.Tensor = embedding.weight[buckets]
    return rows
