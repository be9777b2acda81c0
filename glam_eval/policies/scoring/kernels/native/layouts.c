/* How the structs that Python fills lie here: it compares them with its own when it loads the library. */
#include <stddef.h>

#include "kernels.h"

typedef struct {
  const char *name;     /* of a struct, or of a struct and a field of it */
  int64_t start, bytes; /* a field's offset, and the size */
} Layout;

#define SIZE(type) {#type, 0, sizeof(type)}
#define AT(type, field) {#type "." #field, offsetof(type, field), sizeof((type){0}.field)}

const int64_t kernels_abi = KERNELS_ABI;
const Layout kernels_layouts[] = {
    SIZE(Shape),
    AT(Shape, prompts),
    AT(Shape, tokens),
    AT(Shape, longest),
    AT(Shape, heads),
    AT(Shape, width),
    AT(Shape, lengths),
    SIZE(EncoderLayer),
    AT(EncoderLayer, prompts),
    AT(EncoderLayer, states),
    AT(EncoderLayer, inner),
    AT(EncoderLayer, epsilon),
    SIZE(EncoderWeights),
    AT(EncoderWeights, queries_keys_values),
    AT(EncoderWeights, from_attention),
    AT(EncoderWeights, gate_and_linear),
    AT(EncoderWeights, from_inner),
    SIZE(EncoderActivations),
    AT(EncoderActivations, projected),
    AT(EncoderActivations, normalizers),
    AT(EncoderActivations, attended),
    AT(EncoderActivations, middle),
    AT(EncoderActivations, inner),
    SIZE(DecoderLayer),
    AT(DecoderLayer, prompts),
    AT(DecoderLayer, states),
    AT(DecoderLayer, inner),
    AT(DecoderLayer, nodes),
    AT(DecoderLayer, biases),
    AT(DecoderLayer, epsilon),
    SIZE(DecoderWeights),
    AT(DecoderWeights, queries_keys_values),
    AT(DecoderWeights, from_attention),
    AT(DecoderWeights, queries),
    AT(DecoderWeights, keys),
    AT(DecoderWeights, values),
    AT(DecoderWeights, from_cross_attention),
    AT(DecoderWeights, gate_and_linear),
    AT(DecoderWeights, from_inner),
    SIZE(DecoderActivations),
    AT(DecoderActivations, projected),
    AT(DecoderActivations, probabilities),
    AT(DecoderActivations, attended),
    AT(DecoderActivations, middle),
    AT(DecoderActivations, queries),
    AT(DecoderActivations, turned),
    AT(DecoderActivations, mixed),
    AT(DecoderActivations, values),
    AT(DecoderActivations, later),
    AT(DecoderActivations, inner),
    AT(DecoderActivations, shares),
    {0, 0, 0},
};
