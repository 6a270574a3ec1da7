import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exportOf, leb, Sections } from '../../compiler/wasm/edit.ts';
import { Section } from '../../compiler/wasm/sections.ts';
import { roomyStack } from './build.ts';

/** A module whose `run` has so many blocks, each in the one before, and leaves three of them. No assembler: they have small stacks, too. */
function nestedBlocks(blocks: number): Uint8Array {
  const module = new Sections(new Map());
  const begins = Array.from({ length: blocks }, () => [0x02, 0x40]).flat();
  const ends = Array.from({ length: blocks }, () => 0x0b);
  const body = [0, ...begins, 0x20, 0, 0x0d, 3, ...ends, 0x0b];
  module.change(Section.type, [], [[0x60, 1, 0x7f, 0]]);
  module.change(Section.function, [], [[0]]);
  module.change(Section.export, [], [exportOf('run', 'function', 0)]);
  module.change(Section.code, [], [[...leb(body.length), ...body]]);
  return module.result();
}

describe('wasm2c', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-wasm2c-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Translates a function of so many nested blocks; the C, or undefined where it failed. */
  function translated(blocks: number, options: readonly string[]): string | undefined {
    const input = join(folder, 'nested.wasm');
    const output = join(folder, 'nested.c');
    writeFileSync(input, nestedBlocks(blocks));
    rmSync(output, { force: true });
    const wasm2c = join(dirname(createRequire(import.meta.url).resolve('wabt')), 'bin/wasm2c');
    const args = [...options, wasm2c, input, '-n', 'bench', '-o', output];
    const { status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
    return status === 0 ? readFileSync(output, 'utf8') : undefined;
  }

  it('translates the same with a larger stack', () => {
    expect(translated(20, ['--import', roomyStack])).toBe(translated(20, []));
  });

  // Without, this many overwrite its data, and it crashes or never ends.
  it('translates deeply nested blocks with it', () => {
    expect(translated(1000, ['--import', roomyStack])).toContain('w2c_bench_run');
  });
});
