/* Huffman coding of a text, and back: a heap, a tree, bits in and out, branches that nobody can predict. */
#include "kernel.h"

enum { bytes = 8192, symbols = 256, nodes = 2 * symbols, longest = 32 };
static u8 text[bytes], decoded[bytes];
static u32 bits[bytes]; /* room for more than eight bits a byte */
static u32 weight[nodes];
static u16 left[nodes], right[nodes], heap[nodes + 1];
static u32 code[symbols];
static u8 length[symbols];
static u32 heap_size;

static void push(u32 node) {
  u32 at = ++heap_size;
  for (; at > 1 && weight[heap[at / 2]] > weight[node]; at /= 2) heap[at] = heap[at / 2];
  heap[at] = (u16)node;
}

static u32 pop(void) {
  u32 top = heap[1], last = heap[heap_size--], at = 1;
  for (;;) {
    u32 child = 2 * at;
    if (child > heap_size) break;
    if (child < heap_size && weight[heap[child + 1]] < weight[heap[child]]) child++;
    if (weight[heap[child]] >= weight[last]) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = (u16)last;
  return top;
}

/* The tree of the text; its root. Leaves are the symbols. */
static u32 make_tree(void) {
  for (u32 i = 0; i < nodes; i++) weight[i] = 0;
  for (u32 i = 0; i < bytes; i++) weight[text[i]]++;
  heap_size = 0;
  for (u32 i = 0; i < symbols; i++)
    if (weight[i] > 0) push(i);
  u32 next = symbols;
  while (heap_size > 1) {
    u32 a = pop(), b = pop();
    left[next] = (u16)a;
    right[next] = (u16)b;
    weight[next] = weight[a] + weight[b];
    push(next++);
  }
  return pop();
}

static void assign(u32 node, u32 path, u32 depth) {
  if (node < symbols) {
    code[node] = path;
    length[node] = (u8)depth;
    return;
  }
  assign(left[node], path, depth + 1);
  assign(right[node], path | 1u << depth, depth + 1);
}

/* How many bits the text takes. */
static u32 encode(void) {
  u32 at = 0;
  for (u32 i = 0; i < bytes; i++) bits[i] = 0;
  for (u32 i = 0; i < bytes; i++) {
    u32 symbol = text[i];
    bits[at / 32] |= code[symbol] << at % 32;
    if (at % 32 + length[symbol] > 32) bits[at / 32 + 1] |= code[symbol] >> (32 - at % 32);
    at += length[symbol];
  }
  return at;
}

static void decode(u32 root) {
  u32 at = 0;
  for (u32 i = 0; i < bytes; i++) {
    u32 node = root;
    while (node >= symbols) {
      node = bits[at / 32] >> at % 32 & 1 ? right[node] : left[node];
      at++;
    }
    decoded[i] = (u8)node;
  }
}

u32 run(u32 n) {
  u32 random = 11, sum = 0;
  /* Small numbers are more frequent than large ones. */
  for (u32 i = 0; i < bytes; i++) {
    u32 value = next_random(&random);
    text[i] = (u8)((value & 0xff) * (value >> 8 & 0xff) * (value >> 16 & 0xff) >> 16);
  }
  while (n-- > 0) {
    u32 root = make_tree();
    assign(root, 0, 0);
    sum = mix(sum, encode());
    decode(root);
    for (u32 i = 0; i < bytes; i++)
      if (decoded[i] != text[i]) return 0;
    for (u32 i = 0; i < bytes; i += 64) sum = mix(sum, bits[i / 2]);
    text[n % bytes] ^= (u8)sum & 15;
  }
  return sum;
}
