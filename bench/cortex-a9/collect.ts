import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import wabt from 'wabt';
import { compile } from '../../compiler/index.ts';
import type { Disassembler } from '../../emu/capstone.ts';
import { decodeInstruction } from '../../emu/cortex-a9-decode.ts';
import { isFloat } from '../../targets/armv7/cortex-a9.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { basicBlocks, type Words } from './blocks.ts';
import { type Block, readBlock } from './corpus.ts';
import { isSupported } from './llvm-mca.ts';

/** A module to take blocks from. */
export interface Source {
  readonly name: string;
  readonly path: string;
}

/** Real modules: npm's SQLite (C) and source-map (Rust), our test programs (WAT, and C by wasi-libc), and the kernels of the benchmarks. */
export function modules(root: string): Source[] {
  const inFolder = (folder: string, name: string): Source[] => {
    const path = join(root, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:wasm|wat)$/.test(file))
      .sort()
      .map((file) => ({ name, path: join(path, file) }));
  };
  return [
    { name: 'sql.js', path: join(root, 'node_modules/sql.js/dist/sql-wasm.wasm') },
    { name: 'source-map', path: join(root, 'node_modules/source-map/lib/mappings.wasm') },
    ...inFolder('bench/kernels', 'kernels'),
    ...inFolder('test/programs', 'programs'),
  ].filter(({ path }) => existsSync(path));
}

/** True if a block has VFP or NEON instructions. */
export const isFloatBlock = ({ rows }: Block): boolean =>
  rows.some(({ mnemonic, operands }) => {
    const inst = decodeInstruction(mnemonic, operands);
    return inst !== undefined && isFloat(inst.class);
  });

/**
 * Compiles the modules and samples their blocks: each block once, of each source and kind (integer, VFP and NEON) no more than
 * `most`, evenly over the module. Blocks that llvm-mca has no cycles for are left out.
 */
export async function collectBlocks(
  sources: readonly Source[],
  disassembler: Disassembler,
  most: number,
): Promise<Block[]> {
  const toolkit = await wabt();
  const seen = new Set<string>();
  const byGroup = new Map<string, Block[]>();
  for (const { name, path } of sources) {
    const text = readFileSync(path);
    const bytes = path.endsWith('.wat')
      ? toolkit.parseWat(basename(path), text.toString()).toBinary({}).buffer
      : new Uint8Array(text);
    const image = compile(bytes, { target: armv7, level: 1, scheme: 'none', order: 'relaxed' });
    for (const words of basicBlocks(image, disassembler)) {
      const key = shapeOf(words);
      if (seen.has(key)) continue;
      seen.add(key);
      const block = readBlock(name, words, disassembler);
      if (!isSupported(block.rows)) continue;
      const group = `${name} ${isFloatBlock(block)}`;
      const blocks = byGroup.get(group);
      if (blocks === undefined) byGroup.set(group, [block]);
      else blocks.push(block);
    }
  }
  return [...byGroup.values()].flatMap((blocks) => sample(blocks, most));
}

/** Branches to different places make no different blocks. */
function shapeOf(words: Words): string {
  const last = words[words.length - 1];
  const isBranch = ((last >>> 25) & 7) === 5;
  return [...words.slice(0, -1), isBranch ? last & 0xff000000 : last].join();
}

/** At most `most` of these, evenly spaced. */
function sample<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]);
}
