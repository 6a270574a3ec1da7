import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DisassembledInstruction, Disassembler } from '../../emu/capstone.ts';
import type { Words } from './blocks.ts';
import { root } from './root.ts';

/** A basic block that both models are asked about. */
export interface Block {
  /** The module that it was compiled from. */
  readonly source: string;
  readonly words: Words;
  readonly rows: readonly DisassembledInstruction[];
}

/** The file of blocks. */
export const corpusPath = join(root, 'bench/cortex-a9/blocks.txt');

const header = `# Basic blocks of modules that Fathom compiled for ARMv7, distinct ones, a sample: the module, then A32 words.
# Written by scripts/cortex-a9-check.mjs --collect, and read by it, so that tables stand still while the compiler changes.
`;

/** One block, of a module, read by the disassembler. */
export function readBlock(source: string, words: Words, disassembler: Disassembler): Block {
  const bytes = new Uint8Array(Uint32Array.from(words).buffer);
  // Somewhere in the middle of what branches reach.
  return { source, words, rows: disassembler.disassemble(bytes, 0x10000) };
}

/** The blocks of the file. */
export function readCorpus(disassembler: Disassembler, path = corpusPath): Block[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [source, ...words] = line.split(' ');
      const numbers = words.map((word) => Number.parseInt(word, 16));
      return readBlock(source, numbers, disassembler);
    });
}

/** The file's text for these blocks. */
export const writeCorpus = (blocks: readonly Block[]): string =>
  header +
  blocks
    .map(({ source, words }) => `${source} ${words.map((w) => w.toString(16).padStart(8, '0')).join(' ')}\n`)
    .join('');
