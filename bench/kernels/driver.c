/*
 * Makes a program of a kernel: `program N REPEATS` calls run(N) so many times and prints each checksum and how many nanoseconds the call
 * took, both hexadecimal. With WebAssembly it is a WASI command, elsewhere a C program; both read the clock at the same places.
 */
#include "kernel.h"

#ifdef __wasm__

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
WASI(args_sizes_get) i32 args_sizes_get(u32 *count, u32 *bytes);
WASI(args_get) i32 args_get(char **pointers, char *strings);
WASI(clock_time_get) i32 clock_time_get(u32 clock, u64 precision, u64 *time);
WASI(fd_write) i32 fd_write(u32 fd, const void *vectors, u32 count, u32 *written);
WASI(proc_exit) _Noreturn void proc_exit(u32 code);

enum { most_arguments = 8, most_bytes = 4096, monotonic = 1, standard_output = 1 };

__attribute__((always_inline)) static inline u32 number(const char *text) {
  u32 value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (u32)(*text - '0');
  return value;
}

/* Writes the digits so that they end at `end`; where they begin. Hexadecimal, as division of 64 bits may need a
 * function's help, which would then be counted as the kernel's code. */
__attribute__((always_inline)) static inline char *digits(u64 value, char *end) {
  do {
    u32 digit = (u32)value & 15;
    *--end = (char)(digit < 10 ? '0' + digit : 'a' - 10 + digit);
    value >>= 4;
  } while (value != 0);
  return end;
}

/* One function and no other, so that measures of code can leave it out. */
__attribute__((export_name("_start"))) void _start(void) {
  static char *arguments[most_arguments];
  static char strings[most_bytes], line[64];
  u32 count, bytes, written;
  if (args_sizes_get(&count, &bytes) != 0 || count != 3 || bytes > most_bytes) proc_exit(2);
  if (args_get(arguments, strings) != 0) proc_exit(2);
  u32 n = number(arguments[1]);
  for (u32 left = number(arguments[2]); left > 0; left--) {
    u64 begin, end;
    if (clock_time_get(monotonic, 1, &begin) != 0) proc_exit(3);
    u32 checksum = run(n);
    if (clock_time_get(monotonic, 1, &end) != 0) proc_exit(3);
    char *last = line + sizeof line;
    *--last = '\n';
    char *from = digits(end - begin, last);
    *--from = ' ';
    from = digits(checksum, from);
    struct {
      const char *at;
      u32 bytes;
    } vector = {from, (u32)(line + sizeof line - from)};
    if (fd_write(standard_output, &vector, 1, &written) != 0) proc_exit(4);
  }
}

#else

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What a kernel needs before its first call: an instance, where it was WebAssembly. */
void setup(void);

static u64 now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (u64)time.tv_sec * 1000000000u + (u64)time.tv_nsec;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  u32 n = (u32)strtoul(arguments[1], NULL, 10);
  setup();
  for (u32 left = (u32)strtoul(arguments[2], NULL, 10); left > 0; left--) {
    u64 begin = now();
    u32 checksum = run(n);
    u64 end = now();
    if (printf("%x %llx\n", checksum, end - begin) < 0) return 4;
  }
  return 0;
}

#endif
