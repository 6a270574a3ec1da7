/*
 * A compressor for deflate streams (RFC 1951) with fixed codes: chains of hashes find earlier text; and what unpacks them again, which
 * must give what was packed.
 */
#include "kernel.h"

enum { bytes = 8192, hashes = 1024, shortest = 3, longest = 258, tries = 16, room = 2 * bytes };
static u8 text[bytes], packed[room], unpacked[bytes];
static i16 head[hashes], previous[bytes];
static u32 packed_bits;

/* 3.2.5: the least length and distance of each code, and how many more bits follow it. */
static const u16 length_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const u8 length_bits[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const u16 distance_base[30] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                      193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};

static u32 distance_bits(u32 code) { return code < 4 ? 0 : code / 2 - 1; }

static void put(u32 value, u32 count) {
  for (; count > 0; count--, value >>= 1, packed_bits++)
    packed[packed_bits / 8] |= (u8)((value & 1) << packed_bits % 8);
}

/* Huffman codes go in with their first bit first. */
static void put_code(u32 code, u32 count) {
  while (count-- > 0) put(code >> count & 1, 1);
}

/* 3.2.6. */
static void put_symbol(u32 symbol) {
  if (symbol < 144) put_code(0x30 + symbol, 8);
  else if (symbol < 256) put_code(0x190 + symbol - 144, 9);
  else if (symbol < 280) put_code(symbol - 256, 7);
  else put_code(0xc0 + symbol - 280, 8);
}

static void put_match(u32 length, u32 distance) {
  u32 code = 28;
  while (length_base[code] > length) code--;
  put_symbol(257 + code);
  put(length - length_base[code], length_bits[code]);
  code = 29;
  while (distance_base[code] > distance) code--;
  put_code(code, 5);
  put(distance - distance_base[code], distance_bits(code));
}

static u32 hash(u32 at) { return ((u32)text[at] << 10 ^ (u32)text[at + 1] << 5 ^ text[at + 2]) * 0x9e3779b1u >> 22; }

static void enter(u32 at) {
  if (at + shortest > bytes) return;
  u32 key = hash(at);
  previous[at] = head[key];
  head[key] = (i16)at;
}

/* The longest earlier text that equals what is at `at`. */
static u32 match(u32 at, u32 *distance) {
  u32 best = 0, most = bytes - at < longest ? bytes - at : longest;
  if (most < shortest) return 0;
  i32 candidate = head[hash(at)];
  for (u32 left = tries; candidate >= 0 && left > 0; left--, candidate = previous[candidate]) {
    u32 length = 0;
    while (length < most && text[(u32)candidate + length] == text[at + length]) length++;
    if (length <= best) continue;
    best = length;
    *distance = at - (u32)candidate;
  }
  return best;
}

static void deflate(void) {
  for (u32 i = 0; i < hashes; i++) head[i] = -1;
  for (u32 i = 0; i < room; i++) packed[i] = 0;
  packed_bits = 0;
  put(1, 1); /* the last block, */
  put(1, 2); /* of fixed codes */
  for (u32 at = 0; at < bytes;) {
    u32 distance = 0, length = match(at, &distance);
    if (length < shortest) {
      put_symbol(text[at]);
      length = 1;
    } else {
      put_match(length, distance);
    }
    for (; length > 0; length--) enter(at++);
  }
  put_symbol(256);
}

static u32 read_bits;

static u32 take(u32 count) {
  u32 value = 0;
  for (u32 i = 0; i < count; i++, read_bits++) value |= (u32)(packed[read_bits / 8] >> read_bits % 8 & 1) << i;
  return value;
}

static u32 take_code(u32 code, u32 count) {
  while (count-- > 0) code = code << 1 | take(1);
  return code;
}

static u32 take_symbol(void) {
  u32 code = take_code(0, 7);
  if (code < 0x18) return 256 + code;
  code = take_code(code, 1);
  if (code >= 0x30 && code < 0xc0) return code - 0x30;
  if (code >= 0xc0 && code < 0xc8) return 280 + code - 0xc0;
  return 144 + take_code(code, 1) - 0x190;
}

/* How many bytes came out. */
static u32 inflate(void) {
  u32 at = 0;
  read_bits = 3;
  for (;;) {
    u32 symbol = take_symbol();
    if (symbol == 256) return at;
    if (symbol < 256) {
      unpacked[at++] = (u8)symbol;
      continue;
    }
    u32 length = length_base[symbol - 257] + take(length_bits[symbol - 257]);
    u32 code = take_code(0, 5), distance = distance_base[code] + take(distance_bits(code));
    for (; length > 0; length--, at++) unpacked[at] = unpacked[at - distance];
  }
}

u32 run(u32 n) {
  static const char words[] = "the compiler reads a module and writes the code of each function after the other ";
  u32 random = 29, sum = 0;
  while (n-- > 0) {
    for (u32 at = 0; at < bytes;) {
      u32 from = next_random(&random) % (sizeof words - 1), length = 2 + next_random(&random) % 14;
      for (; length > 0 && at < bytes; length--, at++) text[at] = (u8)words[(from + length) % (sizeof words - 1)];
    }
    deflate();
    if (inflate() != bytes) return 0;
    for (u32 i = 0; i < bytes; i++)
      if (unpacked[i] != text[i]) return 0;
    sum = mix(sum, packed_bits);
    for (u32 i = 0; i < packed_bits / 8; i += 16) sum = mix(sum, packed[i]);
  }
  return sum;
}
