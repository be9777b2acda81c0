/* A whole layer of T5's encoder, one prompt after the other: what a prompt's states become on the way stays in the
 * second-level cache. For models whose weights fit there too; larger ones take their time in products anyway.
 */
#include "attention.h"
#include "dense.h"

typedef struct {
  Attention attention;
  Dense dense;
  EncoderActivations kept; /* of one prompt, where none are asked for */
  float *to_projected, *to_attended, *to_middle;
  Scratch scratch;
} Work;

static int open_work(Work *own, const EncoderLayer *layer, int keep, int backward) {
  const Shape *shape = &layer->prompts;
  const int64_t longest = shape->longest, all = shape->heads * shape->width;
  const int64_t here = keep ? 0 : longest, back = backward ? longest : 0;
  const Part parts[] = {
      {&own->kept.projected, 3 * all * here}, {&own->kept.normalizers, 2 * shape->heads * here},
      {&own->kept.attended, all * here},      {&own->kept.middle, layer->states * here},
      {&own->kept.inner, 2 * layer->inner * here},
      {&own->to_projected, 3 * all * back},   {&own->to_attended, all * back},
      {&own->to_middle, layer->states * back},
  };
  if (open_scratch(&own->scratch, parts, sizeof parts / sizeof *parts)) return 1;
  if (!open_dense(&own->dense, longest, layer->states, layer->inner, backward)) {
    if (!open_attention(&own->attention, shape)) return 0;
    close_dense(&own->dense);
  }
  close_scratch(&own->scratch);
  return 1;
}

static void close_work(Work *own) {
  close_attention(&own->attention);
  close_dense(&own->dense);
  close_scratch(&own->scratch);
}

/* Where a prompt's activations lie. */
static EncoderActivations activations_of(const EncoderLayer *layer, const EncoderActivations *kept, int64_t start) {
  const int64_t heads = layer->prompts.heads, all = heads * layer->prompts.width;
  return (EncoderActivations){
      .projected = kept->projected + 3 * all * start,
      .normalizers = kept->normalizers + 2 * heads * start,
      .attended = kept->attended + all * start,
      .middle = kept->middle + layer->states * start,
      .inner = kept->inner + 2 * layer->inner * start,
  };
}

/* Forward: out (tokens, states) from hidden. Activations are kept if asked for. */
int encoder_layer_forward(int64_t first, int64_t last, const EncoderLayer *layer, const EncoderWeights *transposed,
                          const float *bias, const float *hidden, const EncoderActivations *kept, float *out) {
  const Shape *shape = &layer->prompts;
  const int64_t states = layer->states, all = shape->heads * shape->width;
  Work own;
  if (open_work(&own, layer, kept != 0, 0)) return 1;
  for (int64_t prompt = first, start = start_of(shape, first); prompt < last; start += shape->lengths[prompt++]) {
    const int64_t length = shape->lengths[prompt];
    const EncoderActivations now = kept ? activations_of(layer, kept, start) : own.kept;
    project(&own.dense, length, 3 * all, layer->epsilon[0], hidden + start * states, transposed->queries_keys_values,
            now.projected);
    for (int64_t head = 0; head < shape->heads; head++)
      attend(&own.attention, shape, head, length, now.projected, bias, now.attended,
             now.normalizers + 2 * head * length);
    add_projected(length, states, all, hidden + start * states, now.attended, transposed->from_attention, now.middle);
    feed_forward(&own.dense, length, layer->epsilon[1], now.middle, transposed->gate_and_linear,
                 transposed->from_inner, now.inner, out + start * states);
  }
  close_work(&own);
  return 0;
}

/* Backward: to_hidden, and what is added to to_weights and to_bias, from the gradient by out. */
int encoder_layer_backward(int64_t first, int64_t last, const EncoderLayer *layer, const EncoderWeights *weights,
                           const float *bias, const float *hidden, const EncoderActivations *kept,
                           const float *gradient, float *to_hidden, const EncoderWeights *to_weights,
                           float *to_bias) {
  const Shape *shape = &layer->prompts;
  const int64_t states = layer->states, all = shape->heads * shape->width;
  Work own;
  if (open_work(&own, layer, 1, 1)) return 1;
  for (int64_t prompt = first, start = start_of(shape, first); prompt < last; start += shape->lengths[prompt++]) {
    const int64_t length = shape->lengths[prompt];
    const EncoderActivations now = activations_of(layer, kept, start);
    feed_forward_backward(&own.dense, length, layer->epsilon[1], now.middle, now.inner, weights->gate_and_linear,
                          weights->from_inner, gradient + start * states, own.to_middle, to_weights->gate_and_linear,
                          to_weights->from_inner);
    add_projected_backward(length, states, all, now.attended, weights->from_attention, own.to_middle, own.to_attended,
                           to_weights->from_attention);
    for (int64_t head = 0; head < shape->heads; head++)
      attend_backward(&own.attention, shape, head, length, now.projected, bias, now.attended,
                      now.normalizers + 2 * head * length, own.to_attended, own.to_projected, to_bias);
    project_backward(&own.dense, length, 3 * all, layer->epsilon[0], hidden + start * states,
                     weights->queries_keys_values, own.to_projected, own.to_middle, to_hidden + start * states,
                     to_weights->queries_keys_values);
  }
  close_work(&own);
  return 0;
}
