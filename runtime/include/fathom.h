/*
 * fathom.h: what a C or C++ program needs to use WebAssembly modules that `fathom compile --emit obj` made into object files.
 *
 * The header generated beside an object (app.h) declares the module's functions; this one holds what all modules share. A
 * program gives a module three things:
 *
 *   - addresses: `fathom_host`, three callbacks that reserve, commit and release memory;
 *   - a `fathom_thread` for each thread of execution that runs instances;
 *   - its imports, as C functions and variables under the names that app.h declares.
 *
 * A trap is a fault (`ud2`, `udf`, or an access to memory without rights) inside a module's code. The host catches
 * it however its system has it, asks `fathom_find_trap` which trap that is, and leaves the module's frames by
 * `fathom_leave`. fathom-posix.h does all of this by mmap, sigaction and siglongjmp.
 *
 * One instance runs on one thread at a time. Its struct must not be moved in memory once it is instantiated. A reference to a function (`fathom_ref`)
 * may only be handed to instances of the module it came from.
 */
#ifndef FATHOM_H
#define FATHOM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the structures that objects hold; a header and an object of different versions do not go together. */
#define FATHOM_OBJECT_VERSION 1

#define FATHOM_PAGE_BYTES ((size_t)65536)

/*
 * A memory needs addresses behind its bytes whose access faults. x86-64: any 32-bit index plus any 32-bit offset must stay in
 * the reservation, for generated code checks nothing. ARMv7: a guard behind the current size.
 */
#if UINTPTR_MAX > 0xffffffffu
#define FATHOM_MEMORY_RESERVE (((size_t)1 << 33) + FATHOM_PAGE_BYTES)
#define FATHOM_MEMORY_PAGES ((size_t)65536)
#else
#define FATHOM_MEMORY_GUARD FATHOM_PAGE_BYTES
#define FATHOM_MEMORY_PAGES ((size_t)65534)
#endif

/* Most elements that a table can have. */
#define FATHOM_TABLE_ELEMENTS ((size_t)10000000)

/* A reference to a function or to something of the host's; 0 is null. */
typedef uintptr_t fathom_ref;

struct fathom_instance;

/* A thread of execution, zero at first. `env` is the exec env of the innermost activation, 0 outside of all modules. */
typedef struct fathom_thread {
  uintptr_t env;
  struct fathom_instance *instances;
} fathom_thread;

/* What the program supplies. It must live as long as the instances made with it. */
typedef struct fathom_host {
  /* `bytes` of addresses at a multiple of 64 KiB, any access to which faults; NULL if there are none. */
  void *(*reserve)(void *user, size_t bytes);
  /* Makes a part of a reservation readable and writable, all of it 0. Multiples of 64 KiB. Not 0 if that fails. */
  int (*commit)(void *user, void *at, size_t bytes);
  /* Gives a whole reservation back. */
  void (*release)(void *user, void *at, size_t bytes);
  void *user;
  fathom_thread *thread;
} fathom_host;

/* Where an exec env repeats base and size of a memory. */
typedef struct fathom_view {
  uintptr_t *at;
  struct fathom_memory *memory;
  struct fathom_view *next;
} fathom_view;

/*
 * A linear memory. `base` and `bytes` change when it grows, which any call of an export may do. Either an
 * instance's own, or made by `fathom_memory_init` for modules that import it.
 */
typedef struct fathom_memory {
  unsigned char *base;
  size_t bytes;
  size_t maximum;
  size_t reserved;
  const fathom_host *host;
  fathom_view *views;
} fathom_memory;

/* A table of references, of one instance. `elements` and `length` change when it grows. */
typedef struct fathom_table {
  fathom_ref *elements;
  size_t length;
  size_t maximum;
  size_t reserved;
  uintptr_t *view;
  const fathom_host *host;
} fathom_table;

/* --- What an object describes itself by -------------------------------------------------------------------------- */

/* The head of an exec env, as generated code knows it. */
typedef struct fathom_env {
  uint32_t abi_version;
  uint32_t layout_hash;
  uintptr_t top;
  uintptr_t thread;
  uintptr_t stack_limit;
  uintptr_t (*host_call)(struct fathom_env *env, uint32_t selector, uintptr_t a, uintptr_t b);
  struct fathom_instance *instance;
} fathom_env;

