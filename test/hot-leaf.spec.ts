import { describe, expect, it } from 'vitest';
import { type SchemeName, schemeNames } from '../compiler/stack/scheme.ts';
import { createDisassembler } from '../emu/capstone.ts';
import { Interrupter } from '../emu/interrupts.ts';
import type { Machine, Runner } from '../emu/machine.ts';
import { createReader } from '../emu/stack/readers.ts';
import { createWebAssembly } from '../emu/webassembly.ts';
import { assembleText } from './support/sampled-runs.ts';

/**
 * A leaf that spends its time in a loop: whether it is inlined or not, each of its samples is its own. Which code addresses are its loop's, the
 * disassembly says, not the position tables that are tested: what lies between a backward branch and its target and multiplies.
 */

const targets = ['x86_64', 'armv7'] as const;
const levels = [0, 1, 2, 3] as const;

/** Nothing but the leaf multiplies. `more` goes through its loop as well. */
const leaf = (more = '', rounds = 100): string => `
  (func $leaf (param $h i32) (result i32)
    (local $i i32)
    (loop $again
      (local.set $h (i32.xor (i32.mul (local.get $h) (i32.const 16777619)) (local.get $i)))
      ${more}
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const ${rounds}))))
    (local.get $h))`;

/** Calls what \`call\` makes of the running value, five times, with work of its own before and behind. */
const run = (call: (h: string) => string): string => `
  (func $run (export "run") (param $times i32) (result i32)
    (local $h i32)
    (loop $again
      (local.set $h (i32.rotl (local.get $h) (i32.const 5)))
      (local.set $h ${call('(i32.add (local.get $h) (local.get $times))')})
      (local.set $h (i32.sub (local.get $h) (i32.const 100)))
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times)))
    (local.get $h))`;

const direct = (h: string): string => `(call $leaf ${h})`;
/** More than is inlined, whatever the bounds. */
const long = Array.from(
  { length: 60 },
  (_, k) =>
    `(local.set $h (i32.rotr (i32.xor (local.get $h) (i32.const ${k + 77})) (i32.and (local.get $i) (i32.const 7))))`,
).join('\n');

interface Variant {
  readonly name: string;
  readonly text: string;
  /** Functions around the leaf, innermost first. */
  readonly callers: readonly string[];
  /** Where the levels allow it. */
  readonly inlined: boolean;
}

const variants: readonly Variant[] = [
  { name: 'small', text: `${leaf()}${run(direct)}`, callers: ['run'], inlined: true },
  {
    name: 'small, inside of another function',
    text: `${leaf()}
      (func $middle (param i32) (result i32) (i32.add (call $leaf (local.get 0)) (i32.const 3)))
      ${run((h) => `(call $middle ${h})`)}`,
    callers: ['middle', 'run'],
    inlined: true,
  },
  { name: 'large', text: `${leaf(long, 4)}${run(direct)}`, callers: ['run'], inlined: false },
  {
    name: 'called through a table',
    text: `(type $step (func (param i32) (result i32))) (table funcref (elem $leaf)) ${leaf()}
      ${run((h) => `(call_indirect (type $step) ${h} (i32.const 0))`)}`,
    callers: ['run'],
    inlined: false,
  },
];

interface Interval {
  readonly from: number;
  readonly to: number;
}

/** What the disassembly says of the code that multiplies. */
interface LeafCode {
  /** The leaf's own function, prologue and epilogue included. */
  readonly body: Interval;
  /** Addresses of the innermost loop around the multiplication, its last instruction's included. */
  readonly loop: Interval;
  /** Name of the function whose code that is. */
  readonly owner: string;
  /** Whether \`run\` has an instruction that calls. */
  readonly runCalls: boolean;
}

