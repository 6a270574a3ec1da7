// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o files.wasm files.c
// Works on files in the directory that its first argument names, and says what came of each step.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wasi/api.h>

#include "errno-names.h"

int __wasilibc_fd_renumber(int from, int to);

static char base[256];

static const char *in(const char *name) {
  static char paths[2][512];
  static int next;
  char *path = paths[next ^= 1];
  snprintf(path, sizeof paths[0], "%s/%s", base, name);
  return path;
}

static const char *result(long value) { return value < 0 ? errno_name(errno) : "ok"; }

static void say(const char *what, long value) {
  if (value < 0) printf("%s: %s\n", what, errno_name(errno));
  else printf("%s: %ld\n", what, value);
}

static void say_content(const char *name) {
  char bytes[200];
  int fd = open(in(name), O_RDONLY);
  ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
  if (n < 0) {
    printf("  %s: %s\n", name, errno_name(errno));
  } else {
    printf("  %s: \"", name);
    for (ssize_t i = 0; i < n; i++) {
      if (bytes[i] == 0) printf("\\0");
      else putchar(bytes[i]);
    }
    puts("\"");
  }
  if (fd >= 0) close(fd);
}

static void content(void) {
  struct iovec two[2] = {{"scat", 4}, {"tered", 5}};
  char bytes[16] = "";
  int fd = open(in("a.txt"), O_RDWR | O_CREAT | O_EXCL, 0666);
  puts("content");
  say("create", fd < 0 ? -1 : 0);
  say("create again, exclusively", open(in("a.txt"), O_RDWR | O_CREAT | O_EXCL, 0666));
  say("write", write(fd, "hello, file", 11));
  say("write nothing", write(fd, "", 0));
  say("seek to 7", lseek(fd, 7, SEEK_SET));
  say("write there", write(fd, "FILE", 4));
  say("position", lseek(fd, 0, SEEK_CUR));
  say("seek to the end", lseek(fd, 0, SEEK_END));
  say("seek before the start", lseek(fd, -1, SEEK_SET));
  say("seek 5 behind the end", lseek(fd, 5, SEEK_END));
  say("write behind a hole", write(fd, "!", 1));
  say_content("a.txt");
  say("pwrite", pwrite(fd, "J", 1, 0));
  say("position after pwrite", lseek(fd, 0, SEEK_CUR));
  say("pread", pread(fd, bytes, 5, 0));
  printf("  \"%s\"\n", bytes);
  say("writev", writev(fd, two, 2));
  say("truncate to 5", ftruncate(fd, 5));
  say("read behind the end", read(fd, bytes, 5));
  say("truncate to 8", ftruncate(fd, 8));
  say_content("a.txt");
  say("sync", fsync(fd));
  say("data sync", fdatasync(fd));
  say("allocate", posix_fallocate(fd, 0, 10) == 0 ? 0 : -1);
  say("size", lseek(fd, 0, SEEK_END));
  say("close", close(fd));
  say("close again", close(fd));
  fd = open(in("a.txt"), O_WRONLY | O_APPEND);
  say("append", write(fd, "+one", 4));
  say("seek in a file for appending", lseek(fd, 0, SEEK_SET));
  say("append still", write(fd, "+two", 4));
  say("read what is write-only", read(fd, bytes, 1));
  say("drop O_APPEND", fcntl(fd, F_SETFL, 0));
  lseek(fd, 0, SEEK_SET);
  say("overwrite", write(fd, "0", 1));
  close(fd);
  say_content("a.txt");
  fd = open(in("a.txt"), O_RDONLY);
  say("write to what is read-only", write(fd, "x", 1));
  say("truncate what is read-only", ftruncate(fd, 0));
  close(fd);
  fd = open(in("a.txt"), O_WRONLY | O_TRUNC);
  close(fd);
  say_content("a.txt");
  say("open what is not there", open(in("none"), O_RDONLY));
  say("open below a file", open(in("a.txt/b"), O_RDONLY));
  say("open a file as a directory", open(in("a.txt"), O_RDONLY | O_DIRECTORY));
}

static void say_stat(const char *name, int follow) {
  struct stat st;
  int error = follow ? stat(in(name), &st) : lstat(in(name), &st);
  if (error < 0) {
    printf("  %s: %s\n", name, errno_name(errno));
    return;
  }
  printf("  %s: %s", name,
         S_ISREG(st.st_mode)   ? "file"
         : S_ISDIR(st.st_mode) ? "directory"
         : S_ISLNK(st.st_mode) ? "link"
                               : "other");
  if (!S_ISDIR(st.st_mode)) printf(", %lld bytes", (long long)st.st_size);
  if (S_ISREG(st.st_mode)) printf(", %d links", (int)st.st_nlink);
  puts("");
}

static void write_file(const char *name, const char *text) {
  int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) printf("write %s: %s\n", name, errno_name(errno));
  close(fd);
}

