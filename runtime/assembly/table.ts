import { copy, load_u64, load_word, store_u64, store_word, word_bytes } from './fathom';
import { Sys } from './linux';
import { Info, info } from './program-info';
import { kernel, Mapping, map } from './system';

/** Most elements of any table, whatever its own maximum: as many as browsers allow (WebAssembly JavaScript Interface, implementation-defined limits). */
const limit: u64 = 10_000_000;

/** Native address of a u64 for each table: elements that there is room for where it is mapped, 0 while it is where the linker put it. */
let capacities: u64 = 0;

/** table.grow: the old number of elements, or -1. New elements are `value`. */
export function growTable(index: u32, elements: u32, value: u64): u32 {
  if (<u64>index >= info(Info.tableCount)) return <u32>-1;
  const cell = info(Info.appEnv) + load_u64(info(Info.tableOffsets) + ((<u64>index) << 3));
  const lengthAt = cell + <u64>word_bytes();
  const old = load_word(lengthAt);
  const length = old + <u64>elements;
  const maximum = min<u64>(limit, load_u64(info(Info.tableMaxima) + ((<u64>index) << 3)));
  if (length > maximum) return <u32>-1;
  if (elements > 0 && !makeRoom(index, cell, old, length, maximum)) return <u32>-1;
  const base = load_word(cell);
  if (value !== 0) for (let k = old; k < length; k++) store_word(base + k * <u64>word_bytes(), value);
  store_word(lengthAt, length);
  return <u32>old;
}

/** Moves a table to where there is room for `length` elements, and for as many again, that growing one by one stays cheap. */
function makeRoom(index: u32, cell: u64, old: u64, length: u64, maximum: u64): bool {
  if (capacities === 0) {
    const mapped = map(0, info(Info.tableCount) << 3, Mapping.readWrite);
    if (mapped < 0) return false;
    capacities = <u64>mapped;
  }
  const capacityAt = capacities + ((<u64>index) << 3);
  const capacity = load_u64(capacityAt);
  if (length <= capacity) return true;
  const roomy = min<u64>(length << 1, maximum);
  const base = map(0, roomy * <u64>word_bytes(), Mapping.readWrite);
  if (base < 0) return false;
  const before = load_word(cell);
  copy(<u64>base, before, old * <u64>word_bytes());
  store_word(cell, <u64>base);
  if (capacity !== 0) kernel(Sys.munmap, before, capacity * <u64>word_bytes());
  store_u64(capacityAt, roomy);
  return true;
}
