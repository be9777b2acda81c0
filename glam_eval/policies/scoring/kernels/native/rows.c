/* What is done to each row of hidden states alone: T5's layer norm and its gated activation. */
#include "kernels.h"
#include "vectors.h"

/* T5's layer norm without its weight: normed = hidden * scale, scale = 1 / rms; rows first to last - 1 of (n, width). */
int rms_norm(int64_t first, int64_t last, int64_t width, float epsilon, const float *hidden, float *normed,
             float *scale) {
  for (int64_t row = first; row < last; row++) {
    const float *from = hidden + row * width;
    vec squares = {0};
    for (int64_t k = 0; k < width; k += LANES) {
      vec value = load_some(from + k, width - k);
      squares += value * value;
    }
    scale[row] = 1 / sqrtf(sum_of(squares) / width + epsilon);
    for (int64_t k = 0; k < width; k += LANES)
      store_some(normed + row * width + k, load_some(from + k, width - k) * scale[row], width - k);
  }
  return 0;
}

int rms_norm_backward(int64_t first, int64_t last, int64_t width, const float *normed, const float *scale,
                      const float *gradient, float *to_hidden) {
  for (int64_t row = first; row < last; row++) {
    const int64_t start = row * width;
    vec products = {0};
    for (int64_t k = 0; k < width; k += LANES)
      products += load_some(normed + start + k, width - k) * load_some(gradient + start + k, width - k);
    const float mean = sum_of(products) / width;
    for (int64_t k = 0; k < width; k += LANES) {
      vec change = load_some(gradient + start + k, width - k) - load_some(normed + start + k, width - k) * mean;
      store_some(to_hidden + start + k, change * scale[row], width - k);
    }
  }
  return 0;
}

/* gelu in its tanh form (Hendrycks and Gimpel, arXiv 1606.08415) is x sigmoid(SLOPE x + CUBIC x^3). */
#define SLOPE 1.5957691216057308f
#define CUBIC (0.044715f * SLOPE)
INLINE vec gelu_sigmoid(vec x) {
  const vec least = (vec){0} - 126.0f;
  return 1.0f / (1.0f + exp2_of(-max(least, x * (SLOPE * LOG2_E + CUBIC * LOG2_E * x * x))));
}

/* out (n, width) = gelu(first half) * second half of the rows first to last - 1 of inner (n, 2 width). */
int gated_gelu(int64_t first, int64_t last, int64_t width, const float *inner, float *out) {
  for (int64_t row = first; row < last; row++) {
    const float *gate = inner + 2 * row * width, *linear = gate + width;
    for (int64_t k = 0; k < width; k += LANES) {
      vec x = load_some(gate + k, width - k);
      store_some(out + row * width + k, x * gelu_sigmoid(x) * load_some(linear + k, width - k), width - k);
    }
  }
  return 0;
}

int gated_gelu_backward(int64_t first, int64_t last, int64_t width, const float *inner, const float *gradient,
                        float *to_inner) {
  for (int64_t row = first; row < last; row++) {
    const float *gate = inner + 2 * row * width, *linear = gate + width;
    float *to_gate = to_inner + 2 * row * width, *to_linear = to_gate + width;
    for (int64_t k = 0; k < width; k += LANES) {
      vec x = load_some(gate + k, width - k), upper = load_some(gradient + row * width + k, width - k);
      vec sigmoid = gelu_sigmoid(x);
      vec slope = sigmoid + x * sigmoid * (1.0f - sigmoid) * (SLOPE + 3.0f * CUBIC * x * x);
      store_some(to_linear + k, upper * x * sigmoid, width - k);
      store_some(to_gate + k, upper * load_some(linear + k, width - k) * slope, width - k);
    }
  }
  return 0;
}
