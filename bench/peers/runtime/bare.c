/*
 * place.h for an emulated core without a system, and the few functions of C's library that compilers and wasm2c call. They are
 * compiled like all the rest, so that every instruction that is counted was made by the compiler that is measured. libgcc cannot be used: as
 * distributions build it, it is Thumb code.
 */
#include "place.h"

/* All there is to reserve: one memory and its tables. */
static unsigned char arena[MEMORY_RESERVE + (4 << 20)] __attribute__((aligned(PAGE_BYTES)));
static size_t used;

void *reserve(size_t bytes) {
  if (bytes > sizeof arena - used) give_up(-1);
  void *at = arena + used;
  used += (bytes + PAGE_BYTES - 1) & -(size_t)PAGE_BYTES;
  return at;
}

/* Static memory is zero and usable from the start. */
void commit(void *at, size_t bytes) {
  (void)at;
  (void)bytes;
}

void give_up(int code) {
  (void)code;
  __builtin_trap();
}

/* Programs do not start here: their functions are called one by one. */
void _start(void) { give_up(-1); }

typedef uintptr_t __attribute__((may_alias)) word;

void *memset(void *to, int value, size_t bytes) {
  unsigned char *at = to;
  for (; bytes > 0 && (uintptr_t)at % sizeof(word) != 0; bytes--) *at++ = (unsigned char)value;
  word pattern = (unsigned char)value * ((word)-1 / 0xff);
  for (; bytes >= sizeof(word); bytes -= sizeof(word), at += sizeof(word)) *(word *)at = pattern;
  for (; bytes > 0; bytes--) *at++ = (unsigned char)value;
  return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
  unsigned char *out = to;
  const unsigned char *in = from;
  int words = ((uintptr_t)out - (uintptr_t)in) % sizeof(word) == 0;
  if ((uintptr_t)out - (uintptr_t)in < bytes) {
    /* The end of `from` lies in `to`: backwards. */
    for (; bytes > 0 && !(words && (uintptr_t)(out + bytes) % sizeof(word) == 0); bytes--) out[bytes - 1] = in[bytes - 1];
    for (; words && bytes >= sizeof(word); bytes -= sizeof(word))
      *(word *)(out + bytes - sizeof(word)) = *(const word *)(in + bytes - sizeof(word));
    for (; bytes > 0; bytes--) out[bytes - 1] = in[bytes - 1];
    return to;
  }
  for (; bytes > 0 && !(words && (uintptr_t)out % sizeof(word) == 0); bytes--) *out++ = *in++;
  for (; words && bytes >= sizeof(word); bytes -= sizeof(word), out += sizeof(word), in += sizeof(word))
    *(word *)out = *(const word *)in;
  for (; bytes > 0; bytes--) *out++ = *in++;
  return to;
}

void *memcpy(void *to, const void *from, size_t bytes) { return memmove(to, from, bytes); }

int memcmp(const void *a, const void *b, size_t bytes) {
  const unsigned char *x = a, *y = b;
  for (; bytes > 0; bytes--, x++, y++)
    if (*x != *y) return *x - *y;
  return 0;
}

/* Halves away from an integer, which doubles of 2^52 and more always are. */
static const double no_fraction = 4503599627370496.0;
static double with_sign(double magnitude, double of) { return __builtin_copysign(magnitude, of); }

double nearbyint(double x) {
  double magnitude = __builtin_fabs(x);
  if (!(magnitude < no_fraction)) return x;
  /* The addition rounds to the nearest integer, halves to even; not to be folded away. */
  volatile double sum = magnitude + no_fraction;
  return with_sign(sum - no_fraction, x);
}

double trunc(double x) {
  double magnitude = __builtin_fabs(x), nearest = __builtin_fabs(nearbyint(x));
  if (!(magnitude < no_fraction)) return x;
  return with_sign(nearest > magnitude ? nearest - 1 : nearest, x);
}

double floor(double x) {
  double whole = trunc(x);
  return whole > x ? whole - 1 : whole;
}

double ceil(double x) {
  double whole = trunc(x);
  return whole < x ? with_sign(whole + 1, x) : whole;
}

/* Every float is a double, and so is what it rounds to. */
float nearbyintf(float x) { return (float)nearbyint(x); }
float truncf(float x) { return (float)trunc(x); }
float floorf(float x) { return (float)floor(x); }
float ceilf(float x) { return (float)ceil(x); }
