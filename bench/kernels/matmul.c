/* Product of two matrices of doubles, in the textbook order of loops: strided loads, additions that wait for each other. */
#include "kernel.h"

enum { size = 64 };
static double a[size][size], b[size][size], c[size][size];

u32 run(u32 n) {
  for (u32 i = 0; i < size; i++)
    for (u32 j = 0; j < size; j++) {
      a[i][j] = (double)(i * 3 + j) / size;
      b[i][j] = (double)(i + j * 5) / (size * 4);
    }
  u32 sum = 0;
  while (n-- > 0) {
    for (u32 i = 0; i < size; i++)
      for (u32 j = 0; j < size; j++) {
        double element = 0;
        for (u32 k = 0; k < size; k++) element += a[i][k] * b[k][j];
        c[i][j] = element;
      }
    /* The next round's input depends on this one's result. */
    for (u32 i = 0; i < size; i++) {
      sum = mix_double(sum, c[i][(i * 7) % size]);
      a[i][i] = c[i][i] * 0.001953125;
    }
  }
  return sum;
}