#if !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L && !defined(__STDC_NO_ATOMICS__)
/* Generated code stores `top` atomically: that it is declared as a plain word must not make a difference. */
_Static_assert(sizeof(_Atomic uintptr_t) == sizeof(uintptr_t), "an atomic word has the size of a plain one");
_Static_assert(_Alignof(_Atomic uintptr_t) == _Alignof(uintptr_t), "an atomic word is aligned as a plain one");
#endif

/* Where an exec env keeps the address of its innermost publication record: in version 2 of the ABI, behind all else. */
static inline uintptr_t *fathom_top(fathom_env *env) {
  return env->abi_version == 2 ? (uintptr_t *)(env + 1) : &env->top;
}

/* Offset of base and size in the exec env; limits in pages; the C program's memory where it is imported. */
typedef struct fathom_memory_type {
  size_t at;
  size_t minimum;
  size_t maximum;
  fathom_memory *imported;
} fathom_memory_type;

typedef struct fathom_table_type {
  size_t at;
  size_t minimum;
  size_t maximum;
} fathom_table_type;

/* An imported immutable global, copied when an instance is made. */
typedef struct fathom_constant {
  size_t at;
  const void *from;
  size_t bytes;
} fathom_constant;

typedef struct fathom_module {
  size_t version;
  const char *name;
  /* Generated code, of which the first `code_bytes` are the module's and the rest is between it and C. */
  const unsigned char *text;
  size_t text_bytes;
  size_t code_bytes;
  const unsigned char *map;
  /* An exec env before anything is known, and the offsets of the words that are relative to its address. */
  const void *image;
  size_t image_bytes;
  /* Bytes of an instance's exec env with the references of element segments behind it. */
  size_t env_bytes;
  const uint32_t *self;
  size_t self_count;
  const fathom_memory_type *memories;
  size_t memory_count;
  const fathom_table_type *tables;
  size_t table_count;
  const fathom_constant *constants;
  size_t constant_count;
  void (*const *imports)(void *user, void *slots);
  size_t import_count;
  void (*init_entry)(void *env, const void *descriptor, void *slots);
  const void *init;
} fathom_module;

typedef struct fathom_instance {
  const fathom_module *module;
  const fathom_host *host;
  void *user;
  fathom_env *env;
  struct fathom_instance *next;
  fathom_memory *memories;
  fathom_view *views;
  fathom_table *tables;
} fathom_instance;

/* --- Memories ---------------------------------------------------------------------------------------------------- */

static inline void fathom_memory_show(const fathom_memory *memory) {
  const fathom_view *view;
  for (view = memory->views; view != NULL; view = view->next) {
    view->at[0] = (uintptr_t)memory->base;
    view->at[1] = memory->bytes;
  }
}

/* How many bytes to reserve for a memory of `bytes` bytes. */
static inline size_t fathom_memory_reservation(size_t bytes, size_t maximum) {
#ifdef FATHOM_MEMORY_RESERVE
  (void)bytes;
  (void)maximum;
  return FATHOM_MEMORY_RESERVE;
#else
  /* Room to grow, as long as nothing else has to give way for it. */
  size_t wish = bytes < ((size_t)8 << 20) ? (size_t)16 << 20 : bytes + bytes / 2;
  if (wish < bytes || wish > maximum) wish = maximum;
  wish -= wish % FATHOM_PAGE_BYTES;
  return wish + FATHOM_MEMORY_GUARD;
#endif
}

/* Bytes at most that a reservation can hold. */
static inline size_t fathom_memory_room(size_t reserved) {
#ifdef FATHOM_MEMORY_RESERVE
  (void)reserved;
  return FATHOM_MEMORY_PAGES * FATHOM_PAGE_BYTES;
#else
  return reserved == 0 ? 0 : reserved - FATHOM_MEMORY_GUARD;
#endif
}

/* Reserves addresses for `bytes` bytes and commits them. Not 0 if that fails. */
static inline int fathom_memory_place(fathom_memory *memory, size_t bytes) {
  const fathom_host *host = memory->host;
  size_t reserved = fathom_memory_reservation(bytes, memory->maximum);
  void *base = host->reserve(host->user, reserved);
#ifdef FATHOM_MEMORY_GUARD
  if (base == NULL && reserved > bytes + FATHOM_MEMORY_GUARD) {
    reserved = bytes + FATHOM_MEMORY_GUARD;
    base = host->reserve(host->user, reserved);
  }
#endif
  if (base == NULL) return -1;
  if (bytes > 0 && host->commit(host->user, base, bytes) != 0) {
    host->release(host->user, base, reserved);
    return -1;
  }
  memory->base = (unsigned char *)base;
  memory->bytes = bytes;
  memory->reserved = reserved;
  return 0;
}

