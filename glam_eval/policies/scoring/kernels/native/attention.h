/* Attention of one prompt and head, for kernels that do more. */
#pragma once
#include "kernels.h"
#include "scratch.h"

typedef struct {
  int64_t wide, row; /* floats of a vector, and of a row of scores with a margin of LANES at each end */
  float *bias, *to_bias, *queries, *keys, *keys_across, *values, *values_across, *gradient, *to_keys, *to_values;
  float *scores, *to_scores, *result; /* of some queries */
  Scratch scratch;
} Attention;

/* Returns 1 if there is no memory, else 0. */
int open_attention(Attention *own, const Shape *shape);
void close_attention(Attention *own);

/* All pointers but the biases' are to the prompt's first token; what they point to is as in kernels.h. */
void attend(Attention *own, const Shape *shape, int64_t head, int64_t length, const float *projected,
            const float *bias, float *output, float *normalizers);
void attend_backward(Attention *own, const Shape *shape, int64_t head, int64_t length, const float *projected,
                     const float *bias, const float *output, const float *normalizers, const float *gradient,
                     float *to_projected, float *to_bias);

/* Where a prompt's first token lies. */
static inline int64_t start_of(const Shape *shape, int64_t prompt) {
  int64_t start = 0;
  for (int64_t before = 0; before < prompt; before++) start += shape->lengths[before];
  return start;
}
