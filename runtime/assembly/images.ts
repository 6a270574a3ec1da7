import { load_u64 } from './fathom';
import { Info, info } from './program-info';

/** The images of the program, by their records in the program info (compiler/image/program-info.ts): app, wasi, handler. */

/** Fields of an image record by their byte offset, and its size. */
enum ImageField {
  codeStart = 0,
  codeEnd = 8,
  map = 16,
  env = 24,
  name = 32,
}
const recordBytes: u64 = 40;

/** Where a word names a function of an image: the image is in the bits from here up. */
export const imageShift: u32 = 28;

function field(image: u32, which: ImageField): u64 {
  return load_u64(info(Info.images) + image * recordBytes + <u64>which);
}

/** The image whose code is at `address`, or -1. */
export function imageAt(address: u64): i32 {
  const count = <i32>info(Info.imageCount);
  for (let k = 0; k < count; k++)
    if (address >= field(k, ImageField.codeStart) && address < field(k, ImageField.codeEnd)) return k;
  return -1;
}

/** Whether `address` is the exec env of an image's instance. */
export function isEnv(address: u64): bool {
  const count = <i32>info(Info.imageCount);
  for (let k = 0; k < count; k++) if (field(k, ImageField.env) === address) return true;
  return false;
}

/** First address of an image's code, which its stack map counts from. */
export function imageStart(image: u32): u64 {
  return field(image, ImageField.codeStart);
}

/** Address of an image's stack map. */
export function imageMap(image: u32): u64 {
  return field(image, ImageField.map);
}

/** Address of an image's name, ended by 0. */
export function imageName(image: u32): u64 {
  return field(image, ImageField.name);
}
