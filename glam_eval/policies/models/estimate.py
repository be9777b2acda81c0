"""What a model of known shape needs, without its weights: parameters, memory, operations, speed."""

from dataclasses import dataclass

import torch

from glam_eval.policies.models.counting import CountedShape, find_shape
from glam_eval.policies.models.gemm import matrix_rate
from glam_eval.policies.models.shapes import T5Shape
from glam_eval.policies.models.tokenizer import embedded_tokenizer

RELATIVE_BUCKETS = 32  # T5's table of position biases
Shape = T5Shape | CountedShape
BYTES = {"float32": 4, "bfloat16": 2}
QUANTIZED_BYTES = {"8bit": 1 + 4 / 64, "4bit": 0.5 + 4 / 64}  # with a scale of 4 bytes for each 64 weights
ROLLOUT_TOKENS = 8192  # of one batch without gradients, as in ``scoring.scores``
UPDATE_TOKENS = 2304  # of one with: products at full speed, and FLAN-T5-small's update in 3 GB
UPDATE_NODES = 900  # of a decoder-only model's tree: SmolLM2's activations are 1 GB in bfloat16
UPDATE_STATES = 5_600_000  # of small models more, up to 256 MiB: about 12 floats are kept of each state
# Bytes of each state where torch's operations keep what they like: over twice what SmolLM2's update takes on
# a processor in float32 (3.6 GiB, of which weights and moments are 2.2 GB, for 900 nodes).
STATE_BYTES = 256


@dataclass(frozen=True, slots=True)
class Workload:
    """The prompts that costs are counted for; the defaults are the paper's setting."""

    batch: int = 64  # prompts of a gradient step
    tokens: int = 240  # of a prompt: three observations of 6 to 9 sentences
    nodes: int = 6  # of the tree of the canonical actions
    micro_batch_tokens: int | None = None  # whose activations an update holds at once; None: the default
    epochs: int = 4  # passes of PPO over a batch


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """A model's costs under a workload; memory is keyed by precision, in bytes."""

    name: str
    parameters: int
    forward_flops: float  # of one prompt
    frame_flops: float  # of one environment step: its score, and its share of the epochs' updates
    rollout_memory: dict[str, int]
    update_memory: dict[str, int]
    matrix_rates: dict[str, float]  # measured on this machine, operations a second
    frames_per_second: dict[str, float]  # at those rates: a limit that training approaches from below


