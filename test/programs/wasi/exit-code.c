// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o exit-code.wasm exit-code.c
// Ends as its first argument says: a number (by exit), return, trap, abort, divide, bounds or recurse.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static int divide(volatile int *a, volatile int *b) {
  return *a / *b;
}

// No loop, nothing on the stack in linear memory: only the native stack can end it.
__attribute__((noinline)) static unsigned recurse(unsigned depth) {
  return depth == 0 ? 1 : recurse(depth - 1) * 3 ^ depth;
}

static void last_words(void) { puts("atexit ran"); }

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "return";
  volatile int number = 0, dividend = 42;
  atexit(last_words);
  if (strcmp(how, "return") == 0) return 7;
  if (strcmp(how, "trap") == 0) __builtin_trap();
  if (strcmp(how, "abort") == 0) abort();
  if (strcmp(how, "divide") == 0) return divide(&dividend, &number);
  if (strcmp(how, "bounds") == 0) return *(volatile int *)0xfffffff0;
  if (strcmp(how, "recurse") == 0) return (int)recurse(1000000000u + (unsigned)number);
  exit(atoi(how));
}
