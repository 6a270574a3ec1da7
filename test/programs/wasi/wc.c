// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o wc.wasm wc.c
// Counts lines, words and bytes of the named files, or of standard input, by stdio.
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct counts {
  long lines, words, bytes;
};

__attribute__((noinline)) static void count_block(const char *bytes, size_t length, int *in_word,
                                                   struct counts *counts) {
  for (size_t i = 0; i < length; i++) {
    char c = bytes[i];
    int space = c == ' ' || (c >= '\t' && c <= '\r');
    counts->lines += c == '\n';
    counts->words += *in_word && space;
    *in_word = !space;
  }
  counts->bytes += (long)length;
}

static int count(FILE *file, const char *name) {
  static char buffer[16384];
  struct counts counts = {0, 0, 0};
  int in_word = 0;
  for (;;) {
    size_t length = fread(buffer, 1, sizeof buffer, file);
    if (length == 0) break;
    count_block(buffer, length, &in_word, &counts);
  }
  if (ferror(file)) return -1;
  counts.words += in_word;
  printf("%ld %ld %ld %s\n", counts.lines, counts.words, counts.bytes, name);
  return 0;
}

int main(int argc, char **argv) {
  int code = 0;
  if (argc < 2) return count(stdin, "-") < 0;
  for (int i = 1; i < argc; i++) {
    FILE *file = fopen(argv[i], "r");
    if (!file || count(file, argv[i]) < 0) {
      fprintf(stderr, "wc: %s: %s\n", argv[i], strerror(errno));
      code = 1;
    }
    if (file) fclose(file);
  }
  return code;
}