def tokens_at_once(states: int, layers: int, room: int | None = None) -> int:
    """Return how many tokens' activations an update holds at once by default.

    Args:
        states: width of the model.
        layers: depth of the model.
        room: bytes for activations where that is known, as on a GPU, which many tokens keep busy.
    """
    return max(UPDATE_TOKENS, _states_at_once(room) // (states * layers))


def nodes_at_once(states: int, layers: int, room: int | None = None) -> int:
    """Return how many nodes of a tree of prompts an update holds at once, as ``tokens_at_once`` does."""
    return max(UPDATE_NODES, _states_at_once(room) // (states * layers))


def _states_at_once(room: int | None) -> int:
    return UPDATE_STATES if room is None else max(UPDATE_STATES, room // STATE_BYTES)


def vocabulary_of(shape: Shape) -> int:
    """Return the number of rows of a model's embeddings."""
    return shape.vocabulary or len(embedded_tokenizer())


def count_parameters(shape: Shape) -> int:
    """Return the number of parameters: of T5 v1.1 with untied output embeddings, of others as counted."""
    if isinstance(shape, CountedShape):
        return shape.parameters
    d, inner = shape.d_model, shape.heads * shape.d_kv
    attention, feed_forward = 4 * d * inner, 3 * d * shape.d_ff
    encoder = shape.layers * (attention + feed_forward + 2 * d) + d
    decoder = shape.layers * (2 * attention + feed_forward + 3 * d) + d
    return 2 * vocabulary_of(shape) * d + encoder + decoder + 2 * RELATIVE_BUCKETS * shape.heads


def forward_flops(shape: Shape, tokens: float, nodes: int) -> float:
    """Return the operations (a multiply-add is two) that scoring all actions of one prompt takes.

    The encoder over its tokens, the decoder over the tree's nodes, cross-attention on the encodings
    themselves, the output projection at every node.

    Args:
        shape: of the model.
        tokens: of the prompt.
        nodes: of the tree of its actions.
    """
    if isinstance(shape, CountedShape):
        return shape.forward_flops(tokens, nodes)
    d, inner, ff = shape.d_model, shape.heads * shape.d_kv, shape.d_ff
    dense = 2 * d * (4 * inner + 3 * ff)
    encoder = tokens * dense + 4 * tokens**2 * inner
    cross = nodes * (8 * d * inner + 4 * shape.heads * tokens * d)
    decoder = nodes * dense + 4 * nodes**2 * inner + cross
    return shape.layers * (encoder + decoder) + 2 * nodes * d * vocabulary_of(shape)


def _activation_bytes(shape: Shape, precision: str) -> float:
    """Return the bytes that the backward pass keeps of one prompt token, in all layers."""
    inner = shape.heads * shape.d_kv
    kept = 4 * inner + 2 * shape.d_ff
    return shape.layers * (kept * BYTES[precision] + 2 * shape.d_model * 4)


def _logit_bytes(shape: Shape, work: Workload, tokens: float) -> float:
    """Return the bytes of logits and log-probabilities at the nodes of ``tokens`` worth of prompts."""
    return 2 * 4 * vocabulary_of(shape) * work.nodes * tokens / work.tokens


def weight_bytes(shape: Shape, precision: str, learning: bool, quantization: str = "none") -> float:
    """Return the bytes of a model's weights with all that is kept beside them.

    Args:
        shape: of the model.
        precision: float32 or bfloat16, for which there is a copy to compute with.
        learning: whether they learn, and so have gradients and Adam's moments; frozen ones have none.
        quantization: of the linear layers: none, 8bit or 4bit.
    """
    each = 4 + (0 if precision == "float32" else 2) + (12 if learning else 0)
    if quantization == "none":
        return count_parameters(shape) * each
    embeddings = shape.d_model * vocabulary_of(shape)
    return embeddings * each + (count_parameters(shape) - embeddings) * QUANTIZED_BYTES[quantization]


def _rollout_bytes(shape: Shape, work: Workload, weights: float) -> float:
    tokens = min(ROLLOUT_TOKENS, work.batch * work.tokens)
    width = 4 * shape.d_model + 4 * shape.heads * shape.d_kv + 3 * shape.d_ff
    return weights + 4 * tokens * width + _logit_bytes(shape, work, tokens)


def _update_bytes(shape: Shape, work: Workload, precision: str, weights: float) -> float:
    tokens = work.micro_batch_tokens or tokens_at_once(shape.d_model, shape.layers)
    tokens = min(tokens, work.batch * work.tokens)
    return weights + tokens * _activation_bytes(shape, precision) + _logit_bytes(shape, work, tokens)


def memory_bytes(
    shape: Shape, work: Workload, precision: str, learning: bool, weights: float | None = None
) -> int:
    """Return the bytes that a model takes: weights, optimiser, activations, logits.

    Args:
        shape: of the model.
        work: the prompts, their actions, and how many at once.
        precision: float32 or bfloat16.
        learning: whether it learns, or acts only.
        weights: ``weight_bytes``, where not all of them learn as they are.
    """
    if weights is None:
        weights = weight_bytes(shape, precision, learning)
    if learning:
        return round(_update_bytes(shape, work, precision, weights))
    return round(_rollout_bytes(shape, work, weights))


def describe(name: str, work: Workload | None = None, device: str | torch.device = "cpu") -> ModelDescription:
    """Return what a model needs, measuring this machine's matrix rate.

    Args:
        name: of a model whose shape is known, or a directory.
        work: what is counted.
        device: whose rate is measured.

    Raises:
        UserError: for any other name, or a directory without a model that is supported.
    """
    shape, work = find_shape(name), work or Workload()
    forward = forward_flops(shape, work.tokens, work.nodes)
    frame = forward * (1 + 3 * work.epochs)  # a backward pass is two forward passes
    rates = {precision: matrix_rate(precision, device) for precision in BYTES}
    return ModelDescription(
        name=name,
        parameters=count_parameters(shape),
        forward_flops=forward,
        frame_flops=frame,
        rollout_memory={precision: memory_bytes(shape, work, precision, False) for precision in BYTES},
        update_memory={precision: memory_bytes(shape, work, precision, True) for precision in BYTES},
        matrix_rates=rates,
        frames_per_second={precision: rate / frame for precision, rate in rates.items()},
    )
