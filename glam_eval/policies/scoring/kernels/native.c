/* What T5 spends its time on beside matrix products, forward and backward, on one processor core.
 *
 * Everything is summed in one fixed order: equal inputs give equal bits.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define BYTES 64
#define ROWS 8 /* ROWS x 2 sums and what they are made of fit the registers */
#elif defined(__AVX__)
#define BYTES 32
#define ROWS 4
#else
#define BYTES 16
#define ROWS 8
#endif
#define LANES (BYTES / 4)
#define COLUMNS (2 * LANES)
#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(BYTES)));
typedef int32_t ivec __attribute__((vector_size(BYTES)));
typedef float unaligned __attribute__((vector_size(BYTES), aligned(4), may_alias));

INLINE vec load(const float *from) { return *(const unaligned *)from; }
INLINE void store(float *to, vec value) { *(unaligned *)to = value; }
INLINE vec load_some(const float *from, int64_t count) { /* at most LANES; zeros beyond */
  vec value = {0};
  if (count >= LANES) return load(from);
  memcpy(&value, from, count * sizeof(float));
  return value;
}
INLINE void store_some(float *to, vec value, int64_t count) {
  if (count >= LANES)
    store(to, value);
  else
    memcpy(to, &value, count * sizeof(float));
}
INLINE vec choose(ivec condition, vec one, vec other) {
  return (vec)((condition & (ivec)one) | (~condition & (ivec)other));
}
#ifdef __AVX512F__
INLINE vec max(vec one, vec other) { return (vec)_mm512_max_ps((__m512)one, (__m512)other); }
INLINE float sum_of(vec value) { return _mm512_reduce_add_ps((__m512)value); }
INLINE float max_of(vec value) { return _mm512_reduce_max_ps((__m512)value); }
#else
INLINE vec max(vec one, vec other) { return choose(one > other, one, other); }
INLINE float sum_of(vec value) {
  float sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += value[lane];
  return sum;
}
INLINE float max_of(vec value) {
  float most = value[0];
  for (int lane = 1; lane < LANES; lane++) most = value[lane] > most ? value[lane] : most;
  return most;
}
#endif
INLINE int64_t rounded(int64_t count, int64_t multiple) { return (count + multiple - 1) / multiple * multiple; }

/* exp(x) for x up to 88, within 2 units in the last place; at least exp(-87). Cephes' expf: cut by ln 2, a polynomial. */
INLINE vec exp_of(vec x) {
  const vec least = (vec){0} - 87.0f;
  const float round = 12582912.0f; /* 1.5 * 2^23: adding it leaves an integer in the low bits */
  x = max(least, x); /* NaN stays NaN */
  vec shifted = x * 1.44269504088896341f + round;
  vec power = shifted - round;
  vec r = x - power * 0.693359375f + power * 2.12194440e-4f;
  vec y = r * 1.9875691500e-4f + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + r + 1.0f;
  return (vec)((ivec)y + ((ivec)shifted << 23));
}

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
  const vec most = (vec){0} + 88.0f;
  return 1.0f / (1.0f + exp_of(-max(-most, x * (SLOPE + CUBIC * x * x))));
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

/* Attention. Scores of ROWS queries at a time stay in the first-level cache; the position bias and its gradient
 * are read and added by relative position.
 */

/* out (ROWS, padded) = rows (ROWS, wide) columns (width, padded), each row's offsets and the end's mask added if
 * biased; then the rows' greatest values go to most.
 */
INLINE void products(const int biased, const float *rows, const float *columns, int64_t width, int64_t wide,
                     int64_t padded, const float *offsets, const float *end, float *out, float *most) {
  vec greatest[ROWS];
  for (int row = 0; row < ROWS; row++) greatest[row] = (vec){0} - 1e30f;
  for (int64_t column = 0; column < padded; column += COLUMNS) {
    vec sums[ROWS][2];
    for (int v = 0; v < 2; v++) {
      const int64_t j = column + v * LANES;
      for (int row = 0; row < ROWS; row++)
        sums[row][v] = biased ? load(offsets - row + j) + load(end + j) : (vec){0};
    }
    for (int64_t k = 0; k < width; k++) {
      vec left = load(columns + k * padded + column), right = load(columns + k * padded + column + LANES);
#pragma GCC unroll 8
      for (int row = 0; row < ROWS; row++) {
        sums[row][0] += rows[row * wide + k] * left;
        sums[row][1] += rows[row * wide + k] * right;
      }
    }
    for (int row = 0; row < ROWS; row++) {
      store(out + row * padded + column, sums[row][0]);
      store(out + row * padded + column + LANES, sums[row][1]);
      if (biased) greatest[row] = max(greatest[row], max(sums[row][0], sums[row][1]));
    }
  }
  if (biased)
    for (int row = 0; row < ROWS; row++) most[row] = max_of(greatest[row]);
}

