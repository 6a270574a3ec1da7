/*
 * What a JPEG encoder and decoder do to a grey picture, without files: discrete cosine transform of 8 by 8 points in integers,
 * quantisation, zigzag, run lengths, and all of it back.
 */
#include "kernel.h"

enum { width = 64, height = 64, most = 3 * 64 };
static u8 picture[height][width];

/* round(2^12 * cos((2 x + 1) u pi / 16) / 2), for u = 0 divided by the root of 2 (ITU-T T.81, A.3.3). */
static const i32 cosines[8][8] = {
    {1448, 1448, 1448, 1448, 1448, 1448, 1448, 1448},       {2009, 1703, 1138, 400, -400, -1138, -1703, -2009},
    {1892, 784, -784, -1892, -1892, -784, 784, 1892},       {1703, -400, -2009, -1138, 1138, 2009, 400, -1703},
    {1448, -1448, -1448, 1448, 1448, -1448, -1448, 1448},   {1138, -2009, 400, 1703, -1703, -400, 2009, -1138},
    {784, -1892, 1892, -784, -784, 1892, -1892, 784},       {400, -1138, 1703, -2009, 2009, -1703, 1138, -400},
};

/* T.81, table K.1. */
static const u8 steps[64] = {
    16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55, 14, 13, 16, 24, 40,  57,
    69, 56, 14, 17, 22,  29,  51,  87,  80, 62, 18, 22, 37,  56,  68,  109, 103, 77, 24, 35, 55, 64,
    81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
};

static u8 zigzag[64];

static void make_zigzag(void) {
  u32 x = 0, y = 0;
  for (u32 i = 0; i < 64; i++) {
    zigzag[i] = (u8)(8 * y + x);
    if ((x + y) % 2 == 0) {
      if (x == 7) y++;
      else if (y == 0) x++;
      else x++, y--;
    } else {
      if (y == 7) x++;
      else if (x == 0) y++;
      else x--, y++;
    }
  }
}

/* Rows, then columns. `forward` takes points to frequencies. */
static void transform(i32 *block, u32 forward) {
  i32 half[64];
  for (u32 pass = 0; pass < 2; pass++) {
    const i32 *from = pass == 0 ? block : half;
    i32 *to = pass == 0 ? half : block;
    for (u32 row = 0; row < 8; row++)
      for (u32 u = 0; u < 8; u++) {
        i32 sum = 1 << 11;
        for (u32 x = 0; x < 8; x++) sum += from[8 * row + x] * (forward ? cosines[u][x] : cosines[x][u]);
        to[8 * u + row] = sum >> 12;
      }
  }
}

/* Divides by the step, to the nearest. */
static i32 quantised(i32 value, i32 step) { return value >= 0 ? (value + step / 2) / step : -((step / 2 - value) / step); }

static u32 run_lengths(const i32 *block, i32 *out) {
  u32 used = 0, zeros = 0;
  for (u32 i = 0; i < 64; i++) {
    i32 value = quantised(block[zigzag[i]], steps[i]);
    if (value == 0) {
      zeros++;
      continue;
    }
    out[used++] = (i32)zeros;
    out[used++] = value;
    zeros = 0;
  }
  return used;
}

static void from_run_lengths(const i32 *in, u32 used, i32 *block) {
  for (u32 i = 0; i < 64; i++) block[i] = 0;
  u32 at = 0;
  for (u32 i = 0; i < used; i += 2) {
    at += (u32)in[i];
    block[zigzag[at]] = in[i + 1] * steps[at];
    at++;
  }
}

static u32 block_of(u32 top, u32 left, u32 sum) {
  i32 block[64], lengths[most];
  for (u32 y = 0; y < 8; y++)
    for (u32 x = 0; x < 8; x++) block[8 * y + x] = picture[top + y][left + x] - 128;
  transform(block, 1);
  u32 used = run_lengths(block, lengths);
  sum = mix(sum, used);
  for (u32 i = 0; i < used; i++) sum = mix(sum, (u32)lengths[i]);
  from_run_lengths(lengths, used, block);
  transform(block, 0);
  for (u32 y = 0; y < 8; y++)
    for (u32 x = 0; x < 8; x++) {
      i32 value = block[8 * y + x] + 128;
      picture[top + y][left + x] = (u8)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
  return sum;
}

u32 run(u32 n) {
  u32 random = 13, sum = 0;
  make_zigzag();
  for (u32 y = 0; y < height; y++)
    for (u32 x = 0; x < width; x++) picture[y][x] = (u8)((x * x + y * y) / 32 + (next_random(&random) & 15));
  while (n-- > 0) {
    for (u32 top = 0; top < height; top += 8)
      for (u32 left = 0; left < width; left += 8) sum = block_of(top, left, sum);
    /* Something new in each round, or pictures would soon stay as they are. */
    for (u32 i = 0; i < 64; i++) {
      u32 place = next_random(&random);
      picture[place % height][(place >> 8) % width] = (u8)(place >> 16);
    }
  }
  return sum;
}
