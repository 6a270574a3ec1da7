/* Heat in a plate: each point becomes the mean of itself and its four neighbours. Floats, two grids that change places. */
#include "kernel.h"

enum { size = 96 };
static float grids[2][size][size];

u32 run(u32 n) {
  u32 random = 7;
  for (u32 y = 0; y < size; y++)
    for (u32 x = 0; x < size; x++) grids[0][y][x] = grids[1][y][x] = (float)(next_random(&random) & 0xff);
  u32 from = 0;
  for (; n > 0; n--, from ^= 1) {
    float(*old)[size] = grids[from], (*new)[size] = grids[from ^ 1];
    for (u32 y = 1; y < size - 1; y++)
      for (u32 x = 1; x < size - 1; x++)
        new[y][x] = 0.5f * old[y][x] +
                    0.125f * (old[y - 1][x] + old[y + 1][x] + old[y][x - 1] + old[y][x + 1]);
  }
  u32 sum = 0;
  for (u32 y = 0; y < size; y++)
    for (u32 x = 0; x < size; x++) sum = mix_float(sum, grids[from][y][x]);
  return sum;
}
