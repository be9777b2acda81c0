/* Self-attention of each prompt with T5's position bias, which is read and added to by relative position.
 *
 * Scores of a few queries at a time stay in the cache; the backward pass computes them again.
 */
#include "attention.h"
#include "products.h"

#define QUERIES (2 * ROWS) /* at a time, in the backward pass: with fewer, sums over them are mostly loads and stores */

int open_attention(Attention *own, const Shape *shape) {
  const int64_t longest = rounded(shape->longest, LANES), wide = rounded(shape->width, LANES);
  const int64_t row = longest + 2 * LANES, vectors = longest * wide, offsets = 2 * longest + 2 * LANES;
  const Part parts[] = {
      {&own->bias, offsets},       {&own->to_bias, offsets},
      {&own->queries, vectors},    {&own->keys, vectors},
      {&own->values, vectors},     {&own->gradient, vectors},
      {&own->to_keys, vectors},    {&own->to_values, vectors},
      {&own->keys_across, vectors}, {&own->values_across, vectors},
      {&own->scores, QUERIES * row + LANES}, {&own->to_scores, QUERIES * row + LANES},
      {&own->result, QUERIES * wide},
  };
  own->wide = wide, own->row = row;
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

/* The biases of key - query from 1 - length on, times log2 e as all scores are: powers of 2 take fewer operations. */
static void gather_bias(Attention *own, const Shape *shape, int64_t head, int64_t length, const float *bias) {
  const float *from = bias + head * (2 * shape->longest - 1) + shape->longest - length;
  for (int64_t offset = 0; offset < 2 * length - 1; offset += LANES)
    store(own->bias + offset, load_some(from + offset, 2 * length - 1 - offset) * LOG2_E);
}

/* Scores of some queries, those beyond the prompt's end at -1e30. */
static void score(Attention *own, int64_t query, int64_t rows, int64_t length, int64_t width, const float *queries,
                  int64_t stride) {
  const int64_t padded = rounded(length, LANES);
  biased_product(rows, padded, width, queries, stride, own->keys_across, padded, own->scores + LANES, own->row,
                 own->bias + length - 1 - query);
  vec beyond;
  for (int lane = 0; lane < LANES; lane++) beyond[lane] = padded - LANES + lane < length ? 0 : -1e30f;
  for (int64_t row = 0; row < rows; row++) {
    float *last = own->scores + row * own->row + padded;
    store(last, load(last) + beyond);
  }
}

void attend(Attention *own, const Shape *shape, int64_t head, int64_t length, const float *projected,
            const float *bias, float *output, float *normalizers) {
  const int64_t width = shape->width, all = shape->heads * width, stride = 3 * all, wide = own->wide;
  const int64_t padded = rounded(length, LANES);
  const float *queries = projected + head * width;
  gather_bias(own, shape, head, length, bias);
  gather_across(queries + all, stride, length, width, padded, LOG2_E, own->keys_across);
  gather(queries + 2 * all, stride, length, width, wide, own->values);
  for (int64_t query = 0; query < length; query += ROWS) {
    const int64_t rows = length - query < ROWS ? length - query : ROWS;
    float most[ROWS], inverse[ROWS];
    score(own, query, rows, length, width, queries + query * stride, stride);
    for (int64_t row = 0; row < rows; row++) { /* a loop of its own: rows overlap where none waits for its exponents */
      const float *scores = own->scores + row * own->row + LANES;
      vec greatest = load(scores);
      for (int64_t j = LANES; j < padded; j += LANES) greatest = max(greatest, load(scores + j));
      most[row] = max_of(greatest);
    }
    for (int64_t row = 0; row < rows; row++) {
      float *scores = own->scores + row * own->row + LANES;
      vec sum = {0};
      for (int64_t j = 0; j < padded; j += LANES) {
        vec power = exp2_of(load(scores + j) - most[row]);
        store(scores + j, power);
        sum += power;
      }
      inverse[row] = 1 / sum_of(sum);
      normalizers[2 * (query + row)] = most[row], normalizers[2 * (query + row) + 1] = inverse[row];
    }
    product(rows, wide, length, own->scores + LANES, own->row, own->values, wide, own->result, wide);
    for (int64_t row = 0; row < rows; row++)
      for (int64_t k = 0; k < width; k += LANES)
        store_some(output + (query + row) * all + head * width + k, load(own->result + row * wide + k) * inverse[row],
                   width - k);
  }
}

/* Adds gradients of scores (rows, length) to those of the biases: as many diagonals at once as sums fit a vector. */
static void add_to_bias(Attention *own, int64_t query, int64_t all_rows, int64_t length) {
  for (int64_t first = 0; first < all_rows; first += ROWS) {
    const int64_t rows = all_rows - first < ROWS ? all_rows - first : ROWS;
    const float *from = own->to_scores + first * own->row + LANES - (rows - 1);
    float *to = own->to_bias + length - query - first - rows;
    for (int64_t offset = 0; offset < length + rows - 1; offset += LANES) {
      vec sum = load(to + offset);
      for (int64_t row = 0; row < rows; row++) sum += load(from + row * (own->row + 1) + offset);
      store(to + offset, sum);
    }
  }
}

void attend_backward(Attention *own, const Shape *shape, int64_t head, int64_t length, const float *projected,
                     const float *bias, const float *output, const float *normalizers, const float *gradient,
                     float *to_projected, float *to_bias) {
  const int64_t width = shape->width, all = shape->heads * width, stride = 3 * all, wide = own->wide;
  const int64_t padded = rounded(length, LANES), offsets = 2 * length - 1;
  const float *queries = projected + head * width;
  float *to_queries = to_projected + head * width;
  gather_bias(own, shape, head, length, bias);
  gather(queries, stride, length, width, wide, own->queries);
  gather(queries + all, stride, length, width, wide, own->keys);
  gather(gradient + head * width, all, length, width, wide, own->gradient);
  gather_across(queries + all, stride, length, width, padded, LOG2_E, own->keys_across);
  gather_across(queries + 2 * all, stride, length, width, padded, 1, own->values_across);
  memset(own->to_keys, 0, length * wide * sizeof(float));
  memset(own->to_values, 0, length * wide * sizeof(float));
  memset(own->to_bias, 0, rounded(offsets + 2 * LANES, LANES) * sizeof(float));
  for (int64_t row = 0; row < QUERIES; row++) /* what add_to_bias reads beyond the end */
    for (int64_t j = 0; j < 2; j++) store(own->to_scores + row * own->row + (1 + j) * LANES + padded, (vec){0});
  for (int64_t query = 0; query < length; query += QUERIES) {
    const int64_t rows = length - query < QUERIES ? length - query : QUERIES;
    const float *part = own->queries + query * wide, *to_part = own->gradient + query * wide;
    score(own, query, rows, length, width, part, wide);
    product(rows, padded, width, to_part, wide, own->values_across, padded, own->to_scores + LANES, own->row);
    for (int64_t row = 0; row < rows; row++) {
      float *scores = own->scores + row * own->row + LANES, *to_scores = own->to_scores + row * own->row + LANES;
      const float *normalizer = normalizers + 2 * (query + row);
      const float *attended = output + (query + row) * all + head * width;
      vec products = {0}; /* of output and gradient: what the softmax's gradient subtracts */
      for (int64_t k = 0; k < width; k += LANES)
        products += load_some(attended + k, width - k) * load(to_part + row * wide + k);
      const float both = sum_of(products), most = normalizer[0], inverse = normalizer[1];
      for (int64_t j = 0; j < padded; j += LANES) {
        vec probability = exp2_of(load(scores + j) - most) * inverse;
        store(scores + j, probability);
        store(to_scores + j, probability * (load(to_scores + j) - both));
      }
    }
    product(rows, wide, length, own->to_scores + LANES, own->row, own->keys, wide, own->result, wide);
    scatter(own->result, wide, rows, width, stride, to_queries + query * stride);
    add_transposed_product(length, wide, rows, own->to_scores + LANES, own->row, part, wide, own->to_keys, wide);
    add_transposed_product(length, wide, rows, own->scores + LANES, own->row, to_part, wide, own->to_values, wide);
    add_to_bias(own, query, rows, length);
  }
  scatter(own->to_keys, wide, length, width, stride, to_queries + all);
  scatter(own->to_values, wide, length, width, stride, to_queries + 2 * all);
  float *to = to_bias + head * (2 * shape->longest - 1) + shape->longest - length;
  for (int64_t offset = 0; offset < offsets; offset += LANES) {
    const int64_t some = offsets - offset;
    store_some(to + offset, load_some(to + offset, some) + load(own->to_bias + offset), some);
  }
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