static void times_columns(const float *rows, const float *columns, int64_t width, int64_t wide, int64_t padded,
                          float *out) {
  products(0, rows, columns, width, wide, padded, 0, 0, out, 0);
}

static void biased_products(const float *rows, const float *columns, int64_t width, int64_t wide, int64_t padded,
                            const float *offsets, const float *end, float *out, float *most) {
  products(1, rows, columns, width, wide, padded, offsets, end, out, most);
}

/* out (ROWS, wide) = weights (ROWS, padded) values (length, wide), from column on, as many vectors */
INLINE void some_weighted_sums(const int vectors, int64_t column, const float *weights, const float *values,
                               int64_t length, int64_t padded, int64_t wide, float *out) {
  vec sums[ROWS][2];
  for (int row = 0; row < ROWS; row++)
    for (int v = 0; v < vectors; v++) sums[row][v] = (vec){0};
  for (int64_t j = 0; j < length; j++) {
    vec value[2];
    for (int v = 0; v < vectors; v++) value[v] = load(values + j * wide + column + v * LANES);
#pragma GCC unroll 8
    for (int row = 0; row < ROWS; row++)
      for (int v = 0; v < vectors; v++) sums[row][v] += weights[row * padded + j] * value[v];
  }
  for (int row = 0; row < ROWS; row++)
    for (int v = 0; v < vectors; v++) store(out + row * wide + column + v * LANES, sums[row][v]);
}

static void weighted_sums(const float *weights, const float *values, int64_t length, int64_t padded, int64_t wide,
                          float *out) {
  int64_t column = 0;
  for (; column + COLUMNS <= wide; column += COLUMNS)
    some_weighted_sums(2, column, weights, values, length, padded, wide, out);
  if (column < wide) some_weighted_sums(1, column, weights, values, length, padded, wide, out);
}

/* out (length, wide) += weights (ROWS, padded) transposed, times rows (ROWS, wide), as many vectors from column on */
INLINE void add_some_outer(const int vectors, int64_t column, const float *weights, const float *rows,
                           int64_t length, int64_t padded, int64_t wide, float *out) {
  vec each[ROWS][2];
  for (int row = 0; row < ROWS; row++)
    for (int v = 0; v < vectors; v++) each[row][v] = load(rows + row * wide + column + v * LANES);
  for (int64_t j = 0; j < length; j++) {
    float *to = out + j * wide + column;
    vec sums[2];
    for (int v = 0; v < vectors; v++) sums[v] = load(to + v * LANES);
#pragma GCC unroll 8
    for (int row = 0; row < ROWS; row++)
      for (int v = 0; v < vectors; v++) sums[v] += weights[row * padded + j] * each[row][v];
    for (int v = 0; v < vectors; v++) store(to + v * LANES, sums[v]);
  }
}

static void add_outer(const float *weights, const float *rows, int64_t length, int64_t padded, int64_t wide,
                      float *out) {
  int64_t column = 0;
  for (; column + COLUMNS <= wide; column += COLUMNS)
    add_some_outer(2, column, weights, rows, length, padded, wide, out);
  if (column < wide) add_some_outer(1, column, weights, rows, length, padded, wide, out);
}

/* Copies of one prompt's and head's vectors (length, width): beside each other, or one below the other. */
static void gather(const float *from, int64_t stride, int64_t length, int64_t width, int64_t wide, float *to) {
  for (int64_t j = 0; j < length; j++) memcpy(to + j * wide, from + j * stride, width * sizeof(float));
}
static void gather_transposed(const float *from, int64_t stride, int64_t length, int64_t width, int64_t padded,
                              float *to) {
  for (int64_t j = 0; j < length; j++)
    for (int64_t k = 0; k < width; k++) to[k * padded + j] = from[j * stride + k];
  for (int64_t k = 0; k < width; k++) memset(to + k * padded + length, 0, (padded - length) * sizeof(float));
}
static void scatter(const float *from, int64_t wide, int64_t length, int64_t width, int64_t stride, float *to) {
  for (int64_t j = 0; j < length; j++) memcpy(to + j * stride, from + j * wide, width * sizeof(float));
}

typedef struct {
  int64_t prompts, tokens, longest, heads, width;
  const int64_t *lengths; /* (prompts,) */
} Shape;

