/*
 * What all kernels share. A kernel is one file that defines `run(n)`: the same work n times, and a checksum that depends on all of it,
 * so that no compiler can leave any out. Kernels need no library: they compile to WebAssembly, and natively, from the same source.
 */
#ifndef KERNEL_H
#define KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;

/* The checksum of n rounds. Every call of it gives the same for the same n. */
u32 run(u32 n);

/* For functions whose calls are what a kernel is about: compilers must neither inline them nor make loops of their recursion. */
#ifdef __clang__
#define REAL_CALLS __attribute__((noinline, disable_tail_calls))
#else
#define REAL_CALLS __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))
#endif

/* Random numbers, the same everywhere (Marsaglia, Xorshift RNGs, 2003). The state must not be 0. */
static inline u32 next_random(u32 *state) {
  u32 x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

/* Adds a word to a checksum; the order counts. */
static inline u32 mix(u32 sum, u32 word) {
  sum = (sum ^ word) * 0x9e3779b1u;
  return sum ^ (sum >> 15);
}

/* All bits of a double. */
static inline u32 mix_double(u32 sum, double value) {
  union {
    double value;
    u32 words[2];
  } bits = {value};
  return mix(mix(sum, bits.words[0]), bits.words[1]);
}

/* All bits of a float. */
static inline u32 mix_float(u32 sum, float value) {
  union {
    float value;
    u32 word;
  } bits = {value};
  return mix(sum, bits.word);
}

#endif
