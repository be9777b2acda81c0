/* Calls every kernel on buffers of exactly the sizes it is told, which a sanitizer watches. */
#include <stdlib.h>

#include "kernels.h"

static float *numbers(int64_t count) {
  float *made = malloc(count * sizeof(float));
  for (int64_t i = 0; i < count; i++) made[i] = (i * 7919 % 201) / 100.0f - 1;
  return made;
}

static void attend(int64_t heads, int64_t width, int64_t prompts, const int64_t *lengths) {
  Shape shape = {prompts, 0, 0, heads, width, lengths};
  for (int64_t prompt = 0; prompt < prompts; prompt++) {
    shape.tokens += lengths[prompt];
    if (lengths[prompt] > shape.longest) shape.longest = lengths[prompt];
  }
  const int64_t states = shape.tokens * heads * width, offsets = heads * (2 * shape.longest - 1);
  float *projected = numbers(3 * states), *bias = numbers(offsets), *output = numbers(states);
  float *normalizers = numbers(2 * heads * shape.tokens), *gradient = numbers(states);
  float *to_projected = numbers(3 * states), *to_bias = numbers(offsets);
  attention_forward(0, heads, &shape, projected, bias, output, normalizers);
  attention_backward(0, heads, &shape, projected, bias, output, normalizers, gradient, to_projected, to_bias);
  float *all[] = {projected, bias, output, normalizers, gradient, to_projected, to_bias};
  for (int each = 0; each < 7; each++) free(all[each]);
}

static void encoder_layer(int64_t heads, int64_t width, int64_t states, int64_t inner, int64_t prompts,
                  const int64_t *lengths) {
  EncoderLayer made = {{prompts, 0, 0, heads, width, lengths}, states, inner, {1e-6f, 1e-6f}};
  Shape *shape = &made.prompts;
  for (int64_t prompt = 0; prompt < prompts; prompt++) {
    shape->tokens += lengths[prompt];
    if (lengths[prompt] > shape->longest) shape->longest = lengths[prompt];
  }
  const int64_t all = heads * width, tokens = shape->tokens, offsets = heads * (2 * shape->longest - 1);
  EncoderWeights weights[2];
  for (int each = 0; each < 2; each++)
    weights[each] = (EncoderWeights){numbers(3 * all * states), numbers(states * all), numbers(2 * inner * states),
                                     numbers(states * inner)};
  EncoderActivations kept = {numbers(3 * all * tokens), numbers(2 * heads * tokens), numbers(all * tokens),
                             numbers(states * tokens), numbers(2 * inner * tokens)};
  float *bias = numbers(offsets), *to_bias = numbers(offsets), *hidden = numbers(states * tokens);
  float *out = numbers(states * tokens), *gradient = numbers(states * tokens);
  encoder_layer_forward(0, prompts, &made, weights, bias, hidden, 0, out);
  encoder_layer_forward(0, prompts, &made, weights, bias, hidden, &kept, out);
  encoder_layer_backward(prompts / 2, prompts, &made, weights, bias, hidden, &kept, gradient, out, weights + 1,
                         to_bias);
  float *all_of_them[] = {bias, to_bias, hidden, out, gradient};
  for (int each = 0; each < 5; each++) free(all_of_them[each]);
  for (int each = 0; each < 5; each++) free(((float **)&kept)[each]);
  for (int each = 0; each < 8; each++) free(((float **)weights)[each]);
}

static void decoder_layer(int64_t heads, int64_t width, int64_t states, int64_t inner, int64_t nodes, int64_t biases,
                          int64_t prompts, const int64_t *lengths) {
  DecoderLayer made = {{prompts, 0, 0, heads, width, lengths}, states, inner, nodes, biases, {1e-6f, 1e-6f, 1e-6f}};
  Shape *shape = &made.prompts;
  for (int64_t prompt = 0; prompt < prompts; prompt++) {
    shape->tokens += lengths[prompt];
    if (lengths[prompt] > shape->longest) shape->longest = lengths[prompt];
  }
  const int64_t all = heads * width, rows = prompts * nodes, beside = (nodes + 15) / 16 * 16;
  const int64_t pairs = biases * heads * nodes * nodes, queries = (nodes * heads + 15) / 16 * 16;
  DecoderWeights weights[2];
  for (int each = 0; each < 2; each++)
    weights[each] = (DecoderWeights){numbers(3 * all * states), numbers(states * all),   numbers(all * states),
                                     numbers(all * states),     numbers(all * states),   numbers(states * all),
                                     numbers(2 * inner * states), numbers(states * inner)};
  DecoderActivations kept = {numbers(3 * all * rows), numbers(heads * beside * rows), numbers(all * rows),
                             numbers(states * rows),  numbers(all * rows),            numbers(heads * states * rows),
                             numbers(heads * states * rows), numbers(all * rows),     numbers(states * rows),
                             numbers(2 * inner * rows), numbers(queries * shape->tokens)};
  float *bias = numbers(pairs), *to_bias = numbers(pairs), *encoded = numbers(states * shape->tokens);
  float *to_encoded = numbers(states * shape->tokens), *hidden = numbers(states * rows);
  float *out = numbers(states * rows), *gradient = numbers(states * rows);
  decoder_layer_forward(prompts / 2, prompts, &made, weights, bias, encoded, hidden, 0, out);
  decoder_layer_forward(0, prompts, &made, weights, bias, encoded, hidden, &kept, out);
  decoder_layer_backward(prompts / 2, prompts, &made, weights, encoded, hidden, &kept, gradient, out, to_encoded,
                         weights + 1, to_bias);
  float *all_of_them[] = {bias, to_bias, encoded, to_encoded, hidden, out, gradient};
  for (int each = 0; each < 7; each++) free(all_of_them[each]);
  for (int each = 0; each < 11; each++) free(((float **)&kept)[each]);
  for (int each = 0; each < 16; each++) free(((float **)weights)[each]);
}

static void by_rows(int64_t rows, int64_t width) {
  float *hidden = numbers(rows * width), *normed = numbers(rows * width), *scale = numbers(rows);
  float *inner = numbers(2 * rows * width), *to_inner = numbers(2 * rows * width);
  rms_norm(0, rows, width, 1e-6f, hidden, normed, scale);
  rms_norm_backward(0, rows, width, normed, scale, hidden, hidden);
  gated_gelu(0, rows, width, inner, hidden);
  gated_gelu_backward(0, rows, width, inner, hidden, to_inner);
  float *all[] = {hidden, normed, scale, inner, to_inner};
  for (int each = 0; each < 5; each++) free(all[each]);
}

int main(void) {
  const int64_t lengths[] = {1, 7, 8, 9, 31, 33, 64, 3};
  for (int64_t first = 0; first < 8; first++)
    for (int64_t width = 8; width <= 80; width += 24) attend(2, width, 8 - first, lengths + first);
  for (int64_t width = 1; width < 70; width += 3) by_rows(3, width);
  encoder_layer(4, 8, 32, 64, 8, lengths);
  encoder_layer(1, 16, 48, 16, 2, lengths + 5);
  decoder_layer(4, 16, 32, 64, 6, 1, 8, lengths);
  decoder_layer(1, 16, 48, 16, 17, 2, 2, lengths + 5);
  return 0;
}
