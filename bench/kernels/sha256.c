/* SHA-256 (FIPS 180-4) of a message of 64 blocks: rotations, additions, many values alive at once. */
#include "kernel.h"

enum { blocks = 64 };
static u32 message[blocks][16];

/* Of the cube roots of the first 64 primes, 32 bits behind the point (4.2.2). */
static const u32 constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* Of the square roots of the first 8 primes (5.3.3). */
static const u32 start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static u32 rotate(u32 x, u32 by) { return x >> by | x << (32 - by); }

/* One block (6.2.2). */
static void compress(u32 *hash, const u32 *block) {
  u32 w[64];
  for (u32 t = 0; t < 16; t++) w[t] = block[t];
  for (u32 t = 16; t < 64; t++) {
    u32 s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
    u32 s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = s1 + w[t - 7] + s0 + w[t - 16];
  }
  u32 a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4], f = hash[5], g = hash[6], h = hash[7];
  for (u32 t = 0; t < 64; t++) {
    u32 first = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + constants[t] + w[t];
    u32 second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  hash[0] += a;
  hash[1] += b;
  hash[2] += c;
  hash[3] += d;
  hash[4] += e;
  hash[5] += f;
  hash[6] += g;
  hash[7] += h;
}

u32 run(u32 n) {
  u32 random = 5, sum = 0;
  for (u32 i = 0; i < blocks * 16; i++) message[i / 16][i % 16] = next_random(&random);
  while (n-- > 0) {
    u32 hash[8];
    for (u32 i = 0; i < 8; i++) hash[i] = start[i];
    for (u32 i = 0; i < blocks; i++) compress(hash, message[i]);
    /* The next message differs by this one's hash. */
    for (u32 i = 0; i < 8; i++) {
      message[n % blocks][i] = hash[i];
      sum = mix(sum, hash[i]);
    }
  }
  return sum;
}
