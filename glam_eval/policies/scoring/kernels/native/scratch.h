/* Memory that a kernel needs beside its arguments, and how it rounds. */
#pragma once
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

typedef struct {
  float **at;
  int64_t floats;
} Part;

typedef struct {
  float *memory;
  unsigned mode; /* of rounding and the like, as the caller had it */
} Scratch;

/* Point the parts to zeroed memory of their sizes. Returns 1 if there is none, else 0. */
static inline int open_scratch(Scratch *scratch, const Part *parts, int count) {
  size_t floats = 0;
  for (int part = 0; part < count; part++) floats += rounded(parts[part].floats, LANES);
  float *next = scratch->memory = aligned_alloc(BYTES, floats * sizeof(float));
  if (!next) return 1;
  memset(next, 0, floats * sizeof(float));
  for (int part = 0; part < count; part++) *parts[part].at = next, next += rounded(parts[part].floats, LANES);
#ifdef __SSE__
  scratch->mode = _mm_getcsr();
  _mm_setcsr(scratch->mode | 0x8040); /* numbers below 1e-38 are 0: they would take a hundred times as long */
#endif
  return 0;
}

static inline void close_scratch(Scratch *scratch) {
  free(scratch->memory);
#ifdef __SSE__
  _mm_setcsr(scratch->mode);
#endif
}
