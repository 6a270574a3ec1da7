// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o upper.wasm upper.c
// Copies standard input to standard output in upper case, a byte at a time through stdio.
#include <stdio.h>

int main(void) {
  for (;;) {
    int c = getchar();
    if (c == EOF) break;
    putchar(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  return ferror(stdin) || fflush(stdout) != 0;
}