static void names(void) {
  char target[64] = "";
  puts("names");
  write_file("b.txt", "bee");
  say("rename", rename(in("b.txt"), in("c.txt")));
  say_stat("b.txt", 1);
  say_content("c.txt");
  write_file("d.txt", "dee");
  say("rename over a file", rename(in("c.txt"), in("d.txt")));
  say_content("d.txt");
  say("rename what is not there", rename(in("c.txt"), in("e.txt")));
  say("link", link(in("d.txt"), in("hard.txt")));
  say_stat("hard.txt", 1);
  say("link over a file", link(in("d.txt"), in("hard.txt")));
  say("symlink", symlink("d.txt", in("soft.txt")));
  say_stat("soft.txt", 1);
  say_stat("soft.txt", 0);
  say("symlink over a file", symlink("a.txt", in("soft.txt")));
  say("readlink", readlink(in("soft.txt"), target, sizeof target));
  printf("  \"%s\"\n", target);
  say("readlink in little room", readlink(in("soft.txt"), target, 2));
  say("readlink of a file", readlink(in("d.txt"), target, sizeof target));
  say("open a link without following", open(in("soft.txt"), O_RDONLY | O_NOFOLLOW));
  say_content("soft.txt");
  say("unlink", unlink(in("d.txt")));
  say_stat("hard.txt", 1);
  say_content("soft.txt");
  say("unlink a link", unlink(in("soft.txt")));
  say("unlink again", unlink(in("soft.txt")));
}

static void directories(void) {
  puts("directories");
  say("mkdir", mkdir(in("dir"), 0777));
  say("mkdir again", mkdir(in("dir"), 0777));
  say("mkdir below what is not there", mkdir(in("none/dir"), 0777));
  say_stat("dir", 1);
  write_file("dir/file", "x");
  say("rmdir of one that is not empty", rmdir(in("dir")));
  say("rmdir of a file", rmdir(in("dir/file")));
  say("unlink a file with a slash", unlink(in("dir/file/")));
  printf("unlink a directory: %s\n", unlink(in("dir")) < 0 ? "refused" : "done");
  say("rename a directory", rename(in("dir"), in("moved")));
  say_content("moved/file");
  say("rename a directory into itself", rename(in("moved"), in("moved/below")));
  say("open a directory to write", open(in("moved"), O_WRONLY));
  say("a path with .. within", open(in("moved/../hard.txt"), O_RDONLY) < 0 ? -1 : 0);
  say("unlink", unlink(in("moved/file")));
  say("rmdir", rmdir(in("moved")));
  say("rmdir again", rmdir(in("moved")));
}

