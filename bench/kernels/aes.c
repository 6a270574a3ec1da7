/* AES-128 (FIPS 197) in counter mode (SP 800-38A), four tables of words made at the start: loads, shifts, exclusive ors. */
#include "kernel.h"

enum { rounds = 10, blocks = 256 };
static u8 box[256];
static u32 tables[4][256], keys[rounds + 1][4];

/* Times x in GF(2^8). */
static u32 twice(u32 x) { return (x << 1 ^ (x & 0x80 ? 0x11b : 0)) & 0xff; }
static u32 rotate(u32 x, u32 by) { return x << by | x >> (32 - by); }

static void make_tables(void) {
  /* Powers of 3 and their logarithms give inverses. */
  static u8 powers[256], logarithms[256];
  u32 x = 1;
  for (u32 i = 0; i < 255; i++) {
    powers[i] = (u8)x;
    logarithms[x] = (u8)i;
    x ^= twice(x);
  }
  for (u32 i = 0; i < 256; i++) {
    u32 inverse = i == 0 ? 0 : powers[(255 - logarithms[i]) % 255];
    u32 s = inverse;
    for (u32 bit = 1; bit <= 4; bit++) s ^= (inverse << bit | inverse >> (8 - bit)) & 0xff;
    s ^= 0x63;
    box[i] = (u8)s;
    u32 two = twice(s), three = two ^ s;
    tables[0][i] = two << 24 | s << 16 | s << 8 | three;
    for (u32 t = 1; t < 4; t++) tables[t][i] = rotate(tables[0][i], 32 - 8 * t);
  }
}

static u32 substitute(u32 word) {
  return (u32)box[word >> 24] << 24 | (u32)box[word >> 16 & 0xff] << 16 | (u32)box[word >> 8 & 0xff] << 8 | box[word & 0xff];
}

static void expand_key(const u32 *key) {
  u32 *w = keys[0], constant = 1;
  for (u32 i = 0; i < 4; i++) w[i] = key[i];
  for (u32 i = 4; i < 4 * (rounds + 1); i++) {
    u32 word = w[i - 1];
    if (i % 4 == 0) {
      word = substitute(rotate(word, 8)) ^ constant << 24;
      constant = twice(constant);
    }
    w[i] = w[i - 4] ^ word;
  }
}

static u32 column(const u32 *s, u32 i) {
  return tables[0][s[i] >> 24] ^ tables[1][s[(i + 1) % 4] >> 16 & 0xff] ^ tables[2][s[(i + 2) % 4] >> 8 & 0xff] ^
         tables[3][s[(i + 3) % 4] & 0xff];
}

static void encrypt(const u32 *in, u32 *out) {
  u32 s[4], t[4];
  for (u32 i = 0; i < 4; i++) s[i] = in[i] ^ keys[0][i];
  for (u32 round = 1; round < rounds; round++) {
    for (u32 i = 0; i < 4; i++) t[i] = column(s, i) ^ keys[round][i];
    for (u32 i = 0; i < 4; i++) s[i] = t[i];
  }
  for (u32 i = 0; i < 4; i++)
    out[i] = ((u32)box[s[i] >> 24] << 24 | (u32)box[s[(i + 1) % 4] >> 16 & 0xff] << 16 |
              (u32)box[s[(i + 2) % 4] >> 8 & 0xff] << 8 | box[s[(i + 3) % 4] & 0xff]) ^
             keys[rounds][i];
}

u32 run(u32 n) {
  /* The key of FIPS 197, appendix A.1. */
  u32 key[4] = {0x2b7e1516, 0x28aed2a6, 0xabf71588, 0x09cf4f3c};
  u32 counter[4] = {0xf0f1f2f3, 0xf4f5f6f7, 0xf8f9fafb, 0xfcfdfeff};
  u32 sum = 0;
  make_tables();
  while (n-- > 0) {
    expand_key(key);
    for (u32 i = 0; i < blocks; i++) {
      u32 stream[4];
      encrypt(counter, stream);
      counter[3]++;
      for (u32 j = 0; j < 4; j++) sum = mix(sum, stream[j]);
    }
    key[n % 4] ^= sum;
  }
  return sum;
}
