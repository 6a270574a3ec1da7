// Its own line in every caller: the compiler puts it in place of the calls.
static inline int square(int x) {
  return x * x;
}
