import type { Image } from '../../compiler/image/image.ts';
import type { DisassembledInstruction, Disassembler } from '../../emu/capstone.ts';
import { effectsOf } from '../../emu/instruction-effects.ts';

/** A basic block of A32 code, as words. */
export type Words = readonly number[];

const bytesOfWord = 4;

/** Where a branch with a fixed target goes, or -1. */
function targetOf({ operands }: DisassembledInstruction): number {
  const match = /^#(0x[0-9a-f]+|\d+)$/.exec(operands);
  return match === null ? -1 : Number(match[1]);
}

/**
 * The basic blocks of an ARMv7 image's functions, in order: they begin at functions, at targets of branches and behind whatever
 * ends one; calls and traps end a block, too.
 */
export function* basicBlocks(image: Image, disassembler: Disassembler): Generator<Words> {
  const view = new DataView(image.code.buffer, image.code.byteOffset, image.code.byteLength);
  for (const { offset, size } of image.functions) {
    const rows = disassembler.disassemble(image.code.subarray(offset, offset + size), offset);
    const ends = rows.map(
      (row) => effectsOf('armv7', row).branches || row.mnemonic === 'udf' || row.mnemonic.startsWith('.'),
    );
    const leaders = new Set(
      rows.flatMap((row, i) => (ends[i] ? [targetOf(row), row.address + row.size] : [])),
    );
    let words: number[] = [];
    for (const [i, row] of rows.entries()) {
      if (leaders.has(row.address) && words.length > 0) {
        yield words;
        words = [];
      }
      if (row.size === bytesOfWord) words.push(view.getUint32(row.address, true));
      if (ends[i]) {
        yield words;
        words = [];
      }
    }
    if (words.length > 0) yield words;
  }
}
