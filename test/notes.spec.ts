import { describe, expect, it } from 'vitest';
import { CodeNote } from '../compiler/backend/assembler.ts';
import type { CompiledFunction } from '../compiler/backend/emit.ts';
import { compile } from '../compiler/index.ts';
import type { MemoryOrder, SchemeName } from '../compiler/stack/scheme.ts';
import { createDisassembler } from '../emu/capstone.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { assemble, program } from './support/profiles.ts';

/** What the assembler notes of instructions, against what they are. */

const targets = { x86_64, armv7 };
type Name = keyof typeof targets;

interface Noted {
  /** Instructions as Capstone prints them, each with its note or -1, of every function of the module by its name. */
  readonly functions: ReadonlyMap<string, { text: string; note: number }[]>;
  readonly compiled: readonly CompiledFunction[];
}

async function noted(
  text: string,
  target: Name,
  scheme: SchemeName = 'atomic',
  order: MemoryOrder = 'relaxed',
): Promise<Noted> {
  const compiled: CompiledFunction[] = [];
  compile(assemble(text), {
    target: targets[target],
    level: 0,
    scheme,
    order,
    observe: { afterEmit: (f) => compiled.push(f) },
  });
  const disassembler = await createDisassembler(target);
  const functions = new Map<string, { text: string; note: number }[]>();
  for (const { symbol, bytes, notes, instructionBytes } of compiled) {
    const at = new Map<number, number>();
    for (let k = 0; k < notes.length; k += 2) at.set(notes[k], notes[k + 1]);
    const rows = disassembler.disassemble(bytes.subarray(0, instructionBytes), 0).map((row) => {
      const note = at.get(row.address) ?? -1;
      at.delete(row.address);
      return { text: `${row.mnemonic} ${row.operands}`.trim(), note };
    });
    // Every note is of an instruction.
    expect([...at]).toEqual([]);
    if (symbol.kind === 'wasm') functions.set(symbol.name, rows);
  }
  return { functions, compiled };
}

const withNote = ({ functions }: Noted, name: string, note: number): string[] =>
  (functions.get(name) ?? []).filter((row) => row.note === note).map((row) => row.text);

/** What docs/abi.md says of a function with locals that saves nothing but lr: instructions on entry and exit together. */
const costs: readonly [SchemeName, MemoryOrder, Record<Name, number>][] = [
  ['none', 'relaxed', { x86_64: 0, armv7: 0 }],
  ['unwind', 'relaxed', { x86_64: 0, armv7: 0 }],
  ['atomic', 'relaxed', { x86_64: 3, armv7: 4 }],
  ['field', 'relaxed', { x86_64: 3, armv7: 4 }],
  ['atomic', 'release', { x86_64: 4, armv7: 7 }],
  ['atomic', 'seq_cst', { x86_64: 6, armv7: 9 }],
  ['tail', 'relaxed', { x86_64: 5, armv7: 7 }],
];

describe.each(['x86_64', 'armv7'] as const)('notes on code for %s', (target) => {
  it.each(costs)('publication with %s, %s', async (scheme, order, instructions) => {
    const found = await noted(program('fib'), target, scheme, order);
    expect(withNote(found, 'fib', CodeNote.publication)).toHaveLength(instructions[target]);
  });

  it('names the instructions of a publication', async () => {
    const found = await noted(program('fib'), target);
    expect(withNote(found, 'fib', CodeNote.publication)).toEqual(
      target === 'x86_64'
        ? ['push qword ptr [r15 + 8]', 'mov qword ptr [r15 + 8], rsp', 'pop qword ptr [r15 + 8]']
        : [
            'ldr ip, [sl, #8]',
            'str sp, [sl, #8]',
            expect.stringMatching(/^ldr ip, \[sp/),
            'str ip, [sl, #8]',
          ],
    );
    const release = await noted(program('fib'), target, 'atomic', 'release');
    expect(withNote(release, 'fib', CodeNote.publication)).toContain(
      target === 'x86_64' ? 'push 0' : 'push {ip, pc}',
    );
  });

  it('bounds checks of memories where there are any, and of tables', async () => {
    const found = await noted(
      `(module (memory 1) (table 4 funcref) (type $t (func))
        (func (export "f") (param i32) (result i32)
          (call_indirect (type $t) (local.get 0))
          (i32.add (i32.load (local.get 0)) (i32.load (i32.const 0)))))`,
      target,
    );
    expect(withNote(found, 'f', CodeNote.boundsCheck)).toEqual(
      target === 'x86_64'
        ? [expect.stringMatching(/^jae /)]
        : [expect.stringMatching(/^bhs /), expect.stringMatching(/^b(hs|ls) /)],
    );
  });

  it('spills and reloads, which are all that is in spill slots', async () => {
    const values = Array.from({ length: 24 }, (_, k) => k);
    const found = await noted(
      `(module (import "host" "f" (func $f (result i32)))
        (func (export "many") (result i32) (local ${values.map(() => 'i32').join(' ')})
          ${values.map((k) => `(local.set ${k} (call $f))`).join(' ')}
          ${values.map((k) => `(local.get ${k})`).join(' ')}
          ${values
            .slice(1)
            .map(() => '(i32.xor)')
            .join(' ')}))`,
      target,
    );
    const ofStack = /\[(?:rsp|sp)\b/;
    const spills = withNote(found, 'many', CodeNote.spill);
    const reloads = withNote(found, 'many', CodeNote.reload);
    expect(spills.length).toBeGreaterThan(8);
    expect(reloads.length).toBeGreaterThanOrEqual(spills.length);
    for (const text of spills)
      expect(text).toMatch(target === 'x86_64' ? /^mov \w+ ptr \[rsp/ : /^str \w+, \[sp/);
    for (const text of reloads) expect(text).toMatch(ofStack);
    // Nothing else touches the frame, but for the restored `top`.
    const others = (found.functions.get('many') ?? []).filter(
      (row) => row.note < 0 && ofStack.test(row.text),
    );
    expect(others).toEqual([]);
  });

  it('tells jump tables from instructions: ARMv7 has branches in their place', async () => {
    const found = await noted(
      `(module (func (export "f") (param i32) (result i32)
        (block (block (block (block (block (br_table 0 1 2 3 4 (local.get 0)))
          (return (i32.const 7))) (return (i32.const 9))) (return (i32.const 11))) (return (i32.const 13))) (i32.const 0)))`,
      target,
    );
    const f = found.compiled.find(({ symbol }) => symbol.name === 'f');
    expect(f && f.bytes.length - f.instructionBytes).toBe(target === 'x86_64' ? 4 * 4 : 0);
  });
});
