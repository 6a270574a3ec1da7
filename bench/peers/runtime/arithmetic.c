/*
 * What gcc calls on ARMv7 for operations that the processor lacks (Run-time ABI for the Arm Architecture, 4.1 and 4.3), in ARM code.
 * Division of 32 bits is in arithmetic-armv7.S.
 */
#include <stdint.h>

#define ABI __attribute__((pcs("aapcs")))

/* Quotient, and the remainder; 0 by 0 for a divisor of 0. Bit by bit from the highest that can be set. */
uint64_t bare_divide(uint64_t n, uint64_t d, uint64_t *rest) {
  uint64_t quotient = 0;
  if (d != 0 && n >= d) {
    if (n >> 32 == 0) {
      quotient = (uint32_t)n / (uint32_t)d;
      n -= quotient * d;
    } else {
      int shift = __builtin_clzll(d) - __builtin_clzll(n);
      d <<= shift;
      for (; shift >= 0; shift--, d >>= 1) {
        quotient <<= 1;
        if (n < d) continue;
        n -= d;
        quotient |= 1;
      }
    }
  }
  *rest = n;
  return quotient;
}

int64_t bare_divide_signed(int64_t n, int64_t d, int64_t *rest) {
  uint64_t left, quotient = bare_divide(n < 0 ? -(uint64_t)n : (uint64_t)n, d < 0 ? -(uint64_t)d : (uint64_t)d, &left);
  *rest = (int64_t)(n < 0 ? -left : left);
  return (int64_t)((n < 0) != (d < 0) ? -quotient : quotient);
}

static const double two32 = 4294967296.0;

ABI double __aeabi_ul2d(uint64_t x) { return (uint32_t)(x >> 32) * two32 + (uint32_t)x; }
ABI double __aeabi_l2d(int64_t x) { return (int32_t)(x >> 32) * two32 + (uint32_t)x; }

/* What 53 bits would round away is left as one bit below them, so that rounding twice does no harm. */
static uint64_t sticky(uint64_t x) { return x >> 53 == 0 || (x & 0x7ff) == 0 ? x : (x & ~(uint64_t)0x7ff) | 0x800; }

ABI float __aeabi_ul2f(uint64_t x) { return (float)__aeabi_ul2d(sticky(x)); }
ABI float __aeabi_l2f(int64_t x) {
  float magnitude = __aeabi_ul2f(x < 0 ? -(uint64_t)x : (uint64_t)x);
  return x < 0 ? -magnitude : magnitude;
}

ABI uint64_t __aeabi_d2ulz(double x) {
  uint32_t high = (uint32_t)(x * (1 / two32));
  return (uint64_t)high << 32 | (uint32_t)(x - high * two32);
}
ABI int64_t __aeabi_d2lz(double x) {
  uint64_t magnitude = __aeabi_d2ulz(__builtin_fabs(x));
  return (int64_t)(x < 0 ? -magnitude : magnitude);
}
ABI uint64_t __aeabi_f2ulz(float x) { return __aeabi_d2ulz(x); }
ABI int64_t __aeabi_f2lz(float x) { return __aeabi_d2lz(x); }

int __popcountsi2(uint32_t x) {
  x -= x >> 1 & 0x55555555;
  x = (x & 0x33333333) + (x >> 2 & 0x33333333);
  return (int)(((x + (x >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24);
}
int __popcountdi2(uint64_t x) { return __popcountsi2((uint32_t)x) + __popcountsi2((uint32_t)(x >> 32)); }
int __ctzdi2(uint64_t x) {
  uint32_t low = (uint32_t)x;
  return low != 0 ? __builtin_ctz(low) : 32 + __builtin_ctz((uint32_t)(x >> 32));
}
