// What a program took, for benchmarks of what happens to it from outside.
#include <stdint.h>
#include <stdio.h>

__attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get"))) int32_t
clock_time_get(int32_t clock, int64_t precision, int64_t *time);

struct timing {
  int64_t time, processor;
};

static struct timing start_timing(void) {
  struct timing now;
  // The monotonic clock, and the process's.
  if (clock_time_get(1, 1, &now.time) != 0 || clock_time_get(2, 1, &now.processor) != 0) __builtin_trap();
  return now;
}

// Prints the nanoseconds of time and of processor time since `from`.
static void print_timing(struct timing from) {
  struct timing now = start_timing();
  printf("%lld %lld\n", (long long)(now.time - from.time), (long long)(now.processor - from.processor));
}
