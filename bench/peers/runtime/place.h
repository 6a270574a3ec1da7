/* What differs between a program on this machine (hosted.c) and one on an emulated core without a system (bare.c). */
#ifndef PLACE_H
#define PLACE_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096

/* Most bytes of a memory, and the addresses that it takes. */
#ifdef BARE
#define MEMORY_BYTES ((uint64_t)160 << 20)
#define MEMORY_RESERVE ((size_t)MEMORY_BYTES)
#else
#define MEMORY_BYTES ((uint64_t)1 << 32)
#define MEMORY_RESERVE (((size_t)1 << 33) + 65536)
#endif

/* Addresses, at a multiple of a page; the program ends where there are none. */
void *reserve(size_t bytes);

/* Makes reserved addresses usable, all zero. */
void commit(void *at, size_t bytes);

__attribute__((noreturn)) void give_up(int code);

#endif
