/* An interpreter of bytecode for a stack machine, running a sieve of primes: one switch in a loop, every branch of it indirect. */
#include "kernel.h"

enum { memory_words = 1024, limit = 1000 };
enum { halt, push, load, store, get, set, add, multiply, less, jump, jump_zero };

static i32 memory[memory_words], locals[8];

/* Local 0 is a checksum, 1 is i, 2 is j. A jump's operand is where it goes. */
static const i16 program[] = {
    /*  0 */ push, 2,  set, 1,
    /*  4 */ get, 1,   push, limit, less, jump_zero, 65, /* while i < limit */
    /* 11 */ get, 1,   load,        jump_zero, 18,       /* is it crossed out? */
    /* 16 */ jump, 56,
    /* 18 */ get, 0,   push, 31,    multiply,            /* checksum = 31 checksum + i */
    /* 23 */ get, 1,   add,         set, 0,
    /* 28 */ get, 1,   get, 1,      add,  set, 2,        /* j = 2 i */
    /* 35 */ get, 2,   push, limit, less, jump_zero, 56, /* while j < limit */
    /* 42 */ push, 1,  get, 2,      store,               /* cross out j */
    /* 47 */ get, 2,   get, 1,      add,  set, 2,        /* j += i */
    /* 54 */ jump, 35,
    /* 56 */ get, 1,   push, 1,     add,  set, 1,        /* i++ */
    /* 63 */ jump, 4,
    /* 65 */ halt,
};

static i32 interpret(void) {
  i32 stack[32], *top = stack;
  for (const i16 *pc = program;;) {
    switch (*pc++) {
      case halt: return locals[0];
      case push: *top++ = *pc++; break;
      case load: top[-1] = memory[top[-1]]; break;
      case store: top -= 2; memory[top[1]] = top[0]; break;
      case get: *top++ = locals[*pc++]; break;
      case set: locals[*pc++] = *--top; break;
      case add: top--; top[-1] = (i32)((u32)top[-1] + (u32)*top); break;
      case multiply: top--; top[-1] = (i32)((u32)top[-1] * (u32)*top); break;
      case less: top--; top[-1] = top[-1] < *top; break;
      case jump: pc = program + *pc; break;
      case jump_zero: pc = *--top == 0 ? program + *pc : pc + 1; break;
    }
  }
}

u32 run(u32 n) {
  u32 sum = 0;
  while (n-- > 0) {
    for (u32 i = 0; i < memory_words; i++) memory[i] = 0;
    locals[0] = (i32)n;
    sum = mix(sum, (u32)interpret());
  }
  return sum;
}
