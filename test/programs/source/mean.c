// What source lines are tested on: the mean absolute deviation, in two files, with a body that the compiler inlined.
// build: clang-19 --target=wasm32 -O1 -g -gdwarf-4 -fdebug-compilation-dir=. -nostdlib -Wl,--no-entry -Wl,--export=deviation mean.c -o mean.wasm
// build: clang-19 --target=wasm32 -O1 -g -gdwarf-5 -fdebug-compilation-dir=. -nostdlib -Wl,--no-entry -Wl,--export=deviation mean.c -o mean-dwarf-5.wasm
#include "mean.h"

static int values[64];

__attribute__((noinline)) static int mean(const int *of, int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    sum += of[i];
  }
  return sum / n;
}

// Small enough that Fathom inlines it.
__attribute__((noinline)) static int number(int i) {
  return i * 7 % 11;
}

// The linker drops it, but not its lines.
__attribute__((noinline)) int nobody_calls_it(int x) {
  return x * 3 + 1;
}

int deviation(int n) {
  for (int i = 0; i < n; i++) values[i] = number(i);
  int middle = mean(values, n);
  int sum = 0;
  for (int i = 0; i < n; i++) {
    sum += absolute(values[i] - middle);
  }
  return sum / n;
}
