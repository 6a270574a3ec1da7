// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o args-env.wasm args-env.c
// Prints its arguments (but its name, which is the caller's) and its environment, sorted, a line each.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(int argc, char **argv) {
  size_t count = 0;
  printf("%d arguments\n", argc - 1);
  for (int i = 1; i < argc; i++) printf("<%s>\n", argv[i]);
  while (environ && environ[count]) count++;
  qsort(environ, count, sizeof *environ, by_text);
  printf("%zu variables\n", count);
  for (size_t i = 0; i < count; i++) printf("<%s>\n", environ[i]);
  return 0;
}
