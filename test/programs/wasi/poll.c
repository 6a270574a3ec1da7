// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o poll.wasm poll.c
// Waits for standard input and for a clock by poll_oneoff. First argument: milliseconds to wait for each.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasi/api.h>

#include "errno-names.h"

static __wasi_subscription_t clock_in(long milliseconds, __wasi_userdata_t userdata, __wasi_clockid_t id) {
  __wasi_subscription_t s;
  memset(&s, 0, sizeof s);
  s.userdata = userdata;
  s.u.tag = __WASI_EVENTTYPE_CLOCK;
  s.u.u.clock.id = id;
  s.u.u.clock.timeout = (__wasi_timestamp_t)milliseconds * 1000000;
  return s;
}

static __wasi_subscription_t on_fd(int fd, __wasi_eventtype_t type, __wasi_userdata_t userdata) {
  __wasi_subscription_t s;
  memset(&s, 0, sizeof s);
  s.userdata = userdata;
  s.u.tag = type;
  s.u.u.fd_read.file_descriptor = fd;
  return s;
}

static int by_userdata(const void *a, const void *b) {
  return (int)((const __wasi_event_t *)a)->userdata - (int)((const __wasi_event_t *)b)->userdata;
}

static void wait_for(const char *what, const __wasi_subscription_t *subscriptions, __wasi_size_t count) {
  __wasi_event_t events[4];
  __wasi_size_t happened = 0;
  memset(events, 0, sizeof events);
  __wasi_errno_t error = __wasi_poll_oneoff(subscriptions, events, count, &happened);
  printf("%s: %s", what, errno_name(error));
  if (error == 0) {
    qsort(events, happened, sizeof *events, by_userdata);
    for (__wasi_size_t i = 0; i < happened; i++)
      printf("; %d %s %s", (int)events[i].userdata,
             events[i].type == __WASI_EVENTTYPE_CLOCK     ? "clock"
             : events[i].type == __WASI_EVENTTYPE_FD_READ ? "read"
                                                          : "write",
             errno_name(events[i].error));
  }
  puts("");
  fflush(stdout);
}

int main(int argc, char **argv) {
  long milliseconds = argc > 1 ? atol(argv[1]) : 50;
  char bytes[256];
  __wasi_subscription_t two[2];

  two[0] = clock_in(milliseconds, 1, __WASI_CLOCKID_MONOTONIC);
  wait_for("monotonic clock", two, 1);
  two[0] = clock_in(milliseconds, 1, __WASI_CLOCKID_REALTIME);
  wait_for("realtime clock", two, 1);
  two[0] = clock_in(60000, 1, __WASI_CLOCKID_MONOTONIC);
  two[1] = clock_in(milliseconds, 2, __WASI_CLOCKID_MONOTONIC);
  wait_for("the earlier of two clocks", two, 2);

  // The test answers this line by a line on standard input, and then with its end.
  puts("ready");
  fflush(stdout);
  two[0] = on_fd(STDIN_FILENO, __WASI_EVENTTYPE_FD_READ, 1);
  two[1] = clock_in(60000, 2, __WASI_CLOCKID_MONOTONIC);
  wait_for("input before a late clock", two, 2);
  ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
  printf("read %.*s", (int)n, bytes);

  two[0] = on_fd(STDOUT_FILENO, __WASI_EVENTTYPE_FD_WRITE, 3);
  two[1] = clock_in(60000, 2, __WASI_CLOCKID_MONOTONIC);
  wait_for("output before a late clock", two, 2);

  two[0] = on_fd(77, __WASI_EVENTTYPE_FD_READ, 4);
  wait_for("no such descriptor", two, 1);
  wait_for("nothing", two, 0);
  return 0;
}
