/* The runtime of wasm-rt.h, over `reserve`, which hosted.c and bare.c have. */
#include "wasm-rt.h"

#include "place.h"

/* Elements that a table may grow by. */
enum { table_room = 4096 };

void wasm_rt_trap(wasm_rt_trap_t code) { give_up(code); }

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size) {
  if (max_pages > MEMORY_BYTES / page_size) max_pages = MEMORY_BYTES / page_size;
  if (pages > max_pages) give_up(WASM_RT_TRAP_OOB);
  memory->data = reserve(MEMORY_RESERVE);
  memory->pages = pages;
  memory->max_pages = max_pages;
  memory->page_size = page_size;
  memory->size = pages * page_size;
  memory->is64 = is64;
  commit(memory->data, memory->size);
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t pages) {
  uint64_t before = memory->pages;
  if (pages > memory->max_pages - before) return (uint64_t)-1;
  commit(memory->data + memory->size, pages * memory->page_size);
  memory->pages += pages;
  memory->size += pages * memory->page_size;
  return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { (void)memory; }

#define TABLE(kind, null)                                                                                                \
  void wasm_rt_allocate_##kind##_table(wasm_rt_##kind##_table_t *table, uint32_t elements, uint32_t max_elements) {      \
    uint32_t most = elements + table_room;                                                                               \
    size_t bytes = ((size_t)most * sizeof *table->data + PAGE_BYTES - 1) & -(size_t)PAGE_BYTES;                          \
    table->data = reserve(bytes);                                                                                        \
    commit(table->data, bytes);                                                                                          \
    for (uint32_t i = 0; i < elements; i++) table->data[i] = null;                                                       \
    table->size = elements;                                                                                              \
    table->max_size = max_elements < most ? max_elements : most;                                                         \
  }                                                                                                                      \
  void wasm_rt_free_##kind##_table(wasm_rt_##kind##_table_t *table) { (void)table; }                                     \
  uint32_t wasm_rt_grow_##kind##_table(wasm_rt_##kind##_table_t *table, uint32_t delta, wasm_rt_##kind##_t init) {       \
    uint32_t before = table->size;                                                                                       \
    if (delta > table->max_size - before) return (uint32_t)-1;                                                           \
    for (uint32_t i = 0; i < delta; i++) table->data[before + i] = init;                                                 \
    table->size += delta;                                                                                                \
    return before;                                                                                                       \
  }

TABLE(funcref, wasm_rt_funcref_null_value)
TABLE(externref, wasm_rt_externref_null_value)
