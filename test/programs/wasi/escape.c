// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o escape.wasm escape.c
// Tries to leave its preopened directory by every call that takes a path, and says how each attempt was answered.
// The folder is laid out by test/native/escape.spec.ts. `escape race N` opens dir/link/secret N times and says what
// it read; `escape descriptors` tries those that the parent left open.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasi/api.h>

#include "errno-names.h"

// By length, as the interface has it: libc's wrappers could not say an embedded zero.
#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
IMPORT("path_open")
int path_open(int, int, const char *, size_t, int, long long, long long, int, int *);
IMPORT("path_filestat_get") int path_filestat_get(int, int, const char *, size_t, __wasi_filestat_t *);
IMPORT("path_filestat_set_times")
int path_filestat_set_times(int, int, const char *, size_t, long long, long long, int);
IMPORT("path_create_directory") int path_create_directory(int, const char *, size_t);
IMPORT("path_remove_directory") int path_remove_directory(int, const char *, size_t);
IMPORT("path_unlink_file") int path_unlink_file(int, const char *, size_t);
IMPORT("path_rename") int path_rename(int, const char *, size_t, int, const char *, size_t);
IMPORT("path_link") int path_link(int, int, const char *, size_t, int, const char *, size_t);
IMPORT("path_symlink") int path_symlink(const char *, size_t, int, const char *, size_t);
IMPORT("path_readlink") int path_readlink(int, const char *, size_t, char *, size_t, size_t *);

enum { BOX = 3 };
static const long long reading = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_FILESTAT_GET;
static const long long writing = __WASI_RIGHTS_FD_WRITE;
static const long long directory =
    __WASI_RIGHTS_PATH_OPEN | __WASI_RIGHTS_FD_READDIR | __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_PATH_FILESTAT_GET;

struct path {
  const char *bytes;
  size_t length;
};
#define PATH(text) {text, sizeof(text) - 1}

static char longest[5000], many_parts[5000];

static const struct path paths[] = {
    PATH(""),
    PATH("."),
    PATH(".."),
    PATH("../secret.txt"),
    PATH("../secrets"),
    PATH("../secrets/inner.txt"),
    PATH("../box/inside.txt"),
    PATH("./../secret.txt"),
    PATH("sub/../../secret.txt"),
    PATH("sub/../../box/inside.txt"),
    PATH("sub/deep/../../../secret.txt"),
    PATH("missing/../../secret.txt"),
    PATH("sub//..//..//secret.txt"),
    PATH("/"),
    PATH("/etc/passwd"),
    PATH("//etc/passwd"),
    PATH("/box/inside.txt"),
    PATH("/proc/self/exe"),
    PATH("/proc/self/root/etc/passwd"),
    PATH("link-absolute"),
    PATH("link-absolute-inside"),
    PATH("link-up"),
    PATH("link-directory/inner.txt"),
    PATH("link-directory-absolute/inner.txt"),
    PATH("link-directory/../secret.txt"),
    PATH("link-dots/secret.txt"),
    PATH("link-root/etc/passwd"),
    PATH("link-out-and-in"),
    PATH("link-chain"),
    PATH("link-loop"),
    PATH("link-loop/x"),
    PATH("link-dangling-outside"),
    PATH("link-proc"),
    PATH("sub/link-far-up"),
    PATH("inside.txt/../../secret.txt"),
    PATH("bad\xff\xfename"),
    PATH("\xc0\xae\xc0\xae/secret.txt"),
    PATH("\xed\xa0\x80"),
    PATH("inside.txt\0../secret.txt"),
    PATH("..\0/box"),
    {longest, sizeof longest - 1},
    {longest, 256},
    {many_parts, sizeof many_parts - 1},
};

static void print_path(const struct path *path) {
  if (path->length > 200) {
    printf("%.8s... (%zu bytes)", path->bytes, path->length);
    return;
  }
  for (size_t i = 0; i < path->length; i++) {
    unsigned char c = (unsigned char)path->bytes[i];
    if (c >= ' ' && c < 127) putchar(c);
    else printf("\\%02x", c);
  }
}

/** What stands in a file, if it could be opened at all. */
static void print_content(int fd) {
  char bytes[64];
  __wasi_iovec_t iovec = {(uint8_t *)bytes, sizeof bytes};
  __wasi_size_t n = 0;
  int error = __wasi_fd_read(fd, &iovec, 1, &n);
  if (error) printf("(%s)", errno_name(error));
  else printf("(\"%.*s\")", (int)n, bytes);
}

static int open_at(int dir, const struct path *p, int follow, int oflags, long long rights) {
  int fd = -1;
  int error = path_open(dir, follow, p->bytes, p->length, oflags, rights, rights, 0, &fd);
  printf(" %s", errno_name(error));
  if (error == 0 && rights == reading) print_content(fd);
  if (error == 0) close(fd);
  return error;
}

static void attempt(int dir, const struct path *p) {
  static const struct path own = PATH("own.txt"), target = PATH("../secret.txt");
  __wasi_filestat_t stat;
  char bytes[64];
  size_t n = 0;
  int error;
  print_path(p);
  printf(":\n  open");
  open_at(dir, p, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, 0, reading);
  printf(", nofollow");
  open_at(dir, p, 0, 0, reading);
  printf(", directory");
  open_at(dir, p, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, __WASI_OFLAGS_DIRECTORY, directory);
  printf(", write");
  open_at(dir, p, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, 0, writing);
  error = path_filestat_get(dir, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, p->bytes, p->length, &stat);
  printf("\n  stat %s", errno_name(error));
  error = path_filestat_get(dir, 0, p->bytes, p->length, &stat);
  printf(", lstat %s", errno_name(error));
  error = path_readlink(dir, p->bytes, p->length, bytes, sizeof bytes, &n);
  printf(", readlink %s", errno_name(error));
  // What follows would change something, and is tried where the path leads outside or nowhere.
  error = path_create_directory(dir, p->bytes, p->length);
  printf("\n  mkdir %s", errno_name(error));
  error = path_symlink(target.bytes, target.length, dir, p->bytes, p->length);
  printf(", symlink %s", errno_name(error));
  error = path_link(dir, 0, own.bytes, own.length, dir, p->bytes, p->length);
  printf(", link to %s", errno_name(error));
  puts("");
}