/* Makes a memory of `minimum` pages of 64 KiB that can grow to `maximum`. Not 0 if the host has no room for it. */
static inline int fathom_memory_init(fathom_memory *memory, const fathom_host *host, size_t minimum,
                                     size_t maximum) {
  memset(memory, 0, sizeof *memory);
  memory->host = host;
  if (maximum > FATHOM_MEMORY_PAGES) maximum = FATHOM_MEMORY_PAGES;
  if (minimum > maximum) return -1;
  memory->maximum = maximum * FATHOM_PAGE_BYTES;
  return fathom_memory_place(memory, minimum * FATHOM_PAGE_BYTES);
}

/* Grows by `pages`; the old size in pages, or -1, and nothing has changed. */
static inline int32_t fathom_memory_grow(fathom_memory *memory, uint32_t pages) {
  const fathom_host *host = memory->host;
  size_t old = memory->bytes;
  size_t more = (size_t)pages * FATHOM_PAGE_BYTES;
  if (pages > (memory->maximum - old) / FATHOM_PAGE_BYTES) return -1;
  if (pages > 0 && old + more <= fathom_memory_room(memory->reserved)) {
    if (host->commit(host->user, memory->base + old, more) != 0) return -1;
    memory->bytes = old + more;
  } else if (pages > 0) {
    fathom_memory before = *memory;
    if (fathom_memory_place(memory, old + more) != 0) return -1;
    memcpy(memory->base, before.base, old);
    host->release(host->user, before.base, before.reserved);
  }
  fathom_memory_show(memory);
  return (int32_t)(old / FATHOM_PAGE_BYTES);
}

/* Gives a memory back that no instance uses any more. */
static inline void fathom_memory_free(fathom_memory *memory) {
  if (memory->reserved != 0) memory->host->release(memory->host->user, memory->base, memory->reserved);
  memset(memory, 0, sizeof *memory);
}

/* --- Tables ------------------------------------------------------------------------------------------------------ */

/* Grows by `count` elements that are `value`; the old length, or -1, and nothing has changed. */
static inline int32_t fathom_table_grow(fathom_table *table, uint32_t count, fathom_ref value) {
  const fathom_host *host = table->host;
  size_t old = table->length;
  size_t length, k;
  if (count > table->maximum - old) return -1;
  length = old + count;
  if (length * sizeof(fathom_ref) > table->reserved) {
    size_t bytes = (length + length / 2) * sizeof(fathom_ref);
    void *base;
    bytes = (bytes + FATHOM_PAGE_BYTES - 1) / FATHOM_PAGE_BYTES * FATHOM_PAGE_BYTES;
    base = host->reserve(host->user, bytes);
    if (base == NULL) return -1;
    if (host->commit(host->user, base, bytes) != 0) {
      host->release(host->user, base, bytes);
      return -1;
    }
    if (old > 0) memcpy(base, table->elements, old * sizeof(fathom_ref));
    if (table->reserved != 0) host->release(host->user, table->elements, table->reserved);
    table->elements = (fathom_ref *)base;
    table->reserved = bytes;
  }
  for (k = old; k < length; k++) table->elements[k] = value;
  table->length = length;
  table->view[0] = (uintptr_t)table->elements;
  table->view[1] = length;
  return (int32_t)old;
}

/* --- Instances --------------------------------------------------------------------------------------------------- */

/* What generated code calls: an import, memory.grow or table.grow. */
static inline uintptr_t fathom_host_call(fathom_env *env, uint32_t selector, uintptr_t a, uintptr_t b) {
  fathom_instance *instance = env->instance;
  uint32_t index = selector >> 8;
  switch (selector & 0xff) {
    case 0: {
      /* A descriptor: type id, index, addresses. */
      uint32_t import = ((const uint32_t *)a)[1];
      instance->module->imports[import](instance->user, (void *)b);
      return 0;
    }
    case 1:
      return (uint32_t)fathom_memory_grow(instance->views[index].memory, (uint32_t)a);
    case 2:
      return (uint32_t)fathom_table_grow(&instance->tables[index], (uint32_t)a, b);
    default:
      return (uint32_t)-1;
  }
}

