import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import wabt from 'wabt';
import { compile } from '../../compiler/index.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { effectsOf } from '../../emu/instruction-effects.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { basicBlocks } from './blocks.ts';
import { isFloatBlock } from './collect.ts';
import { bounds, compareBlocks, distribution } from './compare.ts';
import { corpusPath, readBlock, readCorpus, writeCorpus } from './corpus.ts';
import { pagePath, withTables } from './document.ts';
import { findLlvmMca, isSupported, llvmVersion } from './llvm-mca.ts';
import { causeTable } from './report.ts';

const disassembler = await createDisassembler('armv7');
const corpus = readCorpus(disassembler);

test('basic blocks: all code of the functions, once, and nothing but the last instruction branches', async () => {
  const toolkit = await wabt();
  const text = `(module (func (export "f") (param i32 i32) (result i32)
    (loop $l (local.set 1 (i32.add (local.get 1) (local.get 0)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (if (local.get 1) (then (return (call 0 (local.get 1) (local.get 0)))))
    (i32.div_u (local.get 1) (local.get 0))))`;
  const bytes = toolkit.parseWat('test.wat', text).toBinary({}).buffer;
  const image = compile(bytes, { target: armv7, level: 1, scheme: 'none', order: 'relaxed' });
  const blocks = [...basicBlocks(image, disassembler)];
  const words = image.functions.flatMap(({ offset, size }) =>
    Array.from({ length: size / 4 }, (_, i) =>
      new DataView(image.code.buffer).getUint32(offset + 4 * i, true),
    ),
  );
  expect(blocks.flat()).toEqual(words);
  expect(blocks.length).toBeGreaterThan(8);
  const inside = blocks.flatMap((block) =>
    readBlock('', block, disassembler)
      .rows.slice(0, -1)
      .filter((row) => effectsOf('armv7', row).branches),
  );
  expect(inside).toEqual([]);
});

test('the blocks: enough, of several modules, each once, and all that llvm-mca takes', () => {
  const sources = new Set(corpus.map(({ source }) => source));
  expect([...sources]).toEqual(expect.arrayContaining(['sql.js', 'source-map', 'programs']));
  expect(corpus.filter((block) => !isFloatBlock(block)).length).toBeGreaterThan(500);
  expect(corpus.filter(isFloatBlock).length).toBeGreaterThan(200);
  expect(new Set(corpus.map(({ words }) => words.join())).size).toBe(corpus.length);
  expect(corpus.filter(({ rows }) => !isSupported(rows))).toEqual([]);
  expect(writeCorpus(corpus)).toBe(readFileSync(corpusPath, 'utf8'));
});

const program = findLlvmMca();
const version = program === undefined ? 'no llvm-mca' : llvmVersion(program);
const missing = program === undefined ? 'no llvm-mca here (Debian: llvm-19)' : undefined;

describe.skipIf(program === undefined)(
  missing === undefined ? 'against llvm-mca' : `not compared: ${missing}`,
  () => {
    const compared = program === undefined ? [] : compareBlocks(program, corpus);
    const block = (...words: number[]) => readBlock('test', words, disassembler);

    test('the median ratio of integer blocks is within 0.85 and 1.15', () => {
      const { percentiles, blocks } = distribution(compared.filter(({ kind }) => kind === 'integer'));
      expect(blocks).toBeGreaterThan(500);
      expect(percentiles[3]).toBeGreaterThan(bounds.low);
      expect(percentiles[3]).toBeLessThan(bounds.high);
    });

    test('every ratio out of bounds has a cause, and nine in ten of all blocks are explained', () => {
      for (const { ratio, cause } of compared) {
        expect(cause === undefined).toBe(ratio >= bounds.low && ratio <= bounds.high);
      }
      const unexplained = compared.filter(({ cause }) => cause === 'not explained');
      expect(unexplained.length / compared.length).toBeLessThan(0.1);
    });

    test('causes that are known', () => {
      const known = compareBlocks(program ?? '', [
        block(0xe0800001), // add r0, r0, r1
        block(0xe7821003), // str r1, [r2, r3]
        block(0xee810b02), // vdiv.f64 d0, d1, d2
        block(0xed900b00, 0xee310b00, 0xed800b00), // vldr d0, [r0]; vadd.f64 d0, d1, d0; vstr d0, [r0]
      ]);
      expect(known.map(({ cause }) => cause)).toEqual([
        undefined,
        'index registers',
        'VFP unit not pipelined',
        'VFP load latency',
      ]);
      expect(causeTable(known)).toContain('| index registers | 1 | 0 |');
    });

    const other = version !== 'LLVM version 19.1.7';
    test.skipIf(other)(
      other
        ? `the page's tables are not compared: they are LLVM 19.1.7's, this is ${version}`
        : 'docs/cortex-a9.md has these tables (FATHOM_UPDATE=1 writes them)',
      () => {
        const page = readFileSync(pagePath, 'utf8');
        const wanted = withTables(page, compared);
        if (process.env.FATHOM_UPDATE) writeFileSync(pagePath, wanted);
        else expect(page).toBe(wanted);
      },
    );
  },
);
