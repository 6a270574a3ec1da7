/** runtime/assembly/handler.ts as wasm, in base64. Generated: see runtime.spec.ts. */
export const handlerBinary =
  'AGFzbQEAAAABFgNgA39+fgBgAAF/YAd/fn5+fn5+AX4CJgIGZmF0aG9tCndvcmRfYnl0ZXMAAQZmYXRob20Hc3lzY2FsbAACAwIB' +
  'AAUEAQEICAcTAgZzaWduYWwAAgZtZW1vcnkCAAogAR4AQecBQfgBEABBCEYbIACtQgBCAEIAQgBCABABGgsAGARuYW1lAREBAg5o' +
  'YW5kbGVyL3NpZ25hbA==';
