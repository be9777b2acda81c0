/* Vectors of floats on any processor that the compiler knows, and powers of them.
 *
 * Everything here and in what includes this is summed in one fixed order: equal inputs give equal bits.
 */
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define BYTES 64
#define ROWS 12 /* ROWS x 2 sums and what they are made of fit the registers */
#elif defined(__AVX__)
#define BYTES 32
#define ROWS 4
#else
#define BYTES 16
#define ROWS 4
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

/* 2^x within 2e-7 of it for x up to 127; at least 2^-126. A minimax polynomial of degree 5 beside the nearest integer. */
INLINE vec exp2_of(vec x) {
  const vec least = (vec){0} - 126.0f;
  const float round = 12582912.0f; /* 1.5 * 2^23: adding it leaves an integer in the low bits */
  x = max(least, x); /* NaN stays NaN */
  vec shifted = x + round;
  vec r = x - (shifted - round);
  vec y = r * 1.326472725e-3f + 9.671512786e-3f;
  y = y * r + 5.550733745e-2f;
  y = y * r + 2.402224208e-1f;
  y = y * r + 6.931469776e-1f;
  y = y * r + 1.0f;
  return (vec)((ivec)y + ((ivec)shifted << 23));
}
#define LOG2_E 1.4426950408889634f
