/* Encodings are rows and queries columns: each product reads them as they lie, and a softmax needs no sum across lanes. */
#include "cross_attention.h"
#include "products.h"

int open_cross(Cross *own, int64_t queries, int64_t states, int64_t longest) {
  own->queries = queries, own->padded = rounded(queries, 16), own->states = states;
  const Part parts[] = {{&own->across, states * own->padded}, {&own->to_shares, longest * own->padded}};
  return open_scratch(&own->scratch, parts, sizeof parts / sizeof *parts);
}

void close_cross(Cross *own) { close_scratch(&own->scratch); }

/* own->across = factor times the transpose of from (queries, states); columns beyond stay zero. */
static void turn(const Cross *own, const float *from, float factor) {
  for (int64_t query = 0; query < own->queries; query++)
    for (int64_t k = 0; k < own->states; k++)
      own->across[k * own->padded + query] = from[query * own->states + k] * factor;
}

void attend_across(const Cross *own, const float *queries, const float *encoded, float *shares, float *mixed) {
  const int64_t padded = own->padded, states = own->states, length = own->length;
  turn(own, queries, LOG2_E);
  product(length, padded, states, encoded, states, own->across, padded, shares, padded);
  for (int64_t column = 0; column < padded; column += LANES) {
    vec most = load(shares + column), sum = {0};
    for (int64_t j = 1; j < length; j++) most = max(most, load(shares + j * padded + column));
    for (int64_t j = 0; j < length; j++) {
      vec power = exp2_of(load(shares + j * padded + column) - most);
      store(shares + j * padded + column, power);
      sum += power;
    }
    sum = 1.0f / sum;
    for (int64_t j = 0; j < length; j++)
      store(shares + j * padded + column, load(shares + j * padded + column) * sum);
  }
  memset(mixed, 0, own->queries * states * sizeof(float));
  add_transposed_product(own->queries, states, length, shares, padded, encoded, states, mixed, states);
}

void attend_across_backward(const Cross *own, const float *queries, const float *encoded, const float *shares,
                            const float *to_mixed, float *to_queries, float *to_encoded) {
  const int64_t padded = own->padded, states = own->states, length = own->length;
  float *to_shares = own->to_shares;
  turn(own, to_mixed, 1);
  product(length, padded, states, encoded, states, own->across, padded, to_shares, padded);
  for (int64_t column = 0; column < padded; column += LANES) {
    vec both = {0}; /* what the softmax's gradient subtracts */
    for (int64_t j = 0; j < length; j++)
      both += load(shares + j * padded + column) * load(to_shares + j * padded + column);
    for (int64_t j = 0; j < length; j++) {
      const int64_t at = j * padded + column;
      store(to_shares + at, load(shares + at) * (load(to_shares + at) - both));
    }
  }
  memset(to_queries, 0, own->queries * states * sizeof(float));
  add_transposed_product(own->queries, states, length, to_shares, padded, encoded, states, to_queries, states);
  product(length, states, own->queries, shares, padded, to_mixed, states, to_encoded, states);
  add_product(length, states, own->queries, to_shares, padded, queries, states, to_encoded, states);
}