/* Gives back what an instance has, also one that was not made. The generated header's `..._instance_free` calls it. */
static inline void fathom_free(fathom_instance *instance) {
  fathom_instance **link;
  size_t k;
  if (instance->module == NULL) return;
  link = &instance->host->thread->instances;
  for (; *link != NULL; link = &(*link)->next) {
    if (*link != instance) continue;
    *link = instance->next;
    break;
  }
  for (k = 0; k < instance->module->memory_count; k++) {
    fathom_view *view = &instance->views[k];
    fathom_view **other;
    if (view->memory == NULL) continue;
    for (other = &view->memory->views; *other != NULL; other = &(*other)->next) {
      if (*other != view) continue;
      *other = view->next;
      break;
    }
    if (view->memory == &instance->memories[k]) fathom_memory_free(view->memory);
    view->memory = NULL;
  }
  for (k = 0; k < instance->module->table_count; k++) {
    fathom_table *table = &instance->tables[k];
    if (table->reserved != 0) table->host->release(table->host->user, table->elements, table->reserved);
    memset(table, 0, sizeof *table);
  }
}

/*
 * Makes an instance in `instance`, whose pointers the generated header's `..._instantiate` has set, and runs its initialisers and
 * start function, which may trap. 0: made. -1: the host has no room. -2: object and header do not go together. -3: an imported memory is
 * smaller than the module asks for, or can grow beyond what it allows.
 */
static inline int fathom_instantiate(fathom_instance *instance, const fathom_module *module, size_t env_bytes,
                                     const fathom_host *host, void *user) {
  fathom_env *env = instance->env;
  unsigned char *bytes = (unsigned char *)env;
  int failure = 0;
  size_t k;
  instance->module = NULL;
  if (module->version != FATHOM_OBJECT_VERSION || module->env_bytes != env_bytes) return -2;
  k = ((const fathom_env *)module->image)->abi_version;
  if (k != 1 && k != 2) return -2;
  instance->module = module;
  instance->host = host;
  instance->user = user;
  memcpy(env, module->image, module->image_bytes);
  for (k = 0; k < module->self_count; k++) *(uintptr_t *)(bytes + module->self[k]) += (uintptr_t)env;
  for (k = 0; k < module->constant_count; k++)
    memcpy(bytes + module->constants[k].at, module->constants[k].from, module->constants[k].bytes);
  env->thread = (uintptr_t)host->thread;
  env->host_call = fathom_host_call;
  env->instance = instance;
  instance->next = host->thread->instances;
  host->thread->instances = instance;
  for (k = 0; k < module->memory_count; k++) instance->views[k].memory = NULL;
  for (k = 0; k < module->table_count; k++) memset(&instance->tables[k], 0, sizeof(fathom_table));
  for (k = 0; k < module->memory_count && failure == 0; k++) {
    const fathom_memory_type *type = &module->memories[k];
    fathom_memory *memory = type->imported;
    fathom_view *view = &instance->views[k];
    size_t maximum = type->maximum < FATHOM_MEMORY_PAGES ? type->maximum : FATHOM_MEMORY_PAGES;
    if (memory == NULL) {
      memory = &instance->memories[k];
      if (fathom_memory_init(memory, host, type->minimum, type->maximum) != 0) failure = -1;
    } else if (memory->reserved == 0 || memory->bytes / FATHOM_PAGE_BYTES < type->minimum ||
               memory->maximum / FATHOM_PAGE_BYTES > maximum) {
      failure = -3;
    }
    if (failure != 0) break;
    view->at = (uintptr_t *)(bytes + type->at);
    view->memory = memory;
    view->next = memory->views;
    memory->views = view;
    fathom_memory_show(memory);
  }
  for (k = 0; k < module->table_count && failure == 0; k++) {
    const fathom_table_type *type = &module->tables[k];
    fathom_table *table = &instance->tables[k];
    table->host = host;
    table->view = (uintptr_t *)(bytes + type->at);
    table->maximum = type->maximum < FATHOM_TABLE_ELEMENTS ? type->maximum : FATHOM_TABLE_ELEMENTS;
    if (type->minimum > table->maximum || fathom_table_grow(table, (uint32_t)type->minimum, 0) < 0)
      failure = -1;
  }
  if (failure != 0) {
    fathom_free(instance);
    return failure;
  }
  module->init_entry(env, module->init, NULL);
  return 0;
}

