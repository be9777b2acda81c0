/* Products of rows with weights, where both fit a core's cache; what only the backward pass can't do without is kept. */
#include "dense.h"
#include "products.h"

int open_dense(Dense *own, int64_t rows, int64_t states, int64_t inner, int backward) {
  const int64_t back = backward ? rows : 0;
  const Part parts[] = {
      {&own->normed, states * rows},    {&own->scale, rows},           {&own->gated, inner * rows},
      {&own->to_normed, states * back}, {&own->to_gated, inner * back}, {&own->to_inner, 2 * inner * back},
  };
  own->states = states, own->inner = inner;
  return open_scratch(&own->scratch, parts, sizeof parts / sizeof *parts);
}

void close_dense(Dense *own) { close_scratch(&own->scratch); }

void project(Dense *own, int64_t rows, int64_t outputs, float epsilon, const float *hidden, const float *transposed,
             float *projected) {
  const int64_t states = own->states;
  rms_norm(0, rows, states, epsilon, hidden, own->normed, own->scale);
  product(rows, outputs, states, own->normed, states, transposed, outputs, projected, outputs);
}

void project_backward(Dense *own, int64_t rows, int64_t outputs, float epsilon, const float *hidden,
                      const float *weights, const float *to_projected, const float *gradient, float *to_hidden,
                      float *to_weights) {
  const int64_t states = own->states;
  rms_norm(0, rows, states, epsilon, hidden, own->normed, own->scale);
  add_transposed_product(outputs, states, rows, to_projected, outputs, own->normed, states, to_weights, states);
  product(rows, states, outputs, to_projected, outputs, weights, states, own->to_normed, states);
  rms_norm_backward(0, rows, states, own->normed, own->scale, own->to_normed, to_hidden);
  for (int64_t k = 0; k < rows * states; k += LANES) store(to_hidden + k, load(to_hidden + k) + load(gradient + k));
}

void add_projected(int64_t rows, int64_t states, int64_t inputs, const float *hidden, const float *from,
                   const float *transposed, float *out) {
  memcpy(out, hidden, rows * states * sizeof(float));
  add_product(rows, states, inputs, from, inputs, transposed, states, out, states);
}

void add_projected_backward(int64_t rows, int64_t states, int64_t inputs, const float *from, const float *weights,
                            const float *gradient, float *to_from, float *to_weights) {
  add_transposed_product(states, inputs, rows, gradient, states, from, inputs, to_weights, inputs);
  product(rows, inputs, states, gradient, states, weights, inputs, to_from, inputs);
}

void feed_forward(Dense *own, int64_t rows, float epsilon, const float *hidden, const float *transposed_gate_and_linear,
                  const float *transposed_from_inner, float *inner, float *out) {
  project(own, rows, 2 * own->inner, epsilon, hidden, transposed_gate_and_linear, inner);
  gated_gelu(0, rows, own->inner, inner, own->gated);
  add_projected(rows, own->states, own->inner, hidden, own->gated, transposed_from_inner, out);
}

void feed_forward_backward(Dense *own, int64_t rows, float epsilon, const float *hidden, const float *inner,
                           const float *gate_and_linear, const float *from_inner, const float *gradient,
                           float *to_hidden, float *to_gate_and_linear, float *to_from_inner) {
  gated_gelu(0, rows, own->inner, inner, own->gated);
  add_projected_backward(rows, own->states, own->inner, own->gated, from_inner, gradient, own->to_gated, to_from_inner);
  gated_gelu_backward(0, rows, own->inner, inner, own->to_gated, own->to_inner);
  project_backward(own, rows, 2 * own->inner, epsilon, hidden, gate_and_linear, own->to_inner, gradient, to_hidden,
                   to_gate_and_linear);
}
