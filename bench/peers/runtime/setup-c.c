/* A kernel compiled from C is ready from the start. */
void setup(void);
void setup(void) {}
