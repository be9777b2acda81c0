/* Trees have few nodes and fewer ancestors: sums over a head's width, skipped where a node doesn't see another. */
#include "tree_attention.h"
#include "vectors.h"

INLINE float dot(int64_t width, const float *one, const float *other) {
  vec sum = {0};
  for (int64_t k = 0; k < width; k += LANES) sum += load(one + k) * load(other + k);
  return sum_of(sum);
}
INLINE void add_scaled(int64_t width, float factor, const float *from, float *to) {
  for (int64_t k = 0; k < width; k += LANES) store(to + k, load(to + k) + factor * load(from + k));
}
INLINE void clear(int64_t width, float *to) { memset(to, 0, width * sizeof(float)); }

void attend_in_tree(const Tree *tree, const float *projected, const float *bias, float *probabilities,
                    float *output) {
  const int64_t nodes = tree->nodes, width = tree->width, stride = tree->stride, row = rounded(nodes, 16);
  const float *keys = projected + tree->across, *values = keys + tree->across;
  for (int64_t i = 0; i < nodes; i++, bias += nodes, probabilities += row) {
    float most = -INFINITY;
    for (int64_t j = 0; j < row; j++) {
      const int sees = j < nodes && bias[j] != -INFINITY;
      probabilities[j] = -1e30f;
      if (sees) probabilities[j] = (dot(width, projected + i * stride, keys + j * stride) + bias[j]) * LOG2_E;
      if (probabilities[j] > most) most = probabilities[j];
    }
    vec sum = {0};
    for (int64_t j = 0; j < row; j += LANES) {
      vec score = load(probabilities + j);
      vec power = choose(score > (vec){0} - 1e30f, exp2_of(score - most), (vec){0});
      store(probabilities + j, power);
      sum += power;
    }
    const float inverse = 1 / sum_of(sum);
    clear(width, output + i * tree->across);
    for (int64_t j = 0; j < nodes; j++) {
      probabilities[j] *= inverse;
      if (probabilities[j] != 0)
        add_scaled(width, probabilities[j], values + j * stride, output + i * tree->across);
    }
  }
}

void attend_in_tree_backward(const Tree *tree, const float *projected, const float *probabilities,
                             const float *gradient, float *to_projected, float *to_bias, float *scratch) {
  const int64_t nodes = tree->nodes, width = tree->width, stride = tree->stride, row = rounded(nodes, 16);
  const float *keys = projected + tree->across, *values = keys + tree->across;
  float *to_keys = to_projected + tree->across, *to_values = to_keys + tree->across;
  for (int64_t i = 0; i < nodes; i++)
    for (int64_t each = 0; each < 3; each++) clear(width, to_projected + i * stride + each * tree->across);
  for (int64_t i = 0; i < nodes; i++, probabilities += row, to_bias += nodes) {
    const float *upper = gradient + i * tree->across;
    float both = 0; /* what the softmax's gradient subtracts */
    for (int64_t j = 0; j < nodes; j++) {
      if (probabilities[j] == 0) continue;
      scratch[j] = dot(width, upper, values + j * stride);
      both += probabilities[j] * scratch[j];
      add_scaled(width, probabilities[j], upper, to_values + j * stride);
    }
    for (int64_t j = 0; j < nodes; j++) {
      if (probabilities[j] == 0) continue;
      const float to_score = probabilities[j] * (scratch[j] - both);
      add_scaled(width, to_score, keys + j * stride, to_projected + i * stride);
      add_scaled(width, to_score, projected + i * stride, to_keys + j * stride);
      to_bias[j] += to_score;
    }
  }
}
