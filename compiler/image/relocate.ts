import type { LoadRelocation } from './image.ts';

/**
 * Writes the addresses that depend on where an image is loaded: the 16-bit immediates of `movw` (low half) and `movt` (high
 * half), bits 19 to 16 and 11 to 0 of the instruction (ARM DDI 0406C, A8.8.102 and A8.8.106).
 *
 * @param bytes the image's code, in place
 * @param base its address
 */
export function relocate(bytes: Uint8Array, base: number, relocations: readonly LoadRelocation[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const { offset, kind, addend } of relocations) {
    const address = base + addend;
    const half = kind === 'arm-movw' ? address & 0xffff : (address >>> 16) & 0xffff;
    const opcode = view.getUint32(offset, true) & 0xfff0_f000;
    view.setUint32(offset, opcode | ((half & 0xf000) << 4) | (half & 0xfff), true);
  }
}