/* What a call needs beside its arguments: zeroed once; what lies beyond a row's end stays zero. */
typedef struct {
  int64_t wide, most; /* width and the longest length, rounded up */
  unsigned mode;      /* of rounding and the like, as the caller had it */
  float *memory, *bias, *to_bias, *end, *keys, *values, *keys_across, *values_across, *to_keys, *to_values;
  float *queries, *gradient, *scores, *to_scores, *result;
} Scratch;

static int make_scratch(Scratch *s, const Shape *shape) {
  s->wide = rounded(shape->width, LANES), s->most = rounded(shape->longest, COLUMNS);
  int64_t offsets = rounded(2 * shape->longest + COLUMNS, COLUMNS), vectors = s->most * s->wide, rows = ROWS * s->wide;
  size_t bytes = (2 * offsets + COLUMNS + s->most + 6 * vectors + 3 * rows + 2 * ROWS * s->most) * sizeof(float);
  float *next = s->memory = aligned_alloc(BYTES, bytes);
  if (!next) return 1;
  memset(next, 0, bytes);
  s->bias = next + COLUMNS, next += COLUMNS + offsets; /* rows beyond the last query read before its start */
  s->to_bias = next, next += offsets;
  s->end = next, next += s->most;
  float **of_vectors[] = {&s->keys, &s->values, &s->keys_across, &s->values_across, &s->to_keys, &s->to_values};
  for (int each = 0; each < 6; each++) *of_vectors[each] = next, next += vectors;
  float **of_rows[] = {&s->queries, &s->gradient, &s->result};
  for (int each = 0; each < 3; each++) *of_rows[each] = next, next += rows;
  s->scores = next, s->to_scores = next + ROWS * s->most;
#ifdef __SSE__
  s->mode = _mm_getcsr();
  _mm_setcsr(s->mode | 0x8040); /* numbers below 1e-38 are 0: they would take a hundred times as long */
#endif
  return 0;
}

static void free_scratch(Scratch *s) {
  free(s->memory);
#ifdef __SSE__
  _mm_setcsr(s->mode);
#endif
}

static void mask_end(int64_t length, int64_t padded, float *end) {
  for (int64_t j = 0; j < padded; j++) end[j] = j < length ? 0 : -1e30f;
}

/* Forward: output (tokens, heads, width) = softmax(q k + bias) v, normalizers (heads, tokens, 2) = the greatest score
 * and 1 / the sum of powers.
 *
 * projected: (tokens, 3, heads, width); bias: (heads, 2 longest - 1), of key - query + longest - 1.
 * Computes heads first to last - 1. Returns 1 if there is no memory, else 0.
 */
int attention_forward(int64_t first, int64_t last, const Shape *shape, const float *projected, const float *bias,
                      float *output, float *normalizers) {
  const int64_t width = shape->width, longest = shape->longest, all = shape->heads * width, stride = 3 * all;
  Scratch s;
  if (make_scratch(&s, shape)) return 1;
  for (int64_t head = first; head < last; head++) {
    memcpy(s.bias, bias + head * (2 * longest - 1), (2 * longest - 1) * sizeof(float));
    for (int64_t prompt = 0, start = 0; prompt < shape->prompts; start += shape->lengths[prompt++]) {
      const int64_t length = shape->lengths[prompt], padded = rounded(length, COLUMNS);
      const float *queries = projected + start * stride + head * width;
      mask_end(length, padded, s.end);
      gather_transposed(queries + all, stride, length, width, padded, s.keys_across);
      gather(queries + 2 * all, stride, length, width, s.wide, s.values);
      for (int64_t query = 0; query < length; query += ROWS) {
        const int64_t rows = length - query < ROWS ? length - query : ROWS;
        float most[ROWS], inverse[ROWS];
        gather(queries + query * stride, stride, rows, width, s.wide, s.queries);
        biased_products(s.queries, s.keys_across, width, s.wide, padded, s.bias + longest - 1 - query, s.end, s.scores,
                        most);
        for (int64_t row = 0; row < rows; row++) {
          float *scores = s.scores + row * padded;
          vec sum = (vec){0};
          for (int64_t j = 0; j < padded; j += LANES) {
            vec power = exp_of(load(scores + j) - most[row]);
            store(scores + j, power);
            sum += power;
          }
          inverse[row] = 1 / sum_of(sum);
          const int64_t place = 2 * (head * shape->tokens + start + query + row);
          normalizers[place] = most[row], normalizers[place + 1] = inverse[row];
        }
        weighted_sums(s.scores, s.values, length, padded, s.wide, s.result);
        for (int64_t row = 0; row < rows; row++)
          for (int64_t k = 0; k < s.wide; k += LANES)
            store(s.result + row * s.wide + k, load(s.result + row * s.wide + k) * inverse[row]);
        scatter(s.result, s.wide, rows, width, all, output + (start + query) * all + head * width);
      }
    }
  }
  free_scratch(&s);
  return 0;
}

