/* What layers of encoder and decoder share: projections of normalised states, and the feed-forward layer.
 *
 * Rows are tokens or nodes; a weight is (outputs, inputs), or (inputs, outputs) where its name says transposed.
 */
#pragma once
#include "kernels.h"
#include "scratch.h"

typedef struct {
  int64_t states, inner;
  float *normed, *scale, *gated, *to_normed, *to_gated, *to_inner;
  Scratch scratch;
} Dense;

/* Returns 1 if there is no memory for so many rows, else 0. */
int open_dense(Dense *own, int64_t rows, int64_t states, int64_t inner, int backward);
void close_dense(Dense *own);

/* projected (rows, outputs), of the norm of hidden (rows, states) */
void project(Dense *own, int64_t rows, int64_t outputs, float epsilon, const float *hidden, const float *transposed,
             float *projected);
/* to_hidden = gradient + what comes back through the projection and the norm; adds to to_weights */
void project_backward(Dense *own, int64_t rows, int64_t outputs, float epsilon, const float *hidden,
                      const float *weights, const float *to_projected, const float *gradient, float *to_hidden,
                      float *to_weights);

/* out = hidden + the projection of from (rows, inputs) */
void add_projected(int64_t rows, int64_t states, int64_t inputs, const float *hidden, const float *from,
                   const float *transposed, float *out);
void add_projected_backward(int64_t rows, int64_t states, int64_t inputs, const float *from, const float *weights,
                            const float *gradient, float *to_from, float *to_weights);

/* out = hidden + the feed-forward layer; inner (rows, 2 inner) is kept */
void feed_forward(Dense *own, int64_t rows, float epsilon, const float *hidden, const float *transposed_gate_and_linear,
                  const float *transposed_from_inner, float *inner, float *out);
void feed_forward_backward(Dense *own, int64_t rows, float epsilon, const float *hidden, const float *inner,
                           const float *gate_and_linear, const float *from_inner, const float *gradient,
                           float *to_hidden, float *to_gate_and_linear, float *to_from_inner);
