/* Attention among the nodes of a prompt's tree, each to itself and its ancestors: one prompt and head. */
#pragma once
#include <stdint.h>

typedef struct {
  int64_t nodes, width;
  int64_t stride;  /* from one node's queries to the next's */
  int64_t across;  /* from queries to keys, and from those to values; also from one node's output to the next's */
} Tree;

/* probabilities (nodes, rounded(nodes, 16)), output, from queries, keys and values beside each other */
void attend_in_tree(const Tree *tree, const float *projected, const float *bias, float *probabilities, float *output);
/* adds to to_bias; scratch is for rounded(nodes, 16) floats */
void attend_in_tree_backward(const Tree *tree, const float *projected, const float *probabilities,
                             const float *gradient, float *to_projected, float *to_bias, float *scratch);
