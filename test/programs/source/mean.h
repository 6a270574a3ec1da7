// Its own line in every caller: the compiler puts it in place of the calls.
static inline int absolute(int x) {
  return x < 0 ? -x : x;
}
