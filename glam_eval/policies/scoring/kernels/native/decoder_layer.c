/* A whole layer of T5's decoder over the trees of some prompts: all their nodes at once but in attention.
 *
 * Cross-attention is to the encodings themselves, as in t5.py: q . (W_k e) = (q W_k) . e and p (e W_v) = (p e) W_v.
 */
#include "attention.h"
#include "cross_attention.h"
#include "dense.h"
#include "products.h"
#include "tree_attention.h"

typedef struct {
  Cross cross;
  Dense dense;
  DecoderActivations kept; /* where none are asked for */
  float *to_later, *to_values, *to_mixed, *to_turned, *to_queries, *to_middle, *to_attended, *to_projected, *to_scores;
  Scratch scratch;
} Work;

static int open_work(Work *own, const DecoderLayer *layer, int64_t prompts, int keep, int backward) {
  const Shape *shape = &layer->prompts;
  const int64_t rows = prompts * layer->nodes, queries = layer->nodes * shape->heads;
  const int64_t all = shape->heads * shape->width, turned = shape->heads * layer->states;
  const int64_t here = keep ? 0 : rows, back = backward ? rows : 0;
  const Part parts[] = {
      {&own->kept.projected, 3 * all * here},
      {&own->kept.probabilities, rounded(layer->nodes, 16) * (keep ? 0 : layer->nodes)},
      {&own->kept.attended, all * here},
      {&own->kept.middle, layer->states * here},
      {&own->kept.queries, all * here},
      {&own->kept.turned, turned * here},
      {&own->kept.mixed, turned * here},
      {&own->kept.values, all * here},
      {&own->kept.later, layer->states * here},
      {&own->kept.inner, 2 * layer->inner * here},
      {&own->kept.shares, rounded(queries, 16) * (keep ? 0 : shape->longest)},
      {&own->to_later, layer->states * back},
      {&own->to_values, all * back},
      {&own->to_mixed, turned * back},
      {&own->to_turned, turned * back},
      {&own->to_queries, all * back},
      {&own->to_middle, layer->states * back},
      {&own->to_attended, all * back},
      {&own->to_projected, 3 * all * back},
      {&own->to_scores, layer->nodes},
  };
  if (open_scratch(&own->scratch, parts, sizeof parts / sizeof *parts)) return 1;
  if (!open_dense(&own->dense, rows, layer->states, layer->inner, backward)) {
    if (!open_cross(&own->cross, queries, layer->states, shape->longest)) return 0;
    close_dense(&own->dense);
  }
  close_scratch(&own->scratch);
  return 1;
}

static void close_work(Work *own) {
  close_cross(&own->cross);
  close_dense(&own->dense);
  close_scratch(&own->scratch);
}

/* Where the activations of a prompt and of those behind it lie. */
static DecoderActivations activations_of(const DecoderLayer *layer, const DecoderActivations *kept, int64_t prompt) {
  const int64_t heads = layer->prompts.heads, all = heads * layer->prompts.width, row = prompt * layer->nodes;
  const int64_t turned = heads * layer->states, tokens = start_of(&layer->prompts, prompt);
  return (DecoderActivations){
      .projected = kept->projected + 3 * all * row,
      .probabilities = kept->probabilities + heads * rounded(layer->nodes, 16) * row,
      .attended = kept->attended + all * row,
      .middle = kept->middle + layer->states * row,
      .queries = kept->queries + all * row,
      .turned = kept->turned + turned * row,
      .mixed = kept->mixed + turned * row,
      .values = kept->values + all * row,
      .later = kept->later + layer->states * row,
      .inner = kept->inner + 2 * layer->inner * row,
      .shares = kept->shares + rounded(layer->nodes * heads, 16) * tokens,
  };
}

static Tree tree_of(const DecoderLayer *layer) {
  const int64_t all = layer->prompts.heads * layer->prompts.width;
  return (Tree){layer->nodes, layer->prompts.width, 3 * all, all};
}

/* Where a prompt's and a head's position bias lies. */
static int64_t bias_of(const DecoderLayer *layer, int64_t prompt, int64_t head) {
  return ((layer->biases > 1 ? prompt : 0) * layer->prompts.heads + head) * layer->nodes * layer->nodes;
}