/* Backward: to_projected and to_bias, of the shapes of projected and bias, from the output's gradient. */
int attention_backward(int64_t first, int64_t last, const Shape *shape, const float *projected, const float *bias,
                       const float *output, const float *normalizers, const float *gradient, float *to_projected,
                       float *to_bias) {
  const int64_t width = shape->width, longest = shape->longest, all = shape->heads * width, stride = 3 * all;
  const int64_t offsets = 2 * longest - 1;
  Scratch s;
  if (make_scratch(&s, shape)) return 1;
  for (int64_t head = first; head < last; head++) {
    memcpy(s.bias, bias + head * offsets, offsets * sizeof(float));
    memset(s.to_bias, 0, offsets * sizeof(float));
    for (int64_t prompt = 0, start = 0; prompt < shape->prompts; start += shape->lengths[prompt++]) {
      const int64_t length = shape->lengths[prompt], padded = rounded(length, COLUMNS);
      const float *queries = projected + start * stride + head * width;
      float *to_queries = to_projected + start * stride + head * width;
      mask_end(length, padded, s.end);
      gather(queries + all, stride, length, width, s.wide, s.keys);
      gather_transposed(queries + all, stride, length, width, padded, s.keys_across);
      gather_transposed(queries + 2 * all, stride, length, width, padded, s.values_across);
      memset(s.to_keys, 0, length * s.wide * sizeof(float));
      memset(s.to_values, 0, length * s.wide * sizeof(float));
      for (int64_t query = 0; query < length; query += ROWS) {
        const int64_t rows = length - query < ROWS ? length - query : ROWS;
        const int64_t place = (start + query) * all + head * width;
        const float *normalizer = normalizers + 2 * (head * shape->tokens + start + query);
        float most[ROWS];
        gather(queries + query * stride, stride, rows, width, s.wide, s.queries);
        gather(gradient + place, all, rows, width, s.wide, s.gradient);
        biased_products(s.queries, s.keys_across, width, s.wide, padded, s.bias + longest - 1 - query, s.end, s.scores,
                        most);
        times_columns(s.gradient, s.values_across, width, s.wide, padded, s.to_scores);
        memset(s.scores + rows * padded, 0, (ROWS - rows) * padded * sizeof(float));
        memset(s.to_scores + rows * padded, 0, (ROWS - rows) * padded * sizeof(float));
        for (int64_t row = 0; row < rows; row++) {
          float *scores = s.scores + row * padded, *to_scores = s.to_scores + row * padded;
          const int64_t shift = longest - 1 - (query + row);
          vec products = {0}; /* of output and gradient: what the softmax's gradient subtracts */
          for (int64_t k = 0; k < width; k += LANES)
            products += load_some(output + place + row * all + k, width - k) * load(s.gradient + row * s.wide + k);
          const float product = sum_of(products);
          for (int64_t j = 0; j < padded; j += LANES) {
            vec probability = exp_of(load(scores + j) - normalizer[2 * row]) * normalizer[2 * row + 1];
            store(scores + j, probability);
            store(to_scores + j, probability * (load(to_scores + j) - product));
          }
          for (int64_t j = length; j < padded; j++) scores[j] = to_scores[j] = 0;
          for (int64_t j = 0; j < padded; j += LANES)
            store(s.to_bias + shift + j, load(s.to_bias + shift + j) + load(to_scores + j));
        }
        weighted_sums(s.to_scores, s.keys, length, padded, s.wide, s.result);
        scatter(s.result, s.wide, rows, width, stride, to_queries + query * stride);
        add_outer(s.to_scores, s.queries, length, padded, s.wide, s.to_keys);
        add_outer(s.scores, s.gradient, length, padded, s.wide, s.to_values);
      }
      scatter(s.to_keys, s.wide, length, width, stride, to_queries + all);
      scatter(s.to_values, s.wide, length, width, stride, to_queries + 2 * all);
    }
    memcpy(to_bias + head * offsets, s.to_bias, offsets * sizeof(float));
  }
  free_scratch(&s);
  return 0;
}
