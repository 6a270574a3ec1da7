/* A hash map with open addressing: insert, look up, delete with shifting back. Loads anywhere, and short loops. */
#include "kernel.h"

enum { slots = 16384, keys = 8192 };
static struct {
  u32 key; /* 0 for none */
  u32 value;
} map[slots];

static u32 home(u32 key) {
  key *= 0x85ebca6bu;
  return (key ^ key >> 13) % slots;
}

/* The key's slot, or the free one where it belongs. */
static u32 find(u32 key) {
  u32 at = home(key);
  while (map[at].key != 0 && map[at].key != key) at = (at + 1) % slots;
  return at;
}

static void delete(u32 key) {
  u32 hole = find(key);
  if (map[hole].key == 0) return;
  for (u32 at = (hole + 1) % slots; map[at].key != 0; at = (at + 1) % slots) {
    /* An entry may move back unless that would be before its home. */
    if ((at - home(map[at].key)) % slots < (at - hole) % slots) continue;
    map[hole] = map[at];
    hole = at;
  }
  map[hole].key = 0;
}

u32 run(u32 n) {
  u32 random = 19, sum = 0;
  while (n-- > 0) {
    for (u32 i = 0; i < slots; i++) map[i].key = 0;
    for (u32 i = 0; i < keys; i++) {
      u32 key = next_random(&random) % (2 * keys) + 1, at = find(key);
      if (map[at].key == 0) {
        map[at].key = key;
        map[at].value = 0;
      }
      map[at].value += i;
    }
    for (u32 i = 0; i < keys; i += 3) delete(next_random(&random) % (2 * keys) + 1);
    for (u32 key = 1; key <= 2 * keys; key++) {
      u32 at = find(key);
      if (map[at].key != 0) sum = mix(sum, map[at].value);
    }
  }
  return sum;
}
