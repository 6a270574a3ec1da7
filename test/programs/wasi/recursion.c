// build: clang-19 --target=wasm32-wasi -O2 -fno-optimize-sibling-calls -Wall -Wextra -Werror -Wl,--strip-debug -Wl,-z,stack-size=1048576 -o recursion.wasm recursion.c
// Recursive functions: `recursion KIND ROUNDS`, where KIND is fib (two calls of itself, 30 deep), mutual (two functions in turns, 100
// deep) or deep (5,000 frames). Prints a checksum, then the nanoseconds of time and of processor time that it took.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "timing.h"

__attribute__((noinline)) static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint32_t odd(uint32_t n, uint32_t *sum);

__attribute__((noinline)) static uint32_t even(uint32_t n, uint32_t *sum) {
  *sum += n;
  return n == 0 ? 1 : odd(n - 1, sum) ^ *sum;
}

__attribute__((noinline)) static uint32_t odd(uint32_t n, uint32_t *sum) {
  *sum ^= n;
  return n == 0 ? 0 : even(n - 1, sum) + *sum;
}

__attribute__((noinline)) static uint32_t work(uint32_t n) {
  for (int k = 0; k < 1000; k++) n = n * 1664525 + 1013904223;
  return n;
}

__attribute__((noinline)) static uint32_t deep(uint32_t n) { return work(n) ^ (n == 0 ? 0 : deep(n - 1) + n); }

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "fib";
  struct timing timing = start_timing();
  uint32_t result = 0;
  for (long left = argc > 2 ? atol(argv[2]) : 1; left > 0; left--) {
    if (*kind == 'f') result += fib(30);
    else if (*kind == 'm')
      for (int k = 0; k < 10000; k++) result += even(100, &result);
    else result += deep(5000);
  }
  printf("%u\n", result);
  print_timing(timing);
}