/** Calls that change what the path names: only for paths that must be refused whatever they name. */
static void attempt_change(int dir, const struct path *p) {
  static const struct path own = PATH("own.txt"), stolen = PATH("stolen.txt");
  int error;
  print_path(p);
  printf(":\n  create");
  open_at(dir, p, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, __WASI_OFLAGS_CREAT, writing);
  printf(", truncate");
  open_at(dir, p, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, __WASI_OFLAGS_TRUNC, writing);
  error = path_filestat_set_times(dir, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, p->bytes, p->length, 1000, 1000,
                                  __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM);
  printf(", utimes %s", errno_name(error));
  error = path_unlink_file(dir, p->bytes, p->length);
  printf("\n  unlink %s", errno_name(error));
  error = path_remove_directory(dir, p->bytes, p->length);
  printf(", rmdir %s", errno_name(error));
  error = path_rename(dir, own.bytes, own.length, dir, p->bytes, p->length);
  printf(", rename to %s", errno_name(error));
  error = path_rename(dir, p->bytes, p->length, dir, stolen.bytes, stolen.length);
  printf(", rename from %s", errno_name(error));
  error = path_link(dir, 0, p->bytes, p->length, dir, stolen.bytes, stolen.length);
  printf(", link from %s", errno_name(error));
  puts("");
}

static int attempts(void) {
  static const struct path outside[] = {
      PATH("../secret.txt"),        PATH("../new.txt"),          PATH("../secrets"),
      PATH("sub/../../secret.txt"), PATH("sub/../../new.txt"),   PATH("link-directory/inner.txt"),
      PATH("link-directory/new"),   PATH("link-dots/secret.txt"), PATH("link-directory-absolute/inner.txt"),
      PATH("link-dots/box/inside.txt"),
  };
  // The last part is a link that leads outside; unlink and rename would act on the link itself, which is inside.
  static const struct path links[] = {PATH("link-absolute"), PATH("link-up"), PATH("link-dangling-outside"),
                                      PATH("link-chain")};
  static const struct path sub = PATH("sub"), up[] = {PATH(".."), PATH("../inside.txt"), PATH("../../secret.txt")};
  int fd = -1;
  memset(longest, 'x', sizeof longest - 1);
  for (size_t i = 0; i + 4 <= sizeof many_parts; i += 4) memcpy(many_parts + i, "./s/", 4);
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) attempt(BOX, &paths[i]);
  puts("changes:");
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) attempt_change(BOX, &outside[i]);
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    print_path(&links[i]);
    printf(": create");
    open_at(BOX, &links[i], __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, __WASI_OFLAGS_CREAT, writing);
    printf(", truncate");
    open_at(BOX, &links[i], __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, __WASI_OFLAGS_TRUNC, writing);
    int error = path_filestat_set_times(BOX, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, links[i].bytes, links[i].length, 1000,
                                        1000, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM);
    printf(", utimes %s\n", errno_name(error));
  }
  puts("from a directory below:");
  path_open(BOX, 0, sub.bytes, sub.length, __WASI_OFLAGS_DIRECTORY, directory | reading, directory | reading, 0, &fd);
  for (size_t i = 0; i < sizeof up / sizeof *up; i++) {
    print_path(&up[i]);
    printf(": open");
    open_at(fd, &up[i], __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, 0, reading);
    puts("");
  }
  return 0;
}

/** Opens a path thousands of times while somebody renames a link into it; only what is inside may be read. */
static int race(long count) {
  static const struct path path = PATH("dir/link/secret");
  long inside = 0, refused = 0, leaked = 0;
  for (long i = 0; i < count; i++) {
    char bytes[16];
    __wasi_iovec_t iovec = {(uint8_t *)bytes, sizeof bytes};
    __wasi_size_t n = 0;
    int fd;
    if (path_open(BOX, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path.bytes, path.length, 0, reading, reading, 0, &fd)) {
      refused++;
      continue;
    }
    if (__wasi_fd_read(fd, &iovec, 1, &n) == 0 && n == 6 && memcmp(bytes, "inside", 6) == 0) inside++;
    else leaked++;
    close(fd);
  }
  printf("%ld inside, %ld refused, %ld leaked\n", inside, refused, leaked);
  return leaked > 0;
}

/** Descriptors that nobody handed in: none but 0 to 3 are there, whatever the parent process left open. */
static int descriptors(void) {
  for (int fd = 4; fd < 300; fd++) {
    char bytes[16];
    __wasi_iovec_t iovec = {(uint8_t *)bytes, sizeof bytes};
    __wasi_size_t n = 0;
    int error = __wasi_fd_read(fd, &iovec, 1, &n);
    if (error != __WASI_ERRNO_BADF) printf("descriptor %d: %s %.*s\n", fd, errno_name(error), (int)n, bytes);
  }
  static const int odd[] = {-1, -4096, 0x7fffffff, (int)0x80000000};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) printf("%s ", errno_name(__wasi_fd_close(odd[i])));
  puts("done");
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "race") == 0) return race(atol(argv[2]));
  if (argc > 1 && strcmp(argv[1], "descriptors") == 0) return descriptors();
  return attempts();
}
