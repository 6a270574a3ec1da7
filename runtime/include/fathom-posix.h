/*
 * fathom-posix.h: a host for objects on Linux (x86-64, ARMv7), by mmap, sigaction and siglongjmp.
 *
 *   fathom_thread thread = {0};
 *   fathom_host host = fathom_posix_host(&thread);
 *   fathom_posix_start();
 *   if (fathom_try(&thread, run, argument, &trap) != 0) puts(fathom_trap_name(trap.kind));
 *
 * Include it in one source file of the program, with _GNU_SOURCE or the compiler's default dialect, which declare what it needs.
 */
#ifndef FATHOM_POSIX_H
#define FATHOM_POSIX_H

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "fathom.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline void *fathom_posix_reserve(void *user, size_t bytes) {
  void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  (void)user;
  return at == MAP_FAILED ? NULL : at;
}

static inline int fathom_posix_commit(void *user, void *at, size_t bytes) {
  (void)user;
  return mprotect(at, bytes, PROT_READ | PROT_WRITE);
}

static inline void fathom_posix_release(void *user, void *at, size_t bytes) {
  (void)user;
  munmap(at, bytes);
}

/* A host whose instances run on `thread`. */
static inline fathom_host fathom_posix_host(fathom_thread *thread) {
  fathom_host host = {fathom_posix_reserve, fathom_posix_commit, fathom_posix_release, NULL, NULL};
  host.thread = thread;
  return host;
}

/* What went wrong and where. `location.function` is NULL where the stack ran out in code between C and a module. */
typedef struct fathom_trap {
  int kind;
  fathom_location location;
} fathom_trap;

typedef struct fathom_posix_try {
  sigjmp_buf jump;
  fathom_thread *thread;
  fathom_trap trap;
  struct fathom_posix_try *before;
} fathom_posix_try;

/* The innermost fathom_try of this thread. */
static __thread fathom_posix_try *volatile fathom_posix_innermost;

/* Bytes around the stack pointer that belong to no memory of a module. */
#define FATHOM_POSIX_STACK_REACH ((uintptr_t)65536)

static inline int fathom_posix_in_text(const fathom_thread *thread, uintptr_t pc) {
  const fathom_instance *instance;
  for (instance = thread->instances; instance != NULL; instance = instance->next)
    if (pc - (uintptr_t)instance->module->text < instance->module->text_bytes) return 1;
  return 0;
}

static void fathom_posix_handler(int signal, siginfo_t *info, void *data) {
  const ucontext_t *context = (const ucontext_t *)data;
  fathom_posix_try *innermost = fathom_posix_innermost;
#if defined(__x86_64__)
  /* RIP and RSP, whose names only _GNU_SOURCE declares. */
  uintptr_t pc = (uintptr_t)context->uc_mcontext.gregs[16];
  uintptr_t sp = (uintptr_t)context->uc_mcontext.gregs[15];
#elif defined(__arm__)
  uintptr_t pc = context->uc_mcontext.arm_pc;
  uintptr_t sp = context->uc_mcontext.arm_sp;
#else
#error "fathom-posix.h knows x86-64 and ARM"
#endif
  if (innermost != NULL && fathom_posix_in_text(innermost->thread, pc)) {
    fathom_trap *trap = &innermost->trap;
    uintptr_t address = (uintptr_t)info->si_addr;
    int known;
    memset(trap, 0, sizeof *trap);
    known = fathom_find_on(innermost->thread, pc, &trap->location);
    trap->kind = known == 0 ? trap->location.trap : FATHOM_NO_TRAP;
    /* The guard region of the stack: an access below or above the stack pointer, in whatever instruction. */
    if ((signal == SIGSEGV || signal == SIGBUS) &&
        address - (sp - FATHOM_POSIX_STACK_REACH) < 2 * FATHOM_POSIX_STACK_REACH)
      trap->kind = FATHOM_STACK_OVERFLOW;
    if (trap->kind != FATHOM_NO_TRAP) siglongjmp(innermost->jump, 1);
  }
  /* Not ours: as if there were no handler, when the instruction is tried again. */
  {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, NULL);
  }
}

/*
 * Installs the handlers of traps, for the whole process, and an alternate signal stack, for the calling thread. Not 0 if that fails.
 */
static inline int fathom_posix_start(void) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  const size_t bytes = 65536;
  struct sigaction action;
  stack_t stack;
  size_t k;
  memset(&stack, 0, sizeof stack);
  stack.ss_sp = malloc(bytes);
  stack.ss_size = bytes;
  if (stack.ss_sp == NULL || sigaltstack(&stack, NULL) != 0) return -1;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = fathom_posix_handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (k = 0; k < sizeof signals / sizeof signals[0]; k++)
    if (sigaction(signals[k], &action, NULL) != 0) return -1;
  return 0;
}

/*
 * Calls run(argument), which may call exports of instances on `thread`. 0 if it returned; 1 if a trap ended it, which is described in `trap`. C
 * functions that stood between are left without being told. May be nested.
 */
static inline int fathom_try(fathom_thread *thread, void (*run)(void *), void *argument, fathom_trap *trap) {
  fathom_posix_try frame;
  fathom_mark mark;
  int trapped;
  frame.thread = thread;
  frame.before = fathom_posix_innermost;
  fathom_enter(thread, &mark);
  fathom_posix_innermost = &frame;
  trapped = sigsetjmp(frame.jump, 1);
  if (trapped == 0) {
    run(argument);
  } else {
    fathom_leave(thread, &mark);
    if (trap != NULL) *trap = frame.trap;
  }
  fathom_posix_innermost = frame.before;
  return trapped;
}

#ifdef __cplusplus
}
#endif

#endif
