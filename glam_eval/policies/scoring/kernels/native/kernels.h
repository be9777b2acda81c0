/* The kernels, and the shapes they take. Every tensor is contiguous float32; rows or prompts first to last - 1 are
 * computed. What may lack memory for its scratch returns 1 then, else 0.
 */
#pragma once
#include <stdint.h>

int rms_norm(int64_t first, int64_t last, int64_t width, float epsilon, const float *hidden, float *normed,
             float *scale);
int rms_norm_backward(int64_t first, int64_t last, int64_t width, const float *normed, const float *scale,
                      const float *gradient, float *to_hidden);
int gated_gelu(int64_t first, int64_t last, int64_t width, const float *inner, float *out);
int gated_gelu_backward(int64_t first, int64_t last, int64_t width, const float *inner, const float *gradient,
                        float *to_inner);

typedef struct {
  int64_t prompts, tokens, longest, heads, width;
  const int64_t *lengths; /* (prompts,) */
} Shape;

int attention_forward(int64_t first, int64_t last, const Shape *shape, const float *projected, const float *bias,
                      float *output, float *normalizers);
int attention_backward(int64_t first, int64_t last, const Shape *shape, const float *projected, const float *bias,
                       const float *output, const float *normalizers, const float *gradient, float *to_projected,
                       float *to_bias);

typedef struct { /* all widths are multiples of 16 */
  Shape prompts;
  int64_t states, inner; /* d_model and d_ff */
  float epsilon[2];      /* of the norms */
} Layer;
typedef struct { /* of the projections; each (outputs, inputs), or transposed */
  float *queries_keys_values, *from_attention, *gate_and_linear, *from_inner;
} Weights;
typedef struct { /* of every token: what the backward pass reads */
  float *projected, *normalizers, *attended, *middle, *inner;
} Activations;

int encoder_layer_forward(int64_t first, int64_t last, const Layer *layer, const Weights *transposed,
                          const float *bias, const float *hidden, const Activations *kept, float *out);
int encoder_layer_backward(int64_t first, int64_t last, const Layer *layer, const Weights *weights, const float *bias,
                           const float *hidden, const Activations *kept, const float *gradient, float *to_hidden,
                           const Weights *to_weights, float *to_bias);