async function leafCode(machine: Machine): Promise<LeafCode> {
  const disassembler = await createDisassembler(machine.target);
  const [{ image, base }] = machine.images;
  const loops: (Interval & { owner: string })[] = [];
  let runCalls = false;
  for (const { name, kind, offset, size } of image.functions) {
    if (kind !== 'wasm') continue;
    const rows = disassembler.disassemble(image.code.subarray(offset, offset + size), base + offset);
    const multiplications = rows.filter(({ mnemonic }) => /^(imul|mul|mla)/.test(mnemonic));
    for (const { address, mnemonic, operands } of rows) {
      if (name === 'run' && /^(call|blx?$|blx? )/.test(mnemonic)) runCalls = true;
      const to = /^(j|b)/.test(mnemonic) ? Number(operands.replace('#', '')) : Number.NaN;
      if (
        to >= base + offset &&
        to <= address &&
        multiplications.some((m) => m.address >= to && m.address <= address)
      )
        loops.push({ from: to, to: address, owner: name });
    }
  }
  // Where it is inlined, nothing runs the code of its own that is there as well.
  const ran = loops.some(({ owner }) => owner === 'run') ? 'run' : 'leaf';
  const [{ owner, ...loop }] = loops
    .filter((each) => each.owner === ran)
    .sort((a, b) => a.to - a.from - (b.to - b.from));
  const own = image.functions.find(({ name, kind }) => name === 'leaf' && kind === 'wasm');
  if (own === undefined) throw new TypeError('there is no function leaf');
  const body = { from: base + own.offset, to: base + own.offset + own.size - 1 };
  return { body, loop, owner, runCalls };
}

interface Sample {
  readonly pc: number;
  readonly names: readonly string[];
  readonly kinds: readonly string[];
}

/** Stacks at every instruction of \`body\`. */
function samples(machine: Machine, scheme: SchemeName, body: () => void): Sample[] {
  const taken: Sample[] = [];
  const reader = createReader(machine, scheme);
  const { core } = machine;
  const [env, link] = machine.target === 'x86_64' ? (['r15', 'r15'] as const) : (['r10', 'lr'] as const);
  const interrupter = new Interrupter(core, { kind: 'every-instruction' }, () => {
    reader.read({ pc: core.pc, sp: core.sp, lr: Number(core.read(link)), env: Number(core.read(env)) });
    const frames = reader.frames();
    taken.push({ pc: core.pc, names: frames.map(({ name }) => name), kinds: frames.map(({ kind }) => kind) });
  });
  const runner: Runner = {
    run() {
      const stop = interrupter.run();
      if (stop.reason === 'handler') throw new TypeError('the handler never ends a run');
      return stop;
    },
    entered() {},
    left() {},
  };
  machine.runUnder(runner, body);
  return taken;
}

describe.each(targets)('a hot leaf on %s', (target) => {
  it.each(variants)(
    '$name: all its samples are its own, at every level, with every scheme',
    async (variant) => {
      const { text, callers, inlined } = variant;
      const bytes = assembleText(variant.name, `(module ${text})`);
      const expected = (new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Exports).run(5);
      for (const level of levels) {
        for (const scheme of schemeNames) {
          const where = `-O${level}, ${scheme}`;
          const webAssembly = createWebAssembly({ target, level, scheme });
          const { machine } = webAssembly;
          const { run } = new webAssembly.Instance(new webAssembly.Module(bytes)).exports as Exports;
          const { body, loop, owner, runCalls } = await leafCode(machine);
          expect([owner, runCalls], where).toEqual(inlined && level >= 2 ? ['run', false] : ['leaf', true]);
          let result = 0;
          const taken = samples(machine, scheme, () => {
            result = run(5);
          });
          expect(result, where).toBe(expected);
          const within = ({ from, to }: Interval) => taken.filter(({ pc }) => pc >= from && pc <= to);
          const inLoop = within(loop);
          expect(inLoop.length, where).toBeGreaterThan(1000);
          // Of a function of its own, all instructions, from its prologue to its return: they run, and nobody else has a sample there.
          const inBody = within(body);
          expect(inBody.length > inLoop.length, where).toBe(owner === 'leaf');
          const places = new Set(inBody.map(({ pc }) => pc));
          expect(places.has(body.from), where).toBe(owner === 'leaf');
          // \`none\` knows no more than the innermost frame, and what is inlined there.
          const known = scheme === 'none' && owner === 'leaf' ? ['leaf'] : ['leaf', ...callers];
          const wrong = [...inLoop, ...inBody].filter(
            ({ names, kinds }) =>
              !known.every((name, k) => names[k] === name) ||
              (kinds[known.length] ?? 'adapter') !== 'adapter',
          );
          expect(wrong, where).toEqual([]);
          // Nor is any of the caller's work the leaf's: it runs five times.
          const elsewhere = taken.filter(
            ({ pc, names }) => names[0] === 'leaf' && !(pc >= loop.from && pc <= loop.to),
          );
          expect(elsewhere.length, where).toBeLessThan(5 * 20);
        }
      }
    },
    120_000,
  );
});

