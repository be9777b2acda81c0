/* Self-attention of each prompt with T5's position bias, which is read and added to by relative position.
 *
 * Scores of QUERIES queries at a time lie beside each other below one another by key, and stay in the cache: what is
 * done to all keys of a query is done to whole vectors. The backward pass computes them again, a few keys at a time.
 */
#include "attention.h"
#include "products.h"

#define QUERIES (2 * LANES)
#define KEYS (8 * ROWS)
#define WITH_MARGIN (QUERIES + LANES) /* floats of a row whose neighbours are zeros */

int open_attention(Attention *own, const Shape *shape) {
  const int64_t longest = rounded(shape->longest, QUERIES), wide = rounded(shape->width, LANES);
  const int64_t vectors = longest * wide, offsets = 2 * longest + 2 * QUERIES;
  const Part parts[] = {
      {&own->bias, offsets},
      {&own->to_bias, offsets},
      {&own->queries, vectors},
      {&own->gradient, vectors},
      {&own->queries_across, vectors},
      {&own->gradient_across, vectors},
      {&own->to_keys, vectors},
      {&own->to_values, vectors},
      {&own->scores, longest * QUERIES},
      {&own->to_scores, KEYS * WITH_MARGIN + 2 * LANES},
      {&own->result, wide * QUERIES},
  };
  own->wide = wide;
  return open_scratch(&own->scratch, parts, sizeof parts / sizeof *parts);
}

void close_attention(Attention *own) { close_scratch(&own->scratch); }

/* Copies of one prompt's and head's vectors (length, width), below or beside each other. */
static void gather(const float *from, int64_t stride, int64_t length, int64_t width, int64_t wide, float *to) {
  for (int64_t j = 0; j < length; j++)
    for (int64_t k = 0; k < width; k += LANES) store(to + j * wide + k, load_some(from + j * stride + k, width - k));
}
static void gather_across(const float *from, int64_t stride, int64_t length, int64_t width, int64_t padded,
                          float factor, float *to) {
  for (int64_t j = 0; j < length; j++)
    for (int64_t k = 0; k < width; k++) to[k * padded + j] = from[j * stride + k] * factor;
  for (int64_t k = 0; k < width; k++)
    for (int64_t j = length; j < padded; j++) to[k * padded + j] = 0;
}
static void scatter(const float *from, int64_t wide, int64_t length, int64_t width, int64_t stride, float *to) {
  for (int64_t j = 0; j < length; j++)
    for (int64_t k = 0; k < width; k += LANES) store_some(to + j * stride + k, load(from + j * wide + k), width - k);
}
static void scatter_across(const float *from, int64_t count, int64_t width, int64_t stride, float *to) {
  for (int64_t j = 0; j < count; j++)
    for (int64_t k = 0; k < width; k++) to[j * stride + k] = from[k * QUERIES + j];
}

/* A head's first bias in use, that of key - query = 1 - length. */
static int64_t first_bias(const Shape *shape, int64_t head, int64_t length) {
  return head * (2 * shape->longest - 1) + shape->longest - length;
}

/* What the scores of a prompt and head are made of, times log2 e: powers of 2 take fewer operations. The bias of query
 * - key, from 1 - length on.
 */
static void gather_scores(Attention *own, const Shape *shape, int64_t head, int64_t length, const float *queries,
                          int64_t stride, const float *bias) {
  const int64_t last = 2 * length - 2;
  const float *from = bias + first_bias(shape, head, length);
  for (int64_t offset = 0; offset <= last; offset++) own->bias[offset] = from[last - offset] * LOG2_E;
  memset(own->bias + last + 1, 0, QUERIES * sizeof(float));
  gather_across(queries, stride, length, shape->width, rounded(length, QUERIES), LOG2_E, own->queries_across);
}

/* Scores (keys, QUERIES) of some keys from the first on. */
static void score(Attention *own, const Shape *shape, int64_t first, int64_t keys, int64_t query, int64_t length,
                  const float *all_keys, int64_t stride) {
  const int64_t padded = rounded(length, QUERIES);
  biased_product(keys, QUERIES, shape->width, all_keys + first * stride, stride, own->queries_across + query, padded,
                 own->scores, QUERIES, own->bias + length - 1 + query - first);
}

