// build: clang-19 --target=wasm32-wasi -O2 -Wall -Wextra -Werror -Wl,--strip-debug -o query.wasm query.c
// What a database does to answer queries, `query ROUNDS` times over: rows into a B-tree, a join by hash, a sort, an aggregate, and an
// expression of each row evaluated over its tree. Prints a checksum, then the nanoseconds of time and of processor time that it took.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timing.h"

enum { ROWS = 4000, KINDS = 61, BUCKETS = 1024, ORDER = 16 };

struct row {
  uint32_t key, kind;
  double weight;
  char name[16];
};

struct node {
  int count, leaf;
  uint32_t keys[ORDER];
  const struct row *rows[ORDER];
  struct node *children[ORDER + 1];
};

struct expression {
  enum { COLUMN, CONSTANT, ADD, MULTIPLY, COMPARE } kind;
  double value;
  const struct expression *left, *right;
};

static struct row rows[ROWS];
static struct node nodes[ROWS];
static int used;
static uint32_t seed = 1;

static uint32_t next_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

static struct node *new_node(int leaf) {
  struct node *node = &nodes[used++];
  memset(node, 0, sizeof *node);
  node->leaf = leaf;
  return node;
}

static void split_child(struct node *parent, int at) {
  struct node *full = parent->children[at];
  struct node *right = new_node(full->leaf);
  int middle = ORDER / 2;
  right->count = ORDER - middle - 1;
  memcpy(right->keys, full->keys + middle + 1, sizeof *full->keys * (size_t)right->count);
  memcpy(right->rows, full->rows + middle + 1, sizeof *full->rows * (size_t)right->count);
  if (!full->leaf)
    memcpy(right->children, full->children + middle + 1, sizeof *full->children * (size_t)(right->count + 1));
  full->count = middle;
  for (int k = parent->count; k > at; k--) {
    parent->keys[k] = parent->keys[k - 1];
    parent->rows[k] = parent->rows[k - 1];
    parent->children[k + 1] = parent->children[k];
  }
  parent->keys[at] = full->keys[middle];
  parent->rows[at] = full->rows[middle];
  parent->children[at + 1] = right;
  parent->count++;
}

__attribute__((noinline)) static void insert_below(struct node *node, const struct row *row) {
  int at = node->count;
  while (at > 0 && node->keys[at - 1] > row->key) at--;
  if (!node->leaf) {
    if (node->children[at]->count == ORDER) {
      split_child(node, at);
      if (row->key > node->keys[at]) at++;
    }
    insert_below(node->children[at], row);
    return;
  }
  for (int k = node->count; k > at; k--) {
    node->keys[k] = node->keys[k - 1];
    node->rows[k] = node->rows[k - 1];
  }
  node->keys[at] = row->key;
  node->rows[at] = row;
  node->count++;
}

static struct node *insert(struct node *root, const struct row *row) {
  if (root->count == ORDER) {
    struct node *above = new_node(0);
    above->children[0] = root;
    split_child(above, 0);
    root = above;
  }
  insert_below(root, row);
  return root;
}

__attribute__((noinline)) static const struct row *look_up(const struct node *node, uint32_t key) {
  int at = 0;
  while (at < node->count && node->keys[at] < key) at++;
  if (at < node->count && node->keys[at] == key) return node->rows[at];
  return node->leaf ? NULL : look_up(node->children[at], key);
}

__attribute__((noinline)) static double evaluate(const struct expression *e, const struct row *row) {
  switch (e->kind) {
  case COLUMN: return row->weight;
  case CONSTANT: return e->value;
  case ADD: return evaluate(e->left, row) + evaluate(e->right, row);
  case MULTIPLY: return evaluate(e->left, row) * evaluate(e->right, row);
  default: return evaluate(e->left, row) < evaluate(e->right, row);
  }
}

__attribute__((noinline)) static double scan(const struct node *node, const struct expression *filter) {
  double sum = 0;
  for (int k = 0; k < node->count; k++) {
    if (!node->leaf) sum += scan(node->children[k], filter);
    if (evaluate(filter, node->rows[k]) != 0) sum += node->rows[k]->weight;
  }
  return node->leaf ? sum : sum + scan(node->children[node->count], filter);
}

static int by_name(const void *left, const void *right) {
  return strcmp((*(const struct row *const *)left)->name, (*(const struct row *const *)right)->name);
}

__attribute__((noinline)) static double sort_rows(void) {
  static const struct row *order[ROWS];
  for (int k = 0; k < ROWS; k++) order[k] = &rows[k];
  qsort(order, ROWS, sizeof *order, by_name);
  double sum = 0;
  for (int k = 0; k < ROWS; k += 97) sum += order[k]->weight * k;
  return sum;
}

__attribute__((noinline)) static double join(void) {
  static int heads[BUCKETS], links[ROWS];
  memset(heads, -1, sizeof heads);
  for (int k = 0; k < ROWS; k++) {
    uint32_t bucket = rows[k].kind * 2654435761u % BUCKETS;
    links[k] = heads[bucket];
    heads[bucket] = k;
  }
  double groups[KINDS] = {0};
  for (uint32_t kind = 0; kind < KINDS; kind++)
    for (int k = heads[kind * 2654435761u % BUCKETS]; k >= 0; k = links[k])
      if (rows[k].kind == kind) groups[kind] += rows[k].weight;
  double sum = 0;
  for (int kind = 0; kind < KINDS; kind++) sum += groups[kind] * (kind + 1);
  return sum;
}

static double round_of(const struct expression *filter) {
  used = 0;
  struct node *root = new_node(1);
  for (int k = 0; k < ROWS; k++) {
    rows[k].key = next_random();
    rows[k].kind = next_random() % KINDS;
    rows[k].weight = next_random() % 10007 / 8.0;
    uint32_t letters = next_random();
    for (int c = 0; c < 15; c++) rows[k].name[c] = (char)('a' + (letters >> c) % 26);
    root = insert(root, &rows[k]);
  }
  double sum = scan(root, filter) + join() + sort_rows();
  for (int k = 0; k < ROWS; k++) sum += look_up(root, rows[k].key)->weight;
  return sum;
}

int main(int argc, char **argv) {
  static const struct expression column = {COLUMN, 0, NULL, NULL}, half = {CONSTANT, 0.5, NULL, NULL},
                                 limit = {CONSTANT, 400, NULL, NULL};
  static const struct expression scaled = {MULTIPLY, 0, &column, &half}, sum = {ADD, 0, &scaled, &half},
                                 filter = {COMPARE, 0, &sum, &limit};
  struct timing timing = start_timing();
  double result = 0;
  for (long left = argc > 1 ? atol(argv[1]) : 1; left > 0; left--) result += round_of(&filter);
  printf("%.3f\n", result);
  print_timing(timing);
}
