/* place.h for a program of Linux. */
#define _GNU_SOURCE
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void *reserve(size_t bytes) {
  void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) give_up(-1);
  return at;
}

void commit(void *at, size_t bytes) {
  if (bytes > 0 && mprotect(at, bytes, PROT_READ | PROT_WRITE) != 0) give_up(-1);
}

void give_up(int code) {
  fprintf(stderr, "trap %d\n", code);
  abort();
}