/* --- Traps ------------------------------------------------------------------------------------------------------- */

/* Why generated code traps. */
enum fathom_trap_kind {
  FATHOM_NO_TRAP = -1,
  FATHOM_UNREACHABLE = 0,
  FATHOM_MEMORY_OUT_OF_BOUNDS = 1,
  FATHOM_TABLE_OUT_OF_BOUNDS = 2,
  FATHOM_INDIRECT_CALL_NULL = 3,
  FATHOM_INDIRECT_CALL_SIGNATURE = 4,
  FATHOM_DIVIDE_BY_ZERO = 5,
  FATHOM_INTEGER_OVERFLOW = 6,
  FATHOM_INVALID_CONVERSION = 7,
  FATHOM_STACK_OVERFLOW = 8,
  FATHOM_INDIRECT_CALL_OUT_OF_BOUNDS = 9,
  FATHOM_ELEMENT_SEGMENT_OUT_OF_BOUNDS = 10,
  FATHOM_REMAINDER_BY_ZERO = 11
};

static inline const char *fathom_trap_name(int kind) {
  static const char *const names[] = {
      "unreachable",
      "memory access out of bounds",
      "table index is out of bounds",
      "null function or function signature mismatch",
      "null function or function signature mismatch",
      "divide by zero",
      "divide result unrepresentable",
      "float unrepresentable in integer range",
      "Maximum call stack size exceeded",
      "table index is out of bounds",
      "element segment out of bounds",
      "remainder by zero",
  };
  return kind >= 0 && kind < (int)(sizeof names / sizeof names[0]) ? names[kind] : "no trap";
}

/* Where a code address is in the module: reads only the object, so it can be used in a signal handler. */
typedef struct fathom_location {
  const fathom_module *module;
  /* The function's name. Adapters and other code without a wasm function have one, too. */
  const char *function;
  /* Number of the wasm function, and byte offset of the operator in the .wasm file; -1: none. */
  int32_t function_index;
  int32_t wasm_offset;
  /* enum fathom_trap_kind of the instruction at exactly this address. */
  int trap;
  /* For fathom_outer: the inlined call whose body this is, or -1, and the function whose code it is. */
  int32_t inlined;
  uint32_t physical;
} fathom_location;

static inline uint32_t fathom_map_word(const unsigned char *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint32_t fathom_map_leb(const unsigned char **at) {
  uint32_t value = 0;
  unsigned shift = 0;
  unsigned char byte;
  do {
    byte = *(*at)++;
    if (shift < 32) value |= (uint32_t)(byte & 0x7f) << shift;
    shift += 7;
  } while (byte & 0x80);
  return value;
}

static inline int32_t fathom_map_sleb(const unsigned char **at) {
  uint32_t value = 0;
  unsigned shift = 0;
  unsigned char byte;
  do {
    byte = *(*at)++;
    if (shift < 32) value |= (uint32_t)(byte & 0x7f) << shift;
    shift += 7;
  } while (byte & 0x80);
  if (shift < 32 && (byte & 0x40)) value |= ~(uint32_t)0 << shift;
  return (int32_t)value;
}

/* Word `word` of row `row` of the map's table of inlined calls: base, function, start of its body, position of the call. */
static inline int32_t fathom_map_inlined(const unsigned char *map, int32_t row, int word) {
  return (int32_t)fathom_map_word(map + fathom_map_word(map + 32) + 16 * (uint32_t)row + 4 * word);
}

/* Sets the function and operator of `location`: those at `position`, which is in the body of an inlined call before `limit` or in none. */
static inline void fathom_map_place(fathom_location *location, int32_t position, int32_t limit) {
  const unsigned char *map = location->module->map;
  const unsigned char *record;
  uint32_t function = location->physical;
  int32_t low = 0, high = limit;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    if (fathom_map_inlined(map, middle, 0) <= position) low = middle + 1;
    else high = middle;
  }
  location->inlined = low - 1;
  location->wasm_offset = position;
  if (low > 0) {
    function = (uint32_t)fathom_map_inlined(map, low - 1, 1);
    location->wasm_offset = position - fathom_map_inlined(map, low - 1, 0) + fathom_map_inlined(map, low - 1, 2);
  }
  record = map + fathom_map_word(map + 12) + 44 * function;
  location->function = (const char *)map + fathom_map_word(record + 4);
  location->function_index = (int32_t)fathom_map_word(record + 36);
}