void attend(Attention *own, const Shape *shape, int64_t head, int64_t length, const float *projected,
            const float *bias, float *output, float *normalizers) {
  const int64_t width = shape->width, all = shape->heads * width, stride = 3 * all;
  const float *queries = projected + head * width, *keys = queries + all, *values = keys + all;
  gather_scores(own, shape, head, length, queries, stride, bias);
  for (int64_t query = 0; query < length; query += QUERIES) {
    const int64_t count = length - query < QUERIES ? length - query : QUERIES;
    vec most[2], sum[2], inverse[2];
    score(own, shape, 0, length, query, length, keys, stride);
    for (int v = 0; v < 2; v++) most[v] = load(own->scores + v * LANES), sum[v] = (vec){0};
    for (int64_t key = 1; key < length; key++)
      for (int v = 0; v < 2; v++) most[v] = max(most[v], load(own->scores + key * QUERIES + v * LANES));
    for (int64_t key = 0; key < length; key++)
      for (int v = 0; v < 2; v++) {
        float *scores = own->scores + key * QUERIES + v * LANES;
        vec power = exp2_of(load(scores) - most[v]);
        store(scores, power);
        sum[v] += power;
      }
    for (int v = 0; v < 2; v++) inverse[v] = 1.0f / sum[v];
    for (int64_t j = 0; j < count; j++) {
      normalizers[2 * (query + j)] = most[j / LANES][j % LANES];
      normalizers[2 * (query + j) + 1] = inverse[j / LANES][j % LANES];
    }
    transposed_product(width, QUERIES, length, values, stride, own->scores, QUERIES, own->result, QUERIES);
    for (int64_t k = 0; k < width; k++)
      for (int v = 0; v < 2; v++) {
        float *result = own->result + k * QUERIES + v * LANES;
        store(result, load(result) * inverse[v]);
      }
    scatter_across(own->result, count, width, all, output + query * all + head * width);
  }
}

/* Adds gradients of scores (keys, QUERIES) to those of the biases: ROWS diagonals' sums, then one addition. */
static void add_to_bias(Attention *own, int64_t first, int64_t keys, int64_t query, int64_t length) {
  for (int64_t key = 0; key < keys; key += ROWS) {
    const int64_t rows = keys - key < ROWS ? keys - key : ROWS;
    const float *from = own->to_scores + key * WITH_MARGIN + LANES - (rows - 1);
    float *to = own->to_bias + length - 1 + query - first - key - (rows - 1);
    for (int64_t offset = 0; offset < QUERIES + rows - 1; offset += LANES) {
      vec sum = load(to + offset);
      for (int64_t row = 0; row < rows; row++) sum += load(from + row * (WITH_MARGIN + 1) + offset);
      store(to + offset, sum);
    }
  }
}

