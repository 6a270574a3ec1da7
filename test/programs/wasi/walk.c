// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o walk.wasm walk.c
// Lists a directory and all below it, sorted by name: type, size of files, target of links, path.
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failures;

static void fail(const char *path) {
  printf("! %s: %s\n", path, strerror(errno));
  failures++;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/** The names in a directory but . and .., sorted; their number, or -1. */
static long names_of(const char *path, char ***names) {
  DIR *dir = opendir(path);
  long count = 0, room = 0;
  *names = 0;
  if (!dir) return -1;
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(dir);
    if (!entry) break;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (count == room) {
      room = room ? 2 * room : 16;
      *names = realloc(*names, (size_t)room * sizeof **names);
    }
    (*names)[count++] = strdup(entry->d_name);
  }
  int error = errno;
  closedir(dir);
  errno = error;
  if (error) return -1;
  qsort(*names, (size_t)count, sizeof **names, by_name);
  return count;
}

static void walk(const char *path) {
  char **names;
  long count = names_of(path, &names);
  if (count < 0) fail(path);
  for (long i = 0; i < count; i++) {
    char below[PATH_MAX], target[PATH_MAX];
    struct stat st;
    snprintf(below, sizeof below, "%s/%s", path, names[i]);
    free(names[i]);
    if (lstat(below, &st) < 0) {
      fail(below);
    } else if (S_ISDIR(st.st_mode)) {
      printf("d %s\n", below);
      walk(below);
    } else if (S_ISLNK(st.st_mode)) {
      ssize_t n = readlink(below, target, sizeof target - 1);
      if (n < 0) fail(below);
      else printf("l %s -> %.*s\n", below, (int)n, target);
    } else {
      printf("%c %lld %s\n", S_ISREG(st.st_mode) ? 'f' : '?', (long long)st.st_size, below);
    }
  }
  free(names);
}

int main(int argc, char **argv) {
  walk(argc > 1 ? argv[1] : ".");
  return failures > 0;
}
