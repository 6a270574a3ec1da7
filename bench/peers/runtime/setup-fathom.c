/* A module that Fathom made an object of: `setup` makes the instance, `run` calls it. */
#include "bench.h"
#include "fathom-posix.h"

#include <stdlib.h>

uint32_t run(uint32_t n);
void setup(void);

static bench_instance instance;
static fathom_thread thread;
static fathom_host host;

void setup(void) {
  host = fathom_posix_host(&thread);
  if (fathom_posix_start() != 0 || bench_instantiate(&instance, &host, NULL) != 0) abort();
}

uint32_t run(uint32_t n) { return (uint32_t)bench_run(&instance, (int32_t)n); }
