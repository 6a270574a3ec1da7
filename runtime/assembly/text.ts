import { load_u8, memory_base, syscall } from './fathom';
import { number, Sys } from './linux';

/** Bytes of text that can be collected before they are written. */
export const textCapacity: u32 = 65536;

const buffer = memory.data(65536);
const pollBlock = memory.data(8);

/** Longest name that is put in full: 128 frames of them fit the buffer. */
const longestName: u32 = 400;

const EAGAIN: i64 = -11;
const EINTR: i64 = -4;
const POLLOUT: u16 = 4;

/** Bytes collected so far. */
export let textLength: u32 = 0;

/** Forgets what has been collected. */
export function clearText(): void {
  textLength = 0;
}

/** Appends a byte; what does not fit is left out. */
export function putByte(byte: u32): void {
  if (textLength === textCapacity) return;
  store<u8>(buffer + textLength, <u8>byte);
  textLength++;
}

/** Appends an ASCII string. */
export function putText(text: string): void {
  const length = text.length;
  const at = changetype<usize>(text);
  for (let k = 0; k < length; k++) putByte(load<u16>(at + (k << 1)));
}

/** Appends a number in decimal. */
export function putDecimal(value: u64): void {
  let power: u64 = 1;
  while (value / power >= 10) power *= 10;
  for (; power !== 0; power /= 10) putByte(<u32>((value / power) % 10) + 48);
}

/** Appends a number in hexadecimal with `0x` before it. */
export function putHex(value: u64): void {
  putText('0x');
  let shift: u32 = 60;
  while (shift > 0 && value >> shift === 0) shift -= 4;
  for (;;) {
    const digit = <u32>(value >> shift) & 15;
    putByte(digit + (digit < 10 ? 48 : 87));
    if (shift === 0) return;
    shift -= 4;
  }
}

/**
 * Appends UTF-8 text in native memory that a 0 ends. Names come with the module: control characters (those of two bytes, too), which
 * would break lines or command a terminal, and the byte `replaced` become question marks; too long ones are cut between characters.
 */
export function putName(address: u64, replaced: u32): void {
  for (let k: u32 = 0; ; k++) {
    const byte = load_u8(address + k);
    if (byte === 0) return;
    if (k >= longestName && (byte & 0xc0) !== 0x80) {
      putText('...');
      return;
    }
    if (byte === 0xc2 && (load_u8(address + k + 1) & 0xe0) === 0x80) {
      putByte(63);
      k++;
    } else {
      putByte(byte < 32 || byte === 127 || byte === replaced ? 63 : byte);
    }
  }
}

/** Native address of the text collected so far, ended by a 0. */
export function terminatedText(): u64 {
  if (textLength === textCapacity) textLength--;
  store<u8>(buffer + textLength, 0);
  return memory_base() + buffer;
}

/** Writes what has been collected, by one system call where the file takes it all, and forgets it. Errors end the writing. */
export function writeText(fd: u32): void {
  let at: u32 = 0;
  while (at < textLength) {
    const from = memory_base() + buffer + at;
    const written = syscall(number(Sys.write), fd, from, textLength - at, 0, 0, 0);
    if (written > 0) at += <u32>written;
    else if (written === EAGAIN) waitToWrite(fd);
    else if (written !== EINTR) break;
  }
  textLength = 0;
}

/** Until a file that does not block takes more. Without a time to wait for, the older call is the same, and everywhere. */
function waitToWrite(fd: u32): void {
  store<u32>(pollBlock, fd);
  store<u32>(pollBlock + 4, POLLOUT);
  syscall(number(Sys.ppoll_old), memory_base() + pollBlock, 1, 0, 0, 0, 0);
}
