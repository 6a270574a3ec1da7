/* A short function called through a table, thousands of times: what a call by call_indirect costs, with its checks. */
#include "kernel.h"

enum { calls = 1024 };
typedef u32 operation(u32 a, u32 b);

REAL_CALLS static u32 plus(u32 a, u32 b) { return a + b; }
REAL_CALLS static u32 minus(u32 a, u32 b) { return a - b; }
REAL_CALLS static u32 either(u32 a, u32 b) { return a ^ b; }
REAL_CALLS static u32 turned(u32 a, u32 b) { return (a << 5 | a >> 27) + b; }

/* Written to at the start, so that no compiler knows who is called. */
static operation *volatile all[4] = {plus, minus, either, turned};
static operation *table[4];
static u8 order[calls];

u32 run(u32 n) {
  u32 random = 31, sum = 1;
  for (u32 i = 0; i < 4; i++) table[i] = all[i];
  for (u32 i = 0; i < calls; i++) order[i] = next_random(&random) >> 8 & 3;
  for (; n > 0; n--)
    for (u32 i = 0; i < calls; i++) sum = table[order[i]](sum, i);
  return sum;
}
