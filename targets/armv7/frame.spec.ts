import { describe, expect, test } from 'vitest';
import { Assembler, type FrameRow } from '../../compiler/backend/assembler.ts';
import { MBlock, MFunction, MInst } from '../../compiler/backend/machine.ts';
import { parseFunction } from '../../compiler/ir/parse.ts';
import { Type } from '../../compiler/ir/types.ts';
import type { Publication } from '../../compiler/stack/scheme.ts';
import { tail } from '../../compiler/stack/tail.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { compileFunction, publications, Runner } from './fixtures/runner.ts';
import { emitEpilogue, emitPrologue, layoutFrame } from './frame.ts';
import { I } from './instructions.ts';

const { i32 } = Type;
const disassembler = await createDisassembler('armv7');
const { none: unpublished, atomic: published } = publications;

function makeFunction(fields: Partial<MFunction> = {}, results: Type[] = []): MFunction {
  const symbol = { id: 0, name: 'f', kind: 'wasm', wasmIndex: 0 } as const;
  const func = new MFunction(symbol, { symbol: 0, params: [], results }, fields.convention ?? 'wasm');
  return Object.assign(func, fields);
}

/** Prologue and epilogue, a line per instruction with the row that holds from its end on, if it made one. */
function frameListing(func: MFunction, publication: Publication): string[] {
  const frame = layoutFrame(func, publication);
  const asm = new Assembler();
  emitPrologue(func, frame, publication, asm);
  const body = asm.offset;
  emitEpilogue(func, frame, publication, asm);
  const rows = new Map(asm.frameRows.map((row) => [row.offset, row]));
  return disassembler.disassemble(asm.bytes(), 0).map(({ mnemonic, operands }, k) => {
    const text = `${mnemonic} ${operands}`.trim();
    const row = rows.get(4 * k + 4);
    const note = row === undefined ? '' : ` | ${row.cfa} ${row.returnAddress}${row.published ? ' P' : ''}`;
    return `${4 * k === body ? '-- ' : ''}${text}${asm.publications.includes(4 * k) ? ' *' : ''}${note}`;
  });
}

test('a leaf that saves and spills nothing has no frame', () => {
  expect(frameListing(makeFunction(), published)).toEqual(['-- bx lr']);
});

test('publishing costs five instructions, and four where lr alone is saved', () => {
  const func = makeFunction({ hasCalls: true, savedRegisters: [4] });
  expect(frameListing(func, unpublished)).toEqual(['push {r4, lr} | 8 4', '-- pop {r4, pc}']);
  expect(frameListing(func, published)).toEqual([
    'ldr ip, [sl, #8]',
    'push {r4, r5, ip, lr} | 16 12',
    'add ip, sp, #8',
    'str ip, [sl, #8] * | 16 12 P',
    '-- ldr ip, [sp, #8]',
    'str ip, [sl, #8] * | 16 12',
    'pop {r4, r5, ip, pc}',
  ]);
  expect(frameListing(makeFunction({ hasCalls: true }), published)).toEqual([
    'ldr ip, [sl, #8]',
    'push {ip, lr} | 8 4',
    'str sp, [sl, #8] * | 8 4 P',
    '-- ldr ip, [sp]',
    'str ip, [sl, #8] * | 8 4',
    'pop {ip, pc}',
  ]);
});

const large = makeFunction({
  hasCalls: true,
  savedRegisters: [4, 5, 24],
  spillSlots: 2,
  outgoingBytes: 8,
});

test('and whatever else is in the frame', () => {
  expect(frameListing(large, published)).toEqual([
    'ldr ip, [sl, #8]',
    'push {r4, r5, ip, lr} | 16 12',
    'add ip, sp, #8',
    'str ip, [sl, #8] * | 16 12 P',
    'vpush {d8} | 24 20 P',
    'sub sp, sp, #0x18 | 48 44 P',
    '-- ldr ip, [sp, #0x28]',
    'str ip, [sl, #8] * | 48 44',
    'add sp, sp, #0x18 | 24 20',
    'vpop {d8} | 16 12',
    'pop {r4, r5, ip, pc}',
  ]);
});

