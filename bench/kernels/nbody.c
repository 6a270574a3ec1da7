/* Five bodies that attract each other: doubles, a root and a division for each pair. Positions and speeds are made up. */
#include "kernel.h"

enum { bodies = 5 };
static struct {
  double x, y, z, vx, vy, vz, mass;
} system[bodies];

static void advance(double time) {
  for (u32 i = 0; i < bodies; i++) {
    for (u32 j = i + 1; j < bodies; j++) {
      double dx = system[i].x - system[j].x, dy = system[i].y - system[j].y, dz = system[i].z - system[j].z;
      double square = dx * dx + dy * dy + dz * dz + 0.01;
      double pull = time / (square * __builtin_sqrt(square));
      double of_i = pull * system[i].mass, of_j = pull * system[j].mass;
      system[i].vx -= dx * of_j;
      system[i].vy -= dy * of_j;
      system[i].vz -= dz * of_j;
      system[j].vx += dx * of_i;
      system[j].vy += dy * of_i;
      system[j].vz += dz * of_i;
    }
  }
  for (u32 i = 0; i < bodies; i++) {
    system[i].x += time * system[i].vx;
    system[i].y += time * system[i].vy;
    system[i].z += time * system[i].vz;
  }
}

u32 run(u32 n) {
  for (u32 i = 0; i < bodies; i++) {
    system[i].x = 1.5 * i;
    system[i].y = i % 2 == 0 ? 0.5 * i : -0.75 * i;
    system[i].z = 0.125 * i * i;
    system[i].vx = i == 0 ? 0 : 0.25 / i;
    system[i].vy = i % 3 == 0 ? 0.0625 : -0.125;
    system[i].vz = 0.03125 * i;
    system[i].mass = i == 0 ? 10 : 0.5 / i;
  }
  while (n-- > 0) advance(0.001);
  u32 sum = 0;
  for (u32 i = 0; i < bodies; i++) {
    sum = mix_double(sum, system[i].x);
    sum = mix_double(sum, system[i].y);
    sum = mix_double(sum, system[i].z);
  }
  return sum;
}
