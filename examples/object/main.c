/* Uses app.wat as C code: calls its exports, defines its imports, survives its traps. Prints what happens; expected.txt has it. */
#include <inttypes.h>
#include <stdio.h>

#include "app.h"
#include "fathom-posix.h"

/* What the imports get as `user`: who they are called by. */
struct context {
  const char *name;
  app_instance *instance;
};

const int32_t app_import_env_limit = 42;
int64_t app_import_env_calls = 0;

void app_import_env_log(void *user, int32_t value) {
  printf("%s: log %" PRId32 "\n", ((struct context *)user)->name, value);
}

double app_import_env_mix(void *user, int32_t a, int64_t b, float c, double d, int32_t e, int64_t f, float g,
                          double h, int32_t i, int64_t j, float k, double l) {
  printf("%s: mix %" PRId32 " %" PRId64 " %g %g %" PRId32 " %" PRId64 " %g %g %" PRId32 " %" PRId64 " %g %g\n",
         ((struct context *)user)->name, a, b, c, d, e, f, g, h, i, j, k, l);
  return a + b + c + d + e + f + g + h + i + j + k + l;
}

void app_import_env_divide(void *user, app_import_env_divide_result *results, int64_t a, int64_t b) {
  (void)user;
  results->r0 = a / b;
  results->r1 = a % b;
}

/* Calls back into the instance that called. */
int32_t app_import_env_depth(void *user, int32_t n) {
  return app_descend(((struct context *)user)->instance, n);
}

/* One call that may trap. */
struct call {
  app_instance *instance;
  int32_t (*function)(app_instance *, int32_t);
  int32_t argument;
  int32_t result;
};

static void run(void *data) {
  struct call *call = data;
  call->result = call->function(call->instance, call->argument);
}

static int32_t choose_other(app_instance *instance, int32_t which) { return app_choose(instance, which, 6, 7); }

static void attempt(fathom_thread *thread, const char *what, app_instance *instance,
                    int32_t (*function)(app_instance *, int32_t), int32_t argument) {
  struct call call = {instance, function, argument, 0};
  fathom_trap trap;
  if (fathom_try(thread, run, &call, &trap) == 0) printf("%s: %" PRId32 "\n", what, call.result);
  else printf("%s: trap: %s in %s\n", what, fathom_trap_name(trap.kind), trap.location.function);
}

int main(void) {
  static app_instance one, two;
  struct context first = {"one", &one}, second = {"two", &two};
  fathom_thread thread = {0};
  fathom_host host = fathom_posix_host(&thread);
  app_divide_result quotient;
  app_swap_result swapped;
  if (fathom_posix_start() != 0) return 1;
  if (app_instantiate(&one, &host, &first) != 0 || app_instantiate(&two, &host, &second) != 0) return 1;

  puts((char *)app_memory(&one)->base + 16);
  printf("add: %" PRId32 "\n", app_add(&one, 40, 2));
  app_divide(&one, &quotient, -1000000000007, 10);
  printf("divide: %" PRId64 " rest %" PRId64 ", calls %" PRId64 "\n", quotient.r0, quotient.r1,
         app_import_env_calls);
  app_swap(&one, &swapped, 1.5, 2.5f, INT64_C(0x123456789abcdef0), -4);
  printf("swap: %" PRId32 " %" PRIx64 " %g %g\n", swapped.r0, swapped.r1, swapped.r2, swapped.r3);
  printf("mix: %.17g\n",
         app_mix(&two, 1, INT64_C(20000000000), 0.5f, 0.25, -5, -6, 7.5f, 8.75, 9, -10, 11.125f, -12.0625));
  printf("choose: %" PRId32 " %" PRId32 "\n", app_choose(&one, 0, 6, 7), app_choose(&one, 1, 6, 7));
  printf("limit: %" PRId32 "\n", app_limit(&one));
  app_log(&two, 99);

  /* Each instance has a memory and globals of its own. */
  app_store(&one, 1000, 11);
  app_store(&two, 1000, 22);
  app_add(&two, 0, 0);
  app_add(&two, 0, 0);
  *app_count(&two) += 10;
  printf("memories: %" PRId32 " %" PRId32 ", globals: %" PRId32 " %" PRId32 "\n", app_load(&one, 1000),
         app_load(&two, 1000), *app_count(&one), *app_count(&two));

  printf("grow: %" PRId32, app_grow(&one, 2));
  printf(" %" PRId32, app_grow(&one, 2));
  printf(", bytes: %zu %zu, kept: %" PRId32 "\n", app_memory(&one)->bytes, app_memory(&two)->bytes,
         app_load(&one, 1000));
  printf("grow-table: %" PRId32, app_grow_2dtable(&one, 5));
  printf(" %" PRId32 ", last: %" PRId32 "\n", app_grow_2dtable(&one, 5), app_choose(&one, 6, 20, 3));
  printf("descend: %" PRId32 "\n", app_descend(&two, 3));

  attempt(&thread, "load at the end", &two, app_load, 65532);
  attempt(&thread, "load behind it", &two, app_load, 65533);
  attempt(&thread, "load in what has grown", &one, app_load, 2 * 65536);
  attempt(&thread, "load at -4", &one, app_load, -4);
  attempt(&thread, "choose 9", &one, choose_other, 9);
  attempt(&thread, "forever", &one, app_forever, 0);
  attempt(&thread, "descend after it all", &one, app_descend, 2);
  if (thread.env != 0) return 1;

  app_instance_free(&one);
  app_instance_free(&two);
  return thread.instances == NULL ? 0 : 1;
}
