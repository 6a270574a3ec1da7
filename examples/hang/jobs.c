// build: clang-19 --target=wasm32-wasi -O1 -fno-inline -Wl,--strip-debug -o jobs.wasm jobs.c
/* Puts a job into the queue that is there already. The list bites its own tail, and who looks for another job never comes back. */
#include <stdio.h>

struct job {
  int number;
  struct job *next;
};

static struct job jobs[] = {{1, NULL}, {2, NULL}, {3, NULL}};
static struct job *queue;

static void put(struct job *job) {
  job->next = queue;
  queue = job;
}

static struct job *find(int number) {
  struct job *job = queue;
  while (job != NULL && job->number != number) job = job->next;
  return job;
}

static void cancel(int number) {
  struct job *job = find(number);
  if (job == NULL) printf("there is no job %d\n", number);
  else job->number = 0;
}

static void serve(void) {
  put(&jobs[0]);
  put(&jobs[1]);
  put(&jobs[0]);
  cancel(3);
}

int main(void) {
  serve();
  puts("done");
  return 0;
}