/*
 * Where the compiler has put a function's body in place of a call of it, one address stands for several frames: fathom_find says the
 * innermost, and this goes to the one that has called it. 0 if there was one, else not.
 */
static inline int fathom_outer(fathom_location *location) {
  if (location->inlined < 0) return -1;
  fathom_map_place(location, fathom_map_inlined(location->module->map, location->inlined, 3), location->inlined);
  return 0;
}

/* Finds code address `pc` in the module's stack map. 0 if it lies there, else not. */
static inline int fathom_find(const fathom_module *module, uintptr_t pc, fathom_location *location) {
  const unsigned char *map = module->map;
  const unsigned char *starts = map + fathom_map_word(map + 8);
  uintptr_t start = (uintptr_t)module->text;
  uint32_t low = 0, high = fathom_map_word(map + 4);
  uint32_t offset, at, rows;
  int32_t position = 0, found = -1;
  const unsigned char *record, *row;
  if (pc < start || pc - start >= module->code_bytes) return -1;
  offset = (uint32_t)(pc - start);
  if (high == 0 || offset < fathom_map_word(starts)) return -1;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (fathom_map_word(starts + 4 * middle) <= offset) low = middle;
    else high = middle;
  }
  record = map + fathom_map_word(map + 12) + 44 * low;
  at = fathom_map_word(starts + 4 * low);
  if (offset - at >= fathom_map_word(record)) return -1;
  location->module = module;
  location->physical = low;
  row = map + fathom_map_word(record + 8);
  for (rows = fathom_map_leb(&row); rows > 0; rows--) {
    at += fathom_map_leb(&row);
    if (at > offset) break;
    position += fathom_map_sleb(&row);
    found = position;
  }
  fathom_map_place(location, found, (int32_t)fathom_map_word(map + 36));
  location->trap = FATHOM_NO_TRAP;
  at = fathom_map_word(starts + 4 * low);
  row = map + fathom_map_word(record + 16);
  for (rows = fathom_map_leb(&row); rows > 0; rows--) {
    uint32_t kind;
    at += fathom_map_leb(&row);
    kind = fathom_map_leb(&row);
    if (at == offset) location->trap = (int)kind;
  }
  return 0;
}

/* Finds code address `pc` among all instances of a thread. 0 if it lies in one, else not. */
static inline int fathom_find_on(const fathom_thread *thread, uintptr_t pc, fathom_location *location) {
  const fathom_instance *instance;
  for (instance = thread->instances; instance != NULL; instance = instance->next)
    if (fathom_find(instance->module, pc, location) == 0) return 0;
  return -1;
}

/* The trap of the instruction at `pc`, or FATHOM_NO_TRAP. */
static inline int fathom_trap_kind(const fathom_module *module, uintptr_t pc) {
  fathom_location location;
  return fathom_find(module, pc, &location) == 0 ? location.trap : FATHOM_NO_TRAP;
}

/*
 * Where a thread stands, to come back to when a trap leaves frames of generated code behind. `fathom_enter` in the
 * function that calls sigsetjmp or setjmp, before the call of an export; `fathom_leave` after a longjmp to it.
 */
typedef struct fathom_mark {
  uintptr_t env;
} fathom_mark;

static inline void fathom_enter(const fathom_thread *thread, fathom_mark *mark) { mark->env = thread->env; }

/*
 * Takes back the activations whose frames lie below `mark`, which must be a local variable of a function that is not left: the exec envs' chains
 * of publication records end where they ended before, and the thread's innermost exec env is what it was.
 */
static inline void fathom_leave(fathom_thread *thread, const fathom_mark *mark) {
  const fathom_instance *instance;
  for (instance = thread->instances; instance != NULL; instance = instance->next) {
    uintptr_t top = *fathom_top(instance->env);
    while (top != 0 && top < (uintptr_t)mark) {
      /* A publication record: previous, self; an activation's self is -1, and the exec env's top before it stands next. */
      const uintptr_t *record = (const uintptr_t *)top;
      top = record[1] == UINTPTR_MAX ? record[2] : record[0];
    }
    *fathom_top(instance->env) = top;
  }
  thread->env = mark->env;
}

#ifdef __cplusplus
}
#endif

#endif