/**
 * Paths around the call of a leaf that is inlined and returns in two places: `$other` is not 0 where they are taken. What they need has no
 * operator of its own: values where paths meet, and locals that are zero.
 */
const around = (body: string): string => `(module
  (func $leaf (param i32) (result i32)
    (if (i32.and (local.get 0) (i32.const 1)) (then (return (i32.const 3))))
    (i32.mul (local.get 0) (i32.const 7)))
  (func $run (export "run") (param $x i32) (param $other i32) (result i32)
    (local $y i32) (local $z i32)
    ${body}))`;

const untaken = [
  {
    name: 'in a block',
    text: around(`
      (block (br_if 0 (local.get $other)) (local.set $x (call $leaf (local.get $x))))
      (i32.add (local.get $x) (local.get $other))`),
  },
  {
    name: 'in a block, values for a loop behind it',
    text: around(`
      (block (br_if 0 (local.get $other)) (local.set $y (call $leaf (local.get $x))))
      (loop $again
        (local.set $z (i32.add (i32.xor (local.get $z) (local.get $y)) (local.get $x)))
        (br_if $again (local.tee $x (i32.sub (local.get $x) (i32.const 1)))))
      (local.get $z)`),
  },
  {
    name: 'in one arm of two',
    text: around(`
      (if (local.get $other)
        (then (local.set $z (local.get $x)))
        (else (local.set $z (call $leaf (local.get $x))) (local.set $y (local.get $x))))
      (i32.sub (local.get $z) (local.get $y))`),
  },
];

describe.each(targets)('a leaf that does not run on %s', (target) => {
  it.each(untaken)("$name: the path around it is its caller's", ({ name, text }) => {
    const bytes = assembleText(name, text);
    for (const level of [2, 3] as const) {
      const webAssembly = createWebAssembly({ target, level, scheme: 'unwind' });
      const { run } = new webAssembly.Instance(new webAssembly.Module(bytes)).exports as Exports;
      const { machine } = webAssembly;
      const [{ image, base }] = machine.images;
      expect(image.map.inlined.base.length, `-O${level}`).toBe(1);
      const owner = image.functions.find((f) => f.name === 'run' && f.kind === 'wasm');
      if (owner === undefined) throw new TypeError('there is no function run');
      const from = base + owner.offset;
      const inRun = (other: number): string[] =>
        samples(machine, 'unwind', () => run(6, other))
          .filter(({ pc }) => pc >= from && pc < from + owner.size)
          .map(({ pc, names: [first] }) => `${first} at ${pc - from}`);
      expect(inRun(0).filter((where) => where.startsWith('leaf')).length, `-O${level}`).toBeGreaterThan(1);
      const taken = inRun(1);
      expect(taken.length, `-O${level}`).toBeGreaterThan(3);
      expect(
        taken.filter((where) => !where.startsWith('run')),
        `-O${level}`,
      ).toEqual([]);
    }
  });
});

interface Exports {
  readonly [name: string]: unknown;
  readonly run: (...args: number[]) => number;
}
