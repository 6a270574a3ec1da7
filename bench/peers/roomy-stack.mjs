// Loaded before npm's wasm2c (`node --import`): gives the module that it is a larger stack. Its own, 64 KiB, is too small for functions
// with as many nested blocks as SQLite's interpreter of byte code has, and runs over into its data.

const section = { memory: 5, global: 6 };
const pageBytes = 65536;
/** What the memory gets in addition. The stack begins at its end and the heap far below, so they do not meet. */
const added = 8192;

const unsigned = (value) => {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
};

/** A positive number in signed LEB128, where bit 6 of the last byte is the sign. */
const positive = (value) => {
  const bytes = unsigned(value);
  const last = bytes.length - 1;
  return bytes[last] < 64 ? bytes : [...bytes.slice(0, last), bytes[last] | 128, 0];
};

/** Reads unsigned LEB128 at `at`. */
function readUnsigned(bytes, at) {
  let value = 0;
  for (let next = at, scale = 1; ; scale *= 128) {
    const byte = bytes[next++];
    value += (byte & 127) * scale;
    if (byte < 128) return { value, next };
  }
}

/** A module of one memory with a maximum, and of one global, its stack pointer: with more memory, and the stack at the end of it. */
function withRoomyStack(bytes) {
  const parts = [bytes.subarray(0, 8)];
  let end = 0;
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const { value, next } = readUnsigned(bytes, at + 1);
    let content = bytes.subarray(next, next + value);
    at = next + value;
    if (id === section.memory) {
      const minimum = readUnsigned(content, 2);
      const maximum = readUnsigned(content, minimum.next);
      if (content[0] !== 1 || content[1] !== 1 || maximum.next !== content.length)
        throw new Error('wasm2c has another memory than it had');
      end = (minimum.value + added) * pageBytes;
      content = [1, 1, ...unsigned(minimum.value + added), ...unsigned(maximum.value)];
    } else if (id === section.global) {
      const [count, type, mutable, op] = content;
      if (count !== 1 || type !== 0x7f || mutable !== 1 || op !== 0x41)
        throw new Error('wasm2c has other globals than it had');
      content = [1, type, mutable, op, ...positive(end), 0x0b];
    }
    parts.push(Uint8Array.from([id, ...unsigned(content.length)]), Uint8Array.from(content));
  }
  return Buffer.concat(parts);
}

const { instantiate } = WebAssembly;
WebAssembly.instantiate = (bytes, imports) => instantiate(withRoomyStack(new Uint8Array(bytes)), imports);
