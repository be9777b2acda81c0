/* Products of matrices small enough for the caches; columns are a multiple of LANES, and rows lie any stride apart. */
#pragma once
#include <stdint.h>

/* c (rows, columns) = a (rows, depth) b (depth, columns) */
void product(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t a_row, const float *b,
             int64_t b_row, float *c, int64_t c_row);
/* c += a b */
void add_product(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t a_row, const float *b,
                 int64_t b_row, float *c, int64_t c_row);
/* c += a' b, a (depth, rows) */
void add_transposed_product(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t a_row,
                            const float *b, int64_t b_row, float *c, int64_t c_row);
/* c = a b, with bias[column - row] added */
void biased_product(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t a_row, const float *b,
                    int64_t b_row, float *c, int64_t c_row, const float *bias);