test('a record that says whose it is has a place of its own, which the last pop gives up', () => {
  const release: Publication = { ...published, order: 'release' };
  expect(frameListing(large, release)).toEqual([
    'push {r4, r5, ip, lr} | 16 12',
    'ldr ip, [sl, #8]',
    'push {ip, pc} | 24 20',
    'dmb ish',
    'str sp, [sl, #8] * | 24 20 P',
    'vpush {d8} | 32 28 P',
    'sub sp, sp, #0x18 | 56 52 P',
    '-- ldr ip, [sp, #0x20]',
    'str ip, [sl, #8] * | 56 52',
    'dmb ish',
    'add sp, sp, #0x18 | 32 28',
    'vpop {d8} | 24 20',
    'pop {r2, r3, r4, r5, ip, pc}',
  ]);
  const results = makeFunction({ hasCalls: true }, [i32, i32, i32]);
  expect(frameListing(results, release).slice(-2)).toEqual(['add sp, sp, #8 | 8 4', 'pop {ip, pc}']);
});

test('of a frame that is too large for the offset of a load, the rest is given up first', () => {
  const func = makeFunction({ hasCalls: true, spillSlots: 600 });
  const lines = frameListing(func, published);
  expect(lines.slice(lines.findIndex((line) => line.startsWith('--')))).toEqual([
    '-- add sp, sp, #0x12c0 | 8 4 P',
    'ldr ip, [sp]',
    'str ip, [sl, #8] * | 8 4',
    'pop {ip, pc}',
  ]);
});

test('orders that other cores read by add barriers', () => {
  const func = makeFunction({ hasCalls: true });
  const texts = (order: Publication['order']) =>
    frameListing(func, { ...published, order })
      .map((line) => line.replace(/ \|.*/, ''))
      .filter((line) => /dmb|str/.test(line));
  expect(texts('release')).toEqual(['dmb ish', 'str sp, [sl, #8] *', 'str ip, [sl, #8] *', 'dmb ish']);
  expect(texts('seq_cst')).toEqual([
    'dmb ish',
    'str sp, [sl, #8] *',
    'dmb ish',
    'dmb ish',
    'str ip, [sl, #8] *',
    'dmb ish',
  ]);
});

test('a leaf that uses lr saves it; one that spills gives the slots back', () => {
  const block = new MBlock(0);
  block.insts.push(new MInst(I.mov_register, [14], [0], -1));
  expect(frameListing(makeFunction({ blocks: [block] }), published)).toEqual([
    'push {ip, lr} | 8 4',
    '-- pop {ip, pc}',
  ]);
  expect(frameListing(makeFunction({ spillSlots: 1, savedRegisters: [5, 6] }), published)).toEqual([
    'push {r5, r6} | 8 -1',
    'sub sp, sp, #8 | 16 -1',
    '-- add sp, sp, #8 | 8 -1',
    'pop {r5, r6} | 0 -1',
    'bx lr',
  ]);
});

test('an entry adapter saves what native code expects preserved', () => {
  const func = makeFunction({ hasCalls: true, convention: 'entry', slotBytes: 24, savedRegisters: [4] });
  expect(frameListing(func, published)).toEqual([
    'push {r4, sb, sl, lr} | 16 12',
    'vpush {d15} | 24 20',
    'sub sp, sp, #0x18 | 48 44',
    '-- add sp, sp, #0x18 | 24 20',
    'vpop {d15} | 16 12',
    'pop {r4, sb, sl, pc}',
  ]);
});

test('a frame of several pages touches each of them', () => {
  const func = makeFunction({ hasCalls: true, spillSlots: 1200 });
  expect(frameListing(func, published).slice(0, 10)).toEqual([
    'ldr ip, [sl, #8]',
    'push {ip, lr} | 8 4',
    'str sp, [sl, #8] * | 8 4 P',
    'sub ip, sp, #0x1000',
    'ldr lr, [ip]',
    'sub ip, ip, #0x1000',
    'ldr lr, [ip]',
    'sub ip, ip, #0x1000',
    'ldr lr, [ip]',
    'sub sp, sp, #0x2580 | 9608 9604 P',
  ]);
});

