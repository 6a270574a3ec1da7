/* Two functions that call each other, a thousand deep: frames come and go in long runs. */
#include "kernel.h"

enum { depth = 1000 };
static u32 odd(u32 n, u32 sum);

REAL_CALLS static u32 even(u32 n, u32 sum) { return n == 0 ? sum : odd(n - 1, sum + n) ^ n; }
REAL_CALLS static u32 odd(u32 n, u32 sum) { return n == 0 ? sum : even(n - 1, sum ^ n << 3) + n; }

u32 run(u32 n) {
  u32 sum = 0;
  while (n-- > 0) sum = even(depth, sum);
  return sum;
}