static void times(void) {
  struct timespec set[2] = {{1000000000, 123456789}, {1200000000, 987654321}};
  struct stat st;
  int fd;
  puts("times");
  write_file("t.txt", "t");
  say("utimensat", utimensat(AT_FDCWD, in("t.txt"), set, 0));
  stat(in("t.txt"), &st);
  printf("  %lld.%09ld %lld.%09ld\n", (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
         (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  // Not by futimens: wasi-libc 19 takes no UTIME_OMIT and UTIME_NOW as its headers define them.
  fd = open(in("t.txt"), O_RDWR);
  printf("time of access: %s\n",
         errno_name(__wasi_fd_filestat_set_times(fd, 1100000000123456789, 5, __WASI_FSTFLAGS_ATIM)));
  fstat(fd, &st);
  printf("  %lld.%09ld %lld.%09ld\n", (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
         (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  printf("time of writing, now: %s\n", errno_name(__wasi_fd_filestat_set_times(fd, 5, 5, __WASI_FSTFLAGS_MTIM_NOW)));
  fstat(fd, &st);
  printf("  %lld.%09ld, written %s\n", (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
         st.st_mtim.tv_sec > 1600000000 ? "lately" : "long ago");
  printf("a time and now: %s\n",
         errno_name(__wasi_fd_filestat_set_times(fd, 5, 5, __WASI_FSTFLAGS_MTIM | __WASI_FSTFLAGS_MTIM_NOW)));
  close(fd);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

enum { COUNT = 300, ROOM = COUNT + 8 };

/** Names read from a cookie on but . and .., which a system may list or not; the cookie behind each. */
static int list(int fd, __wasi_dircookie_t cookie, size_t bytes, char names[ROOM][32], __wasi_dircookie_t *cookies) {
  static uint8_t buffer[4096];
  int count = 0;
  for (;;) {
    __wasi_size_t used = 0, at = 0;
    __wasi_errno_t error = __wasi_fd_readdir(fd, buffer, bytes, cookie, &used);
    if (error) printf("readdir: %s\n", errno_name(error));
    // The last entry may be cut: it comes again, from the cookie before it.
    while (at + sizeof(__wasi_dirent_t) <= used) {
      __wasi_dirent_t entry;
      memcpy(&entry, buffer + at, sizeof entry);
      const char *name = (const char *)buffer + at + sizeof entry;
      at += sizeof entry + entry.d_namlen;
      if (at > used) break;
      cookie = entry.d_next;
      if (name[0] == '.' || count == ROOM) continue;
      snprintf(names[count], sizeof *names, "%.*s", (int)entry.d_namlen, name);
      if (entry.d_type != __WASI_FILETYPE_REGULAR_FILE) printf("  %s is of type %d\n", names[count], entry.d_type);
      cookies[count++] = cookie;
    }
    if (error || used < bytes) return count;
  }
}

static void say_same(const char *what, char all[ROOM][32], int from, int to, char again[ROOM][32], int count) {
  int same = count == to - from;
  for (int i = 0; same && i < count; i++) same = strcmp(again[i], all[from + i]) == 0;
  printf("%d %s, %s\n", count, what, same ? "the same" : "others");
}

static void listing(void) {
  static char seen[ROOM][32], again[ROOM][32];
  static __wasi_dircookie_t cookies[ROOM], ignored[ROOM];
  puts("listing");
  mkdir(in("many"), 0777);
  for (int i = 0; i < COUNT; i++) {
    char name[40];
    snprintf(name, sizeof name, "many/entry-%03d", i);
    write_file(name, "");
  }
  int fd = open(in("many"), O_RDONLY | O_DIRECTORY);
  int count = list(fd, 0, 4096, seen, cookies);
  printf("%d entries\n", count);
  // From a cookie on, the same entries must come again in the same order.
  say_same("from a cookie on", seen, 100, count, again, list(fd, cookies[99], 4096, again, ignored));
  say_same("from another, in little room", seen, 7, count, again, list(fd, cookies[6], 50, again, ignored));
  say_same("from the start", seen, 0, count, again, list(fd, 0, 512, again, ignored));
  // As rm -r does: entries that go meanwhile must not make others be passed over.
  for (int i = 0; i < 50; i++) {
    char name[40];
    snprintf(name, sizeof name, "many/%s", seen[i]);
    if (unlink(in(name)) < 0) printf("unlink %s: %s\n", name, errno_name(errno));
  }
  say_same("behind 50 that are gone", seen, 50, count, again, list(fd, cookies[49], 4096, again, ignored));
  close(fd);
  DIR *dir = opendir(in("many"));
  int read = 0, rewound = 0;
  while (readdir(dir)) read++;
  rewinddir(dir);
  while (readdir(dir)) rewound++;
  printf("%s after rewinding\n", read >= 250 && rewound == read ? "as many" : "other numbers");
  closedir(dir);
  qsort(seen, (size_t)count, sizeof *seen, by_text);
  for (int i = 0; i < count; i += 75) printf("  %s\n", seen[i]);
  printf("  %s\n", seen[count - 1]);
  for (int i = 0; i < COUNT; i++) {
    char name[40];
    snprintf(name, sizeof name, "many/entry-%03d", i);
    unlink(in(name));
  }
  say("rmdir", rmdir(in("many")));
}

static void descriptors(void) {
  char bytes[16] = "";
  struct stat a, b;
  puts("descriptors");
  write_file("one.txt", "one");
  write_file("two.txt", "two");
  int one = open(in("one.txt"), O_RDONLY), two = open(in("two.txt"), O_RDONLY);
  printf("renumber: %s\n", result(__wasilibc_fd_renumber(one, two)));
  say("read", read(two, bytes, sizeof bytes - 1));
  printf("  \"%s\"\n", bytes);
  say("read the old one", read(one, bytes, 1));
  printf("renumber what is not there: %s\n", result(__wasilibc_fd_renumber(one, two)));
  fstat(two, &a);
  stat(in("one.txt"), &b);
  printf("  %s file\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev ? "the same" : "another");
  close(two);
  int again = open(in("two.txt"), O_RDONLY);
  printf("lowest free descriptor is %s\n", again == one || again == two ? "reused" : "left");
  close(again);

  // Rights: what a descriptor was not opened with cannot be had later, and neither below it.
  __wasi_fdstat_t stat;
  int fd = open(in("one.txt"), O_RDWR);
  say("rights given up", __wasi_fd_fdstat_set_rights(fd, __WASI_RIGHTS_FD_READ, 0));
  printf("  write: %s", result(write(fd, "x", 1)));
  printf(", seek: %s", result(lseek(fd, 1, SEEK_SET)));
  printf(", read: %s\n", result(read(fd, bytes, 1)));
  printf("  taken back: %s\n",
         errno_name(__wasi_fd_fdstat_set_rights(fd, __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE, 0)));
  printf("  fdstat: %s", errno_name(__wasi_fd_fdstat_get(fd, &stat)));
  printf(", type %d, rights %llx\n", stat.fs_filetype, (unsigned long long)stat.fs_rights_base);
  close(fd);
}

int main(int argc, char **argv) {
  snprintf(base, sizeof base, "%s", argc > 1 ? argv[1] : ".");
  content();
  names();
  directories();
  times();
  listing();
  descriptors();
  return 0;
}
