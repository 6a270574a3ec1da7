// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o sleep.wasm sleep.c
// Sleeps three times by the wall clock (milliseconds: first argument) and checks that clocks are monotone.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long now(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) < 0) return -1;
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
  long milliseconds = argc > 1 ? atol(argv[1]) : 20;
  struct timespec resolution, wait = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  long backwards = 0;
  if (clock_getres(CLOCK_MONOTONIC, &resolution) < 0) return 1;
  printf("resolution %s\n",
         resolution.tv_sec == 0 && resolution.tv_nsec > 0 ? "finer than a second" : "is odd");
  for (int i = 0; i < 3; i++) {
    long long before = now(CLOCK_MONOTONIC), wall = now(CLOCK_REALTIME);
    if (nanosleep(&wait, 0) < 0) return errno;
    long long slept = now(CLOCK_MONOTONIC) - before, wall_slept = now(CLOCK_REALTIME) - wall;
    // Ten seconds more are not this program's fault, but a sleep in a wrong unit would be longer.
    printf("slept %s, wall clock %s\n",
           slept >= milliseconds * 1000000LL && slept < 10000000000LL + milliseconds * 1000000LL ? "enough"
                                                                                                 : "wrongly",
           wall_slept >= milliseconds * 1000000LL - 1000000 ? "agrees" : "disagrees");
  }
  long long last = now(CLOCK_MONOTONIC);
  for (int i = 0; i < 10000; i++) {
    long long next = now(CLOCK_MONOTONIC);
    backwards += next < last;
    last = next;
  }
  printf("%ld steps backwards\n", backwards);
  printf("date %s\n", now(CLOCK_REALTIME) > 1600000000LL * 1000000000LL ? "is past 2020" : "is in the past");
  return 0;
}
