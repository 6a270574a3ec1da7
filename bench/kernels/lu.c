/* LU decomposition with partial pivoting, and the solution of one system: doubles, divisions, loops of shrinking length. */
#include "kernel.h"

enum { size = 48 };
static double m[size][size], x[size];
static u32 row_of[size];

static double magnitude(double value) { return value < 0 ? -value : value; }

static void decompose(void) {
  for (u32 i = 0; i < size; i++) row_of[i] = i;
  for (u32 k = 0; k < size; k++) {
    u32 pivot = k;
    for (u32 i = k + 1; i < size; i++)
      if (magnitude(m[row_of[i]][k]) > magnitude(m[row_of[pivot]][k])) pivot = i;
    u32 chosen = row_of[pivot];
    row_of[pivot] = row_of[k];
    row_of[k] = chosen;
    for (u32 i = k + 1; i < size; i++) {
      double *row = m[row_of[i]];
      double factor = row[k] / m[chosen][k];
      row[k] = factor;
      for (u32 j = k + 1; j < size; j++) row[j] -= factor * m[chosen][j];
    }
  }
}

static void solve(void) {
  for (u32 i = 0; i < size; i++) {
    double value = i + 1;
    for (u32 j = 0; j < i; j++) value -= m[row_of[i]][j] * x[j];
    x[i] = value;
  }
  for (u32 i = size; i-- > 0;) {
    double value = x[i];
    for (u32 j = i + 1; j < size; j++) value -= m[row_of[i]][j] * x[j];
    x[i] = value / m[row_of[i]][i];
  }
}

u32 run(u32 n) {
  u32 sum = 0, random = 1;
  while (n-- > 0) {
    for (u32 i = 0; i < size; i++)
      for (u32 j = 0; j < size; j++) m[i][j] = (double)(i32)(next_random(&random) >> 8) / 65536 - 128;
    decompose();
    solve();
    for (u32 i = 0; i < size; i++) sum = mix_double(sum, x[i]);
  }
  return sum;
}