int decoder_layer_forward(int64_t first, int64_t last, const DecoderLayer *layer, const DecoderWeights *transposed,
                          const float *bias, const float *encoded, const float *hidden, const DecoderActivations *kept,
                          float *out) {
  const Shape *shape = &layer->prompts;
  const int64_t states = layer->states, heads = shape->heads, width = shape->width, all = heads * width;
  const int64_t nodes = layer->nodes, rows = (last - first) * nodes, turned = heads * states;
  Work own;
  if (open_work(&own, layer, last - first, kept != 0, 0)) return 1;
  const DecoderActivations now = kept ? activations_of(layer, kept, first) : own.kept;
  const Tree tree = tree_of(layer);
  hidden += first * nodes * states, out += first * nodes * states, encoded += start_of(shape, first) * states;
  project(&own.dense, rows, 3 * all, layer->epsilon[0], hidden, transposed->queries_keys_values, now.projected);
  for (int64_t prompt = 0; prompt < last - first; prompt++)
    for (int64_t head = 0; head < heads; head++)
      attend_in_tree(&tree, now.projected + 3 * all * prompt * nodes + head * width,
                     bias + bias_of(layer, first + prompt, head),
                     now.probabilities + (kept ? (prompt * heads + head) * nodes * rounded(nodes, 16) : 0),
                     now.attended + all * prompt * nodes + head * width);
  add_projected(rows, states, all, hidden, now.attended, transposed->from_attention, now.middle);
  project(&own.dense, rows, all, layer->epsilon[1], now.middle, transposed->queries, now.queries);
  for (int64_t head = 0; head < heads; head++)
    product(rows, states, width, now.queries + head * width, all, transposed->keys + head * width * states, states,
            now.turned + head * states, turned);
  for (int64_t prompt = 0, start = 0; prompt < last - first; start += own.cross.length, prompt++) {
    own.cross.length = shape->lengths[first + prompt];
    attend_across(&own.cross, now.turned + prompt * nodes * turned, encoded + start * states,
                  now.shares + (kept ? start * own.cross.padded : 0), now.mixed + prompt * nodes * turned);
  }
  for (int64_t head = 0; head < heads; head++)
    product(rows, width, states, now.mixed + head * states, turned, transposed->values + head * width, all,
            now.values + head * width, all);
  add_projected(rows, states, all, now.middle, now.values, transposed->from_cross_attention, now.later);
  feed_forward(&own.dense, rows, layer->epsilon[2], now.later, transposed->gate_and_linear, transposed->from_inner,
               now.inner, out);
  close_work(&own);
  return 0;
}

int decoder_layer_backward(int64_t first, int64_t last, const DecoderLayer *layer, const DecoderWeights *weights,
                           const float *encoded, const float *hidden, const DecoderActivations *kept,
                           const float *gradient, float *to_hidden, float *to_encoded,
                           const DecoderWeights *to_weights, float *to_bias) {
  const Shape *shape = &layer->prompts;
  const int64_t states = layer->states, heads = shape->heads, width = shape->width, all = heads * width;
  const int64_t nodes = layer->nodes, rows = (last - first) * nodes, turned = heads * states;
  const int64_t begin = first * nodes * states, tokens = start_of(shape, first);
  Work own;
  if (open_work(&own, layer, last - first, 1, 1)) return 1;
  const DecoderActivations now = activations_of(layer, kept, first);
  const Tree tree = tree_of(layer);
  feed_forward_backward(&own.dense, rows, layer->epsilon[2], now.later, now.inner, weights->gate_and_linear,
                        weights->from_inner, gradient + begin, own.to_later, to_weights->gate_and_linear,
                        to_weights->from_inner);
  add_projected_backward(rows, states, all, now.values, weights->from_cross_attention, own.to_later, own.to_values,
                         to_weights->from_cross_attention);
  for (int64_t head = 0; head < heads; head++) {
    const int64_t at = head * width * states;
    add_transposed_product(width, states, rows, own.to_values + head * width, all, now.mixed + head * states, turned,
                           to_weights->values + at, states);
    product(rows, states, width, own.to_values + head * width, all, weights->values + at, states,
            own.to_mixed + head * states, turned);
  }
  for (int64_t prompt = 0, start = tokens; prompt < last - first; start += own.cross.length, prompt++) {
    const int64_t at = prompt * nodes * turned;
    own.cross.length = shape->lengths[first + prompt];
    attend_across_backward(&own.cross, now.turned + at, encoded + start * states,
                           now.shares + (start - tokens) * own.cross.padded, own.to_mixed + at, own.to_turned + at,
                           to_encoded + start * states);
  }
  for (int64_t head = 0; head < heads; head++) {
    product(rows, width, states, own.to_turned + head * states, turned, weights->keys + head * width, all,
            own.to_queries + head * width, all);
    add_transposed_product(width, states, rows, now.queries + head * width, all, own.to_turned + head * states,
                           turned, to_weights->keys + head * width * states, states);
  }
  project_backward(&own.dense, rows, all, layer->epsilon[1], now.middle, weights->queries, own.to_queries,
                   own.to_later, own.to_middle, to_weights->queries);
  add_projected_backward(rows, states, all, now.attended, weights->from_attention, own.to_middle, own.to_attended,
                         to_weights->from_attention);
  for (int64_t prompt = 0; prompt < last - first; prompt++)
    for (int64_t head = 0; head < heads; head++) {
      const int64_t at = prompt * nodes * all + head * width, to = 3 * prompt * nodes * all + head * width;
      attend_in_tree_backward(&tree, now.projected + to,
                              now.probabilities + (prompt * heads + head) * nodes * rounded(nodes, 16),
                              own.to_attended + at, own.to_projected + to,
                              to_bias + bias_of(layer, first + prompt, head), own.to_scores);
    }
  project_backward(&own.dense, rows, 3 * all, layer->epsilon[0], hidden + begin, weights->queries_keys_values,
                   own.to_projected, own.to_middle, to_hidden + begin, to_weights->queries_keys_values);
  close_work(&own);
  return 0;
}
