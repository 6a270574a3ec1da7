/* A kernel that wasm2c made C of: `setup` makes the instance, `run` calls it. */
#include "bench.h"

#include "place.h"

uint32_t run(uint32_t n);
void setup(void);

static w2c_bench instance;

#ifdef WASI
/* Kernels import WASI for their `_start`, which is not called here. */
#define NEVER(result, name, ...)                                                                         \
  result w2c_wasi__snapshot__preview1_##name(struct w2c_wasi__snapshot__preview1 *host, __VA_ARGS__) {   \
    (void)host;                                                                                          \
    give_up(-1);                                                                                         \
  }
#pragma GCC diagnostic ignored "-Wunused-parameter"
NEVER(u32, args_sizes_get, u32 a, u32 b)
NEVER(u32, args_get, u32 a, u32 b)
NEVER(u32, clock_time_get, u32 a, u64 b, u32 c)
NEVER(u32, fd_write, u32 a, u32 b, u32 c, u32 d)
NEVER(void, proc_exit, u32 a)

void setup(void) { wasm2c_bench_instantiate(&instance, NULL); }
#else
void setup(void) { wasm2c_bench_instantiate(&instance); }
#endif

uint32_t run(uint32_t n) { return w2c_bench_run(&instance, n); }
