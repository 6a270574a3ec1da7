// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o hello.wasm hello.c
// Prints a greeting.
#include <stdio.h>

int main(void) {
  puts("hello, world");
  return 0;
}
