// build: clang-19 --target=wasm32 -O2 -nostdlib -Wl,--no-entry -o modbus.wasm modbus.c
#define EXPORT(name) __attribute__((export_name(#name)))

static unsigned char buffer[256];

/* Where a frame is put that crc16 is to check. */
EXPORT(frame) unsigned char *frame(void) { return buffer; }

/* The check sum of a Modbus RTU frame (Modbus over serial line 1.02, section 6.2.2). */
EXPORT(crc16) unsigned crc16(unsigned length) {
  unsigned crc = 0xffff;
  for (unsigned i = 0; i < length; i++) {
    crc ^= buffer[i];
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/* A sensor's reading in thousandths of its span. */
EXPORT(scale) int scale(int raw, int span) { return raw * 1000 / span; }
