/* Sums of ROWS rows and two vectors of columns stay in registers while all of a row and of a column pass by. */
#include "products.h"
#include "vectors.h"

enum start { ZERO, ADDED, BIASED }; /* what a product is added to: nothing, what is there, an offset's bias */

/* c (rows, vectors) = start + a (rows, depth) b (depth, vectors); a's element (r, k) is a[r * a_row + k * a_column] */
INLINE void tile(const int rows, const int vectors, const enum start start, int64_t depth, const float *a,
                 int64_t a_row, int64_t a_column, const float *b, int64_t b_row, float *c, int64_t c_row,
                 const float *bias) {
  vec sums[ROWS][2];
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      sums[r][v] = start == ADDED    ? load(c + r * c_row + v * LANES)
                   : start == BIASED ? load(bias - r + v * LANES)
                                     : (vec){0};
  for (int64_t k = 0; k < depth; k++) {
    vec each[2];
    for (int v = 0; v < vectors; v++) each[v] = load(b + k * b_row + v * LANES);
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < vectors; v++) sums[r][v] += a[r * a_row + k * a_column] * each[v];
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) store(c + r * c_row + v * LANES, sums[r][v]);
}

INLINE void strip(const int rows, const enum start start, int64_t columns, int64_t depth, const float *a,
                  int64_t a_row, int64_t a_column, const float *b, int64_t b_row, float *c, int64_t c_row,
                  const float *bias) {
  int64_t column = 0;
  for (; column + 2 * LANES <= columns; column += 2 * LANES)
    tile(rows, 2, start, depth, a, a_row, a_column, b + column, b_row, c + column, c_row, bias + column);
  if (column < columns)
    tile(rows, 1, start, depth, a, a_row, a_column, b + column, b_row, c + column, c_row, bias + column);
}

INLINE void multiply(const enum start start, int64_t rows, int64_t columns, int64_t depth, const float *a,
                     int64_t a_row, int64_t a_column, const float *b, int64_t b_row, float *c, int64_t c_row,
                     const float *bias) {
  int64_t r = 0;
  for (; r + ROWS <= rows; r += ROWS)
    strip(ROWS, start, columns, depth, a + r * a_row, a_row, a_column, b, b_row, c + r * c_row, c_row, bias - r);
  for (; r + 4 <= rows; r += 4)
    strip(4, start, columns, depth, a + r * a_row, a_row, a_column, b, b_row, c + r * c_row, c_row, bias - r);
  for (; r < rows; r++)
    strip(1, start, columns, depth, a + r * a_row, a_row, a_column, b, b_row, c + r * c_row, c_row, bias - r);
}

void product(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t a_row, const float *b,
             int64_t b_row, float *c, int64_t c_row) {
  multiply(ZERO, rows, columns, depth, a, a_row, 1, b, b_row, c, c_row, c);
}
void add_product(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t a_row, const float *b,
                 int64_t b_row, float *c, int64_t c_row) {
  multiply(ADDED, rows, columns, depth, a, a_row, 1, b, b_row, c, c_row, c);
}
void add_transposed_product(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t a_row,
                            const float *b, int64_t b_row, float *c, int64_t c_row) {
  multiply(ADDED, rows, columns, depth, a, 1, a_row, b, b_row, c, c_row, c);
}
void biased_product(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t a_row, const float *b,
                    int64_t b_row, float *c, int64_t c_row, const float *bias) {
  multiply(BIASED, rows, columns, depth, a, a_row, 1, b, b_row, c, c_row, bias);
}
