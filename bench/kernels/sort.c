/* Quicksort with insertion sort for short parts: recursion, swaps, branches that nobody can predict. */
#include "kernel.h"

enum { count = 8192, shortest = 16 };
static i32 values[count];

static void insertion_sort(i32 *low, i32 *high) {
  for (i32 *at = low + 1; at <= high; at++) {
    i32 value = *at, *to = at;
    for (; to > low && to[-1] > value; to--) *to = to[-1];
    *to = value;
  }
}

static void quicksort(i32 *low, i32 *high) {
  while (high - low >= shortest) {
    i32 *middle = low + (high - low) / 2;
    i32 a = *low, b = *middle, c = *high;
    i32 pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
    i32 *up = low, *down = high;
    while (up <= down) {
      while (*up < pivot) up++;
      while (*down > pivot) down--;
      if (up > down) break;
      i32 value = *up;
      *up++ = *down;
      *down-- = value;
    }
    if (down - low < high - up) {
      quicksort(low, down);
      low = up;
    } else {
      quicksort(up, high);
      high = down;
    }
  }
  insertion_sort(low, high);
}

u32 run(u32 n) {
  u32 random = 17, sum = 0;
  while (n-- > 0) {
    for (u32 i = 0; i < count; i++) values[i] = (i32)next_random(&random);
    quicksort(values, values + count - 1);
    for (u32 i = 1; i < count; i++)
      if (values[i - 1] > values[i]) return 0;
    for (u32 i = 0; i < count; i += 61) sum = mix(sum, (u32)values[i]);
  }
  return sum;
}
