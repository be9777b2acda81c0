/* The kernels, and the shapes they take. Every tensor is contiguous float32; rows or prompts first to last - 1 are
 * computed. What may lack memory for its scratch returns 1 then, else 0.
 */
#pragma once
#include <stdint.h>

#define KERNELS_ABI 1 /* of all below: one more with every change of what a kernel takes, here and in structures.py */

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
} EncoderLayer;
typedef struct { /* of the projections; each (outputs, inputs), or transposed */
  float *queries_keys_values, *from_attention, *gate_and_linear, *from_inner;
} EncoderWeights;
typedef struct { /* of every token: what the backward pass reads */
  float *projected, *normalizers, *attended, *middle, *inner;
} EncoderActivations;

int encoder_layer_forward(int64_t first, int64_t last, const EncoderLayer *layer, const EncoderWeights *transposed,
                          const float *bias, const float *hidden, const EncoderActivations *kept, float *out);
int encoder_layer_backward(int64_t first, int64_t last, const EncoderLayer *layer, const EncoderWeights *weights,
                           const float *bias, const float *hidden, const EncoderActivations *kept,
                           const float *gradient, float *to_hidden, const EncoderWeights *to_weights,
                           float *to_bias);

typedef struct { /* all widths are multiples of 16, that of a head too */
  Shape prompts;         /* whose encodings are attended to */
  int64_t states, inner; /* d_model and d_ff */
  int64_t nodes;         /* of each prompt's tree */
  int64_t biases;        /* 1 where all prompts share one tree, else as many as prompts */
  float epsilon[3];      /* of the norms */
} DecoderLayer;
typedef struct { /* of the projections; each (outputs, inputs), or transposed */
  float *queries_keys_values, *from_attention, *queries, *keys, *values, *from_cross_attention, *gate_and_linear;
  float *from_inner;
} DecoderWeights;
typedef struct { /* what the backward pass reads; of every node, but for the second and the last */
  float *projected;     /* (nodes, 3 heads width) */
  float *probabilities; /* (prompts, heads, nodes, rounded(nodes, 16)) */
  float *attended;      /* (nodes, heads width) */
  float *middle;        /* (nodes, states) */
  float *queries;       /* (nodes, heads width) */
  float *turned;        /* (nodes, heads, states): queries in the space of the encodings */
  float *mixed;         /* (nodes, heads, states): encodings averaged by attention */
  float *values;        /* (nodes, heads width) */
  float *later;         /* (nodes, states) */
  float *inner;         /* (nodes, 2 inner) */
  float *shares;        /* (tokens, rounded(nodes heads, 16)): of each encoding in the averages */
} DecoderActivations;

/* keys are not transposed; bias: (biases, heads, nodes, nodes), -inf where a row's node doesn't see a column's */
int decoder_layer_forward(int64_t first, int64_t last, const DecoderLayer *layer, const DecoderWeights *transposed,
                          const float *bias, const float *encoded, const float *hidden, const DecoderActivations *kept,
                          float *out);
/* keys alone are transposed */
int decoder_layer_backward(int64_t first, int64_t last, const DecoderLayer *layer, const DecoderWeights *weights,
                           const float *encoded, const float *hidden, const DecoderActivations *kept,
                           const float *gradient, float *to_hidden, float *to_encoded,
                           const DecoderWeights *to_weights, float *to_bias);
