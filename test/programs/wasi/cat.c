// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o cat.wasm cat.c
// Writes the named files, or standard input where none is named or the name is -, to standard output.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[65536];

static int write_all(const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = write(STDOUT_FILENO, bytes, length);
    if (n < 0) return -1;
    bytes += n;
    length -= (size_t)n;
  }
  return 0;
}

static int copy(int fd) {
  for (;;) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) return (int)n;
    if (write_all(buffer, (size_t)n) < 0) return -1;
  }
}

int main(int argc, char **argv) {
  int code = 0;
  if (argc < 2) return copy(STDIN_FILENO) < 0;
  for (int i = 1; i < argc; i++) {
    int is_input = strcmp(argv[i], "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(argv[i], O_RDONLY);
    if (fd < 0 || copy(fd) < 0) {
      fprintf(stderr, "cat: %s: %s\n", argv[i], strerror(errno));
      code = 1;
    }
    if (fd >= 0 && !is_input) close(fd);
  }
  return code;
}
