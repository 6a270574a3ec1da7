/* All places of some words in a text, by Horspool's algorithm (1980) and letter by letter, which must agree. */
#include "kernel.h"

enum { bytes = 16384, words = 8, longest = 12 };
static u8 text[bytes];

static u32 horspool(const u8 *word, u32 length, u32 *sum) {
  u32 skip[256], found = 0;
  for (u32 i = 0; i < 256; i++) skip[i] = length;
  for (u32 i = 0; i + 1 < length; i++) skip[word[i]] = length - 1 - i;
  for (u32 at = 0; at + length <= bytes; at += skip[text[at + length - 1]]) {
    u32 left = length;
    while (left > 0 && text[at + left - 1] == word[left - 1]) left--;
    if (left > 0) continue;
    found++;
    *sum = mix(*sum, at);
  }
  return found;
}

static u32 by_letters(const u8 *word, u32 length) {
  u32 found = 0;
  for (u32 at = 0; at + length <= bytes; at++) {
    u32 i = 0;
    while (i < length && text[at + i] == word[i]) i++;
    found += i == length;
  }
  return found;
}

u32 run(u32 n) {
  u32 random = 23, sum = 0;
  for (u32 i = 0; i < bytes; i++) text[i] = (u8)('a' + (next_random(&random) >> 8) % 5);
  while (n-- > 0)
    for (u32 i = 0; i < words; i++) {
      u8 word[longest];
      u32 length = 3 + i % 4, from = next_random(&random) % (bytes - longest);
      for (u32 j = 0; j < length; j++) word[j] = text[from + j];
      u32 found = horspool(word, length, &sum);
      if (found == 0 || found != by_letters(word, length)) return 0;
      sum = mix(sum, found);
    }
  return sum;
}
