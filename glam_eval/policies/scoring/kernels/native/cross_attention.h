/* Attention of all queries of one prompt's tree, already in the space of the encodings, to its encodings. */
#pragma once
#include <stdint.h>

#include "scratch.h"

typedef struct {
  int64_t queries, padded, states, length; /* how many, and rounded to whole vectors; of the prompt */
  float *across, *to_shares;
  Scratch scratch;
} Cross;

/* Returns 1 if there is no memory for prompts of at most so many tokens, else 0. */
int open_cross(Cross *own, int64_t queries, int64_t states, int64_t longest);
void close_cross(Cross *own);

/* shares (length, padded) of the encodings (length, states) in the averages, mixed (queries, states) */
void attend_across(const Cross *own, const float *queries, const float *encoded, float *shares, float *mixed);
/* to_queries (queries, states) and to_encoded (length, states) from the gradient by mixed */
void attend_across_backward(const Cross *own, const float *queries, const float *encoded, const float *shares,
                            const float *to_mixed, float *to_queries, float *to_encoded);
