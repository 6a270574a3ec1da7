// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o states.wasm states.c
// A program in a known state, for dumps of it: first argument loop, sleep, read or deep (with the number of frames).
// Says "ready" when it is about to be there; "read" goes on when a line arrives, and prints it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned sink;

__attribute__((noinline)) static void endless_loop(void) {
  for (;;) sink = sink * 3 + 1;
}

__attribute__((noinline)) static int sleep_long(void) {
  struct timespec wait = {3600, 0};
  return nanosleep(&wait, 0);
}

__attribute__((noinline)) static int read_line(void) {
  char bytes[256];
  ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
  if (n < 0) return 1;
  printf("got %.*s", (int)n, bytes);
  return 0;
}

// No loop, and nothing on the stack in linear memory, however deep it goes.
__attribute__((noinline)) static unsigned descend(unsigned depth) {
  if (depth == 0) {
    endless_loop();
    return 1;
  }
  return descend(depth - 1) * 3 ^ depth;
}

int main(int argc, char **argv) {
  const char *state = argc > 1 ? argv[1] : "loop";
  puts("ready");
  fflush(stdout);
  if (strcmp(state, "sleep") == 0) return sleep_long();
  if (strcmp(state, "read") == 0) return read_line();
  if (strcmp(state, "deep") == 0) return (int)descend((unsigned)atoi(argc > 2 ? argv[2] : "1000"));
  endless_loop();
}