test('slots, spill slots, saved doubles and record lie one above the other', () => {
  const func = makeFunction({
    hasCalls: true,
    slotBytes: 20,
    spillSlots: 3,
    outgoingBytes: 12,
    savedRegisters: [24],
  });
  const places = { slotBase: 16, spillBase: 40, publishes: true };
  expect(layoutFrame(func, published)).toMatchObject({ ...places, recordOffset: 72, size: 80 });
  expect(layoutFrame(func, { ...published, leaves: true })).toMatchObject({
    ...places,
    recordOffset: 72,
    size: 88,
  });
});

/** The row that holds at `offset`. */
function rowAt(rows: readonly FrameRow[], offset: number): FrameRow {
  const row = rows.findLast((each) => each.offset <= offset);
  if (row === undefined) throw new Error(`no frame row at ${offset}`);
  return row;
}

const list = (count: number, make: (k: number) => string): string =>
  Array.from({ length: count }, (_, k) => make(k)).join(', ');

/** Twelve values through registers and stack, both ways; a leaf. */
const callee = `function @1 "callee" wasm (${list(12, () => 'i32')}) -> (${list(12, () => 'i32')}) {
block0():
${Array.from({ length: 12 }, (_, k) => `  v${k} = param.i32 ${k}`).join('\n')}
  return ${list(12, (k) => `v${k}`)}
}
`;

/** Calls it, with all values alive across the call, a frame slot, doubles to save, and two exits. */
const caller = `function @2 "caller" wasm (${list(12, () => 'i32')}) -> (i32) slots 24 {
block0():
${Array.from({ length: 12 }, (_, k) => `  v${k} = param.i32 ${k}`).join('\n')}
  v20 = stack_slot.i32 offset 8
  store v20, v0, region stack
  v21 = convert_s.f64 v1
  v22 = call @1 (${list(12, () => 'i32')}) -> (${list(12, () => 'i32')}), ${list(12, (k) => `v${k}`)}
${Array.from({ length: 12 }, (_, k) => `  v${30 + k} = result.i32 ${k}, v22`).join('\n')}
  v50 = load.i32 v20, region stack
${Array.from(
  { length: 12 },
  (_, k) => `  v${60 + 2 * k} = add.i32 v${k === 0 ? 50 : 59 + 2 * k}, v${k}
  v${61 + 2 * k} = add.i32 v${60 + 2 * k}, v${30 + k}`,
).join('\n')}
  v90 = trunc_sat_s.i32 v21
  v91 = add.i32 v83, v90
  branch v11, block1, block2
block1(block0):
  return v91
block2(block0):
  v92 = const.i32 1000
  v93 = add.i32 v91, v92
  return v93
}
`;

describe.each(['none', 'atomic', 'leaves'] as const)('publication %s: at every instruction', (name) => {
  test('the rows say where the return address is, and whether the record is visible', () => {
    const publication = publications[name];
    const runner = new Runner();
    const functions = [callee, caller].map((text) => compileFunction(parseFunction(text), publication));
    const addresses = functions.map((each) => runner.place(each));
    runner.bind();
    const { core, space } = runner;
    const top = runner.env.address + 8;
    const types = Array.from({ length: 12 }, () => i32);
    for (const last of [0n, 1n]) {
      const args = types.map((_, k) => (k === 11 ? last : BigInt(k + 1)));
      const seen = new Set<string>();
      space.writePointer(top, 0);
      // The calls as executed: the stack pointer at each entry, and where each returns to.
      const calls: { sp: number; to: bigint }[] = [];
      const watch = (pc: number): void => {
        const index = functions.findIndex((f, k) => pc >= addresses[k] && pc < addresses[k] + f.bytes.length);
        const { frameRows, publications: stores, recordOffset, frameBytes } = functions[index];
        const offset = pc - addresses[index];
        if (offset === 0) calls.push({ sp: core.sp, to: core.read('lr') });
        // Back in the caller (function 1), the callee's call is over.
        if (index === 1) calls.length = 1;
        const row = rowAt(frameRows, offset);
        const call = calls[calls.length - 1];
        expect([offset, core.sp + row.cfa]).toEqual([offset, call.sp]);
        const returnAddress =
          row.returnAddress < 0 ? core.read('lr') : BigInt(space.readPointer(core.sp + row.returnAddress));
        expect([offset, returnAddress]).toEqual([offset, call.to]);
        // The record is visible exactly while the innermost top is this frame's.
        const record = space.readPointer(top);
        const mine = record !== 0 && record >= core.sp && record < call.sp;
        expect([offset, mine]).toEqual([offset, row.published]);
        if (row.published) {
          // Behind `prev` stands who it is, or the return address.
          if (name === 'leaves') {
            const self = space.readPointer(record + 4) - addresses[index];
            expect(self).toBeGreaterThan(0);
            expect(self).toBeLessThan(functions[index].bytes.length);
            // What push {ip, pc} stored is its own address + 8.
            expect(space.readPointer(addresses[index] + self - 8)).toBe(0xe92d9000);
          } else expect(BigInt(space.readPointer(record + 4))).toBe(call.to);
          expect(call.sp - record).toBe(frameBytes - recordOffset);
          seen.add(`${index}`);
        }
        if (stores.includes(offset)) seen.add(`${index} stores`);
      };
      const outcome = runner.call(addresses[1], { params: types, results: [i32] }, args, { watch });
      const sum = args.reduce((total, each) => total + each, 0n);
      expect(outcome).toEqual({ results: [2n * sum + 1n + 2n + (last === 0n ? 1000n : 0n)] });
      expect(space.readPointer(top)).toBe(0);
      const all =
        name === 'leaves' ? ['0', '0 stores', '1', '1 stores'] : name === 'atomic' ? ['1', '1 stores'] : [];
      expect([...seen].sort()).toEqual(all);
    }
  });
});

