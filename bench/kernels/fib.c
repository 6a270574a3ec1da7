/* Fibonacci numbers by recursion: calls and nothing else. */
#include "kernel.h"

REAL_CALLS static u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

/* fib(n), as the work grows with it fast enough. */
u32 run(u32 n) { return fib(n); }
