/* A whole layer of T5's encoder, one prompt after the other: what a prompt's states become on the way stays in the
 * second-level cache. For models whose weights fit there too; larger ones take their time in products anyway.
 */
#include "attention.h"
#include "products.h"

typedef struct {
  Attention attention;
  Activations kept; /* of one prompt, where none are asked for */
  float *normed, *scale, *gated, *to_projected, *to_attended, *to_middle, *to_normed, *to_gated, *to_inner;
  Scratch scratch;
} Work;

static int open_work(Work *own, const Layer *layer, int keep, int backward) {
  const Shape *shape = &layer->prompts;
  const int64_t longest = shape->longest, all = shape->heads * shape->width;
  const int64_t here = keep ? 0 : longest, back = backward ? longest : 0;
  const Part parts[] = {
      {&own->kept.projected, 3 * all * here}, {&own->kept.normalizers, 2 * shape->heads * here},
      {&own->kept.attended, all * here},      {&own->kept.middle, layer->states * here},
      {&own->kept.inner, 2 * layer->inner * here},
      {&own->normed, layer->states * longest}, {&own->scale, longest},
      {&own->gated, layer->inner * longest},   {&own->to_projected, 3 * all * back},
      {&own->to_attended, all * back},         {&own->to_middle, layer->states * back},
      {&own->to_normed, layer->states * back}, {&own->to_gated, layer->inner * back},
      {&own->to_inner, 2 * layer->inner * back},
  };
  if (open_scratch(&own->scratch, parts, sizeof parts / sizeof *parts)) return 1;
  if (!open_attention(&own->attention, shape)) return 0;
  close_scratch(&own->scratch);
  return 1;
}

static void close_work(Work *own) {
  close_attention(&own->attention);
  close_scratch(&own->scratch);
}

/* Where a prompt's activations lie. */
static Activations activations_of(const Layer *layer, const Activations *kept, int64_t start) {
  const int64_t heads = layer->prompts.heads, all = heads * layer->prompts.width;
  return (Activations){
      .projected = kept->projected + 3 * all * start,
      .normalizers = kept->normalizers + 2 * heads * start,
      .attended = kept->attended + all * start,
      .middle = kept->middle + layer->states * start,
      .inner = kept->inner + 2 * layer->inner * start,
  };
}

static int64_t start_of(const Shape *shape, int64_t prompt) {
  int64_t start = 0;
  for (int64_t before = 0; before < prompt; before++) start += shape->lengths[before];
  return start;
}

/* Forward: out (tokens, states) from hidden. Activations are kept if asked for. */
int encoder_layer_forward(int64_t first, int64_t last, const Layer *layer, const Weights *transposed,
                          const float *bias, const float *hidden, const Activations *kept, float *out) {
  const Shape *shape = &layer->prompts;
  const int64_t states = layer->states, inner = layer->inner, all = shape->heads * shape->width;
  Work own;
  if (open_work(&own, layer, kept != 0, 0)) return 1;
  for (int64_t prompt = first, start = start_of(shape, first); prompt < last; start += shape->lengths[prompt++]) {
    const int64_t length = shape->lengths[prompt];
    const Activations now = kept ? activations_of(layer, kept, start) : own.kept;
    rms_norm(0, length, states, layer->epsilon[0], hidden + start * states, own.normed, own.scale);
    product(length, 3 * all, states, own.normed, states, transposed->queries_keys_values, 3 * all, now.projected,
            3 * all);
    for (int64_t head = 0; head < shape->heads; head++)
      attend(&own.attention, shape, head, length, now.projected, bias, now.attended,
             now.normalizers + 2 * head * length);
    memcpy(now.middle, hidden + start * states, length * states * sizeof(float));
    add_product(length, states, all, now.attended, all, transposed->from_attention, states, now.middle, states);
    rms_norm(0, length, states, layer->epsilon[1], now.middle, own.normed, own.scale);
    product(length, 2 * inner, states, own.normed, states, transposed->gate_and_linear, 2 * inner, now.inner,
            2 * inner);
    gated_gelu(0, length, inner, now.inner, own.gated);
    memcpy(out + start * states, now.middle, length * states * sizeof(float));
    add_product(length, states, inner, own.gated, inner, transposed->from_inner, states, out + start * states,
                states);
  }
  close_work(&own);
  return 0;
}

/* to_hidden = gradient + what comes back through a norm of hidden, projected by weights (outputs, states), whose own
 * gradient is added to to_weights.
 */
static void project_backward(const Layer *layer, const Work *own, int which, int64_t length, int64_t outputs,
                             const float *hidden, const float *weights, const float *to_projected,
                             const float *gradient, float *to_hidden, float *to_weights) {
  const int64_t states = layer->states;
  rms_norm(0, length, states, layer->epsilon[which], hidden, own->normed, own->scale);
  add_transposed_product(outputs, states, length, to_projected, outputs, own->normed, states, to_weights, states);
  product(length, states, outputs, to_projected, outputs, weights, states, own->to_normed, states);
  rms_norm_backward(0, length, states, own->normed, own->scale, own->to_normed, to_hidden);
  for (int64_t k = 0; k < length * states; k += LANES)
    store(to_hidden + k, load(to_hidden + k) + load(gradient + k));
}

/* Backward: to_hidden, and what is added to to_weights and to_bias, from the gradient by out. */
int encoder_layer_backward(int64_t first, int64_t last, const Layer *layer, const Weights *weights, const float *bias,
                           const float *hidden, const Activations *kept, const float *gradient, float *to_hidden,
                           const Weights *to_weights, float *to_bias) {
  const Shape *shape = &layer->prompts;
  const int64_t states = layer->states, inner = layer->inner, all = shape->heads * shape->width;
  Work own;
  if (open_work(&own, layer, 1, 1)) return 1;
  for (int64_t prompt = first, start = start_of(shape, first); prompt < last; start += shape->lengths[prompt++]) {
    const int64_t length = shape->lengths[prompt];
    const Activations now = activations_of(layer, kept, start);
    const float *upper = gradient + start * states;
    gated_gelu(0, length, inner, now.inner, own.gated);
    add_transposed_product(states, inner, length, upper, states, own.gated, inner, to_weights->from_inner, inner);
    product(length, inner, states, upper, states, weights->from_inner, inner, own.to_gated, inner);
    gated_gelu_backward(0, length, inner, now.inner, own.to_gated, own.to_inner);
    project_backward(layer, &own, 1, length, 2 * inner, now.middle, weights->gate_and_linear, own.to_inner, upper,
                     own.to_middle, to_weights->gate_and_linear);
    add_transposed_product(states, all, length, own.to_middle, states, now.attended, all, to_weights->from_attention,
                           all);
    product(length, all, states, own.to_middle, states, weights->from_attention, all, own.to_attended, all);
    for (int64_t head = 0; head < shape->heads; head++)
      attend_backward(&own.attention, shape, head, length, now.projected, bias, now.attended,
                      now.normalizers + 2 * head * length, own.to_attended, own.to_projected, to_bias);
    project_backward(layer, &own, 0, length, 3 * all, hidden + start * states, weights->queries_keys_values,
                     own.to_projected, own.to_middle, to_hidden + start * states, to_weights->queries_keys_values);
  }
  close_work(&own);
  return 0;
}