describe('scheme tail', () => {
  const tailed: Publication = { scheme: tail(4), order: 'relaxed', leaves: false };

  test('publishing costs seven instructions: what finds the word is kept beside prev', () => {
    const func = makeFunction({ hasCalls: true, savedRegisters: [4, 24] });
    expect(frameListing(func, unpublished)).toEqual([
      'push {r4, lr} | 8 4',
      'vpush {d8} | 16 12',
      '-- vpop {d8} | 8 4',
      'pop {r4, pc}',
    ]);
    expect(frameListing(func, tailed)).toEqual([
      'push {r4, lr} | 8 4',
      'ldr lr, [sl, #0x10]',
      'sub lr, lr, #0x10000',
      'ldr ip, [lr, #-4]',
      'push {ip, lr} | 16 12',
      'str sp, [lr, #-4] * | 16 12 P',
      'vpush {d8} | 24 20 P',
      '-- vpop {d8} | 16 12 P',
      'ldm sp, {ip, lr}',
      'str ip, [lr, #-4] * | 16 12',
      'pop {r2, r3, r4, pc}',
    ]);
  });

  test('and eight with a record that says whose it is: what finds the word is kept beside lr', () => {
    const func = makeFunction({ hasCalls: true, savedRegisters: [4] });
    expect(frameListing(func, { ...tailed, leaves: true })).toEqual([
      'ldr ip, [sl, #0x10]',
      'sub ip, ip, #0x10000',
      'push {r4, r5, ip, lr} | 16 12',
      'ldr lr, [ip, #-4]',
      'push {lr, pc} | 24 20',
      'str sp, [ip, #-4] * | 24 20 P',
      '-- ldr ip, [sp, #0x10]',
      'ldr lr, [sp]',
      'str lr, [ip, #-4] * | 24 20',
      'pop {r2, r3, r4, r5, ip, pc}',
    ]);
  });

  test('frames of a page find the word before their probes need ip and lr', () => {
    const func = makeFunction({ hasCalls: true, spillSlots: 600 });
    const lines = frameListing(func, tailed);
    expect(lines.slice(5, 8)).toEqual([
      'str sp, [lr, #-4] * | 16 12 P',
      'sub ip, sp, #0x1000',
      'ldr lr, [ip]',
    ]);
    expect(lines.slice(-3)).toEqual([
      'ldm sp, {ip, lr}',
      'str ip, [lr, #-4] * | 16 12',
      'pop {r2, r3, ip, pc}',
    ]);
  });

  test('a leaf that publishes saves lr, which it needs', () => {
    const listing = frameListing(makeFunction(), { ...tailed, leaves: true });
    expect(listing[2]).toBe('push {ip, lr} | 8 4');
    expect(listing.at(-1)).toBe('pop {r2, r3, ip, pc}');
  });
});