void attend_backward(Attention *own, const Shape *shape, int64_t head, int64_t length, const float *projected,
                     const float *bias, const float *output, const float *normalizers, const float *gradient,
                     float *to_projected, float *to_bias) {
  const int64_t width = shape->width, all = shape->heads * width, stride = 3 * all, wide = own->wide;
  const int64_t padded = rounded(length, QUERIES);
  const float *queries = projected + head * width, *keys = queries + all, *values = keys + all;
  float *to_queries = to_projected + head * width;
  gather_scores(own, shape, head, length, queries, stride, bias);
  gather(queries, stride, length, width, wide, own->queries);
  gather(gradient + head * width, all, length, width, wide, own->gradient);
  gather_across(gradient + head * width, all, length, width, padded, 1, own->gradient_across);
  memset(own->to_keys, 0, length * wide * sizeof(float));
  memset(own->to_values, 0, length * wide * sizeof(float));
  memset(own->to_bias, 0, (2 * length + 2 * QUERIES) * sizeof(float));
  for (int64_t query = 0; query < length; query += QUERIES) {
    const int64_t count = length - query < QUERIES ? length - query : QUERIES;
    vec most[2] = {{0}}, inverse[2] = {{0}}, both[2] = {{0}}; /* zeros beyond the prompt's end */
    for (int64_t j = 0; j < count; j++) {
      const float *attended = output + (query + j) * all + head * width, *to_attended = own->gradient + (query + j) * wide;
      vec products = {0}; /* of output and gradient: what the softmax's gradient subtracts */
      for (int64_t k = 0; k < width; k += LANES) products += load_some(attended + k, width - k) * load(to_attended + k);
      both[j / LANES][j % LANES] = sum_of(products);
      most[j / LANES][j % LANES] = normalizers[2 * (query + j)];
      inverse[j / LANES][j % LANES] = normalizers[2 * (query + j) + 1];
    }
    memset(own->result, 0, width * QUERIES * sizeof(float));
    for (int64_t first = 0; first < length; first += KEYS) {
      const int64_t some = length - first < KEYS ? length - first : KEYS;
      float *to_scores = own->to_scores + LANES;
      score(own, shape, first, some, query, length, keys, stride);
      product(some, QUERIES, width, values + first * stride, stride, own->gradient_across + query, padded, to_scores,
              WITH_MARGIN);
      for (int64_t key = 0; key < some; key++)
        for (int v = 0; v < 2; v++) {
          float *scores = own->scores + key * QUERIES + v * LANES, *to = to_scores + key * WITH_MARGIN + v * LANES;
          vec probability = exp2_of(load(scores) - most[v]) * inverse[v];
          store(scores, probability);
          store(to, probability * (load(to) - both[v]));
        }
      add_transposed_product(width, QUERIES, some, keys + first * stride, stride, to_scores, WITH_MARGIN, own->result,
                             QUERIES);
      add_product(some, wide, count, to_scores, WITH_MARGIN, own->queries + query * wide, wide,
                  own->to_keys + first * wide, wide);
      add_product(some, wide, count, own->scores, QUERIES, own->gradient + query * wide, wide,
                  own->to_values + first * wide, wide);
      add_to_bias(own, first, some, query, length);
    }
    scatter_across(own->result, count, width, stride, to_queries + query * stride);
  }
  scatter(own->to_keys, wide, length, width, stride, to_queries + all);
  scatter(own->to_values, wide, length, width, stride, to_queries + 2 * all);
  float *to = to_bias + first_bias(shape, head, length);
  for (int64_t offset = 0; offset < 2 * length - 1; offset++) to[offset] += own->to_bias[2 * length - 2 - offset];
}

/* Forward: output (tokens, heads, width) = softmax(q k + bias) v, normalizers (heads, tokens, 2) = the greatest score
 * and 1 / the sum of powers, in powers of 2.
 *
 * projected: (tokens, 3, heads, width); bias: (heads, 2 longest - 1), of key - query + longest - 1.
 * Computes heads first to last - 1.
 */
int attention_forward(int64_t first, int64_t last, const Shape *shape, const float *projected, const float *bias,
                      float *output, float *normalizers) {
  const int64_t all = shape->heads * shape->width;
  Attention own;
  if (open_attention(&own, shape)) return 1;
  for (int64_t head = first; head < last; head++)
    for (int64_t prompt = 0, start = 0; prompt < shape->prompts; start += shape->lengths[prompt++])
      attend(&own, shape, head, shape->lengths[prompt], projected + 3 * start * all, bias, output + start * all,
             normalizers + 2 * (head * shape->tokens + start));
  close_attention(&own);
  return 0;
}

/* Backward: to_projected, and what is added to to_bias, of the shapes of projected and bias, from the output's
 * gradient.
 */
int attention_backward(int64_t first, int64_t last, const Shape *shape, const float *projected, const float *bias,
                       const float *output, const float *normalizers, const float *gradient, float *to_projected,
                       float *to_bias) {
  const int64_t all = shape->heads * shape->width;
  Attention own;
  if (open_attention(&own, shape)) return 1;
  for (int64_t head = first; head < last; head++)
    for (int64_t prompt = 0, start = 0; prompt < shape->prompts; start += shape->lengths[prompt++])
      attend_backward(&own, shape, head, shape->lengths[prompt], projected + 3 * start * all, bias,
                      output + start * all, normalizers + 2 * (head * shape->tokens + start), gradient + start * all,
                      to_projected + 3 * start * all, to_bias);
  close_attention(&own);
  return 0;
}
