import { expect, test } from 'vitest';
import { Assembler } from '../../compiler/backend/assembler.ts';
import { MBlock, Mem, MFunction, MInst } from '../../compiler/backend/machine.ts';
import type { Type } from '../../compiler/ir/types.ts';
import { Type as T, TrapKind } from '../../compiler/ir/types.ts';
import { atomic } from '../../compiler/stack/atomic.ts';
import { none } from '../../compiler/stack/none.ts';
import type { Publication } from '../../compiler/stack/scheme.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { emit, emitTrap, patch } from './emit.ts';
import { type ArmFrame, emitEpilogue, emitPrologue, layoutFrame } from './frame.ts';
import { Cond, I } from './instructions.ts';

const disassembler = await createDisassembler('armv7');

/** The code so far as text, a line per instruction. */
function listing(asm: Assembler): string[] {
  return disassembler
    .disassemble(asm.bytes(), 0)
    .map(({ mnemonic, operands }) => `${mnemonic} ${operands}`.trim());
}

const published: Publication = { scheme: atomic(4), order: 'relaxed', leaves: false };
const unpublished: Publication = { scheme: none, order: 'relaxed', leaves: false };

function makeFunction(fields: Partial<MFunction> = {}, results: Type[] = []): MFunction {
  const symbol = { id: 0, name: 'f', kind: 'wasm', wasmIndex: 0 } as const;
  const func = new MFunction(symbol, { symbol: 0, params: [], results }, fields.convention ?? 'wasm');
  return Object.assign(func, fields);
}

const leafFrame = layoutFrame(makeFunction(), published);

function emitted(inst: MInst, frame: ArmFrame = leafFrame): string[] {
  const asm = new Assembler();
  emit(inst, frame, asm);
  return listing(asm);
}

const withMemory = (op: number, defs: number[], uses: number[], mem: Mem): MInst =>
  Object.assign(new MInst(op, defs, uses, -1), { mem });

test('constants take the fewest words', () => {
  const constant = (imm: number) => emitted(Object.assign(new MInst(I.constant, [1], [], -1), { imm }));
  expect(constant(0)).toEqual(['mov r1, #0']);
  expect(constant(0x3fc00)).toEqual(['mov r1, #0x3fc00']);
  expect(constant(-1)).toEqual(['mvn r1, #0']);
  expect(constant(-256)).toEqual(['mvn r1, #0xff']);
  expect(constant(0x1234)).toEqual(['movw r1, #0x1234']);
  expect(constant(0x12345678)).toEqual(['movw r1, #0x5678', 'movt r1, #0x1234']);
  expect(constant(0x12340000)).toEqual(['movw r1, #0', 'movt r1, #0x1234']);
});

test('a conditional trap branches to a stub behind the code', () => {
  const asm = new Assembler();
  emit(Object.assign(new MInst(I.trap_branch, [], [], 7), { cond: Cond.hs, imm: 1 }), leafFrame, asm);
  asm.flushStubs(emitTrap);
  asm.resolve(patch);
  expect(listing(asm)).toEqual(['bhs #4', 'udf #0']);
  expect(asm.traps).toEqual([4, TrapKind.memoryOutOfBounds]);
});

test('a switch jumps into a table of branches', () => {
  const asm = new Assembler();
  const blocks = [0, 1, 2].map((id) => new MBlock(id));
  emit(Object.assign(new MInst(I.switch, [], [3], -1), { blocks }), leafFrame, asm);
  for (const block of blocks) {
    asm.bind(block);
    emitTrap(asm);
  }
  asm.resolve(patch);
  expect(listing(asm).slice(0, 5)).toEqual([
    'cmp r3, #2',
    'addlo pc, pc, r3, lsl #2',
    'b #0x1c',
    'b #0x14',
    'b #0x18',
  ]);
});

test('many cases are compared through ip', () => {
  const asm = new Assembler();
  const block = new MBlock(0);
  const blocks = Array.from({ length: 0x102 }, () => block);
  emit(Object.assign(new MInst(I.switch, [], [3], -1), { blocks }), leafFrame, asm);
  expect(listing(asm).slice(0, 3)).toEqual(['movw ip, #0x101', 'cmp r3, ip', 'addlo pc, pc, r3, lsl #2']);
});

test('calls and literal addresses leave relocations', () => {
  const asm = new Assembler();
  const callee = { symbol: 9, params: [], results: [] };
  emit(Object.assign(new MInst(I.call, [], [], -1), { callee }), leafFrame, asm);
  emit(new MInst(I.call_register, [], [4], -1), leafFrame, asm);
  emit(withMemory(I.address, [2], [], new Mem(-1, 0, -1, 0, 'constant', 5)), leafFrame, asm);
  expect(asm.relocations).toEqual([
    { offset: 0, kind: 0, to: 'function', index: 9 },
    { offset: 8, kind: 1, to: 'constant', index: 5 },
    { offset: 12, kind: 2, to: 'constant', index: 5 },
  ]);
  expect(listing(asm).slice(1)).toEqual(['blx r4', 'movw r2, #0', 'movt r2, #0']);
});

test('branches reach 32 MiB either way and no further', () => {
  const bytes = new Uint8Array(4);
  patch(bytes, 0, 0, 8);
  expect([...bytes]).toEqual([0, 0, 0, 0]);
  patch(bytes, 0, 0, 0);
  expect([...bytes]).toEqual([0xfe, 0xff, 0xff, 0]);
  expect(() => patch(bytes, 0, 0, 2 ** 25 + 8)).toThrow('32 MiB');
});

test('frame operands out of reach build their address first', () => {
  const frame = layoutFrame(makeFunction({ spillSlots: 700 }), published);
  const slot = (n: number) => new Mem(-1, n, -1, 0, 'spill');
  expect(emitted(withMemory(I.ldr, [3], [], slot(511)), frame)).toEqual(['ldr r3, [sp, #0xff8]']);
  expect(emitted(withMemory(I.ldr, [3], [], slot(600)), frame)).toEqual([
    'add r3, sp, #0x1000',
    'ldr r3, [r3, #0x2c0]',
  ]);
  expect(emitted(withMemory(I.str, [], [3], slot(600)), frame)).toEqual([
    'add ip, sp, #0x1000',
    'str r3, [ip, #0x2c0]',
  ]);
  expect(emitted(withMemory(I.str, [], [12], slot(600)), frame)).toEqual([
    'vmov s30, ip',
    'add ip, sp, #0x1000',
    'vstr s30, [ip, #0x2c0]',
  ]);
  expect(emitted(withMemory(I.vldr_f64, [16], [], slot(200)), frame)).toEqual([
    'add ip, sp, #0x400',
    'vldr d0, [ip, #0x240]',
  ]);
});

/** Prologue and epilogue, a line per instruction with the row that holds from its end on, if it made one. */
function frameListing(func: MFunction, publication: Publication): string[] {
  const frame = layoutFrame(func, publication);
  const asm = new Assembler();
  emitPrologue(func, frame, publication, asm);
  const body = asm.offset;
  emitEpilogue(func, frame, publication, asm);
  const rows = new Map(asm.frameRows.map((row) => [row.offset, row]));
  return listing(asm).map((text, k) => {
    const row = rows.get(4 * k + 4);
    const note = row === undefined ? '' : ` | ${row.cfa} ${row.returnAddress}${row.published ? ' P' : ''}`;
    return `${4 * k === body ? '-- ' : ''}${text}${asm.publications.includes(4 * k) ? ' *' : ''}${note}`;
  });
}

test('a leaf that saves and spills nothing has no frame', () => {
  expect(frameListing(makeFunction(), published)).toEqual(['-- bx lr | 0 -1']);
});

test('publishing costs five instructions, where nothing is spilled', () => {
  const func = makeFunction({ hasCalls: true, savedRegisters: [4] });
  expect(frameListing(func, unpublished)).toEqual(['push {r4, lr} | 8 4', '-- pop {r4, pc} | 8 4']);
  expect(frameListing(func, published)).toEqual([
    'push {r4, lr} | 8 4',
    'ldr ip, [sl, #8]',
    'push {ip, pc} | 16 12',
    'str sp, [sl, #8] * | 16 12 P',
    '-- ldr ip, [sp]',
    'str ip, [sl, #8] * | 16 12',
    'pop {r2, r3, r4, pc} | 16 12 P',
  ]);
});

test('and where something is: the release of the locals takes the record with it', () => {
  const func = makeFunction({ hasCalls: true, savedRegisters: [4, 5, 24], spillSlots: 2, outgoingBytes: 8 });
  expect(frameListing(func, published)).toEqual([
    'push {r4, r5, ip, lr} | 16 12',
    'vpush {d8} | 24 20',
    'sub sp, sp, #0x10 | 40 36',
    'ldr ip, [sl, #8]',
    'push {ip, pc} | 48 44',
    'str sp, [sl, #8] * | 48 44 P',
    'sub sp, sp, #8 | 56 52 P',
    '-- ldr ip, [sp, #8]',
    'str ip, [sl, #8] * | 56 52',
    'add sp, sp, #0x20 | 24 20',
    'vpop {d8} | 16 12',
    'pop {r4, r5, ip, pc} | 56 52 P',
  ]);
});

test('four results leave no register to pop the record into', () => {
  const func = makeFunction({ hasCalls: true }, [T.i32, T.i32, T.i32]);
  expect(frameListing(func, published).slice(-3)).toEqual([
    'str ip, [sl, #8] * | 16 12',
    'add sp, sp, #8 | 8 4',
    'pop {ip, pc} | 16 12 P',
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
    '-- pop {ip, pc} | 8 4',
  ]);
  expect(frameListing(makeFunction({ spillSlots: 1, savedRegisters: [5, 6] }), published)).toEqual([
    'push {r5, r6} | 8 -1',
    'sub sp, sp, #8 | 16 -1',
    '-- add sp, sp, #8 | 8 -1',
    'pop {r5, r6} | 0 -1',
    'bx lr | 16 -1',
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
    'pop {r4, sb, sl, pc} | 48 44',
  ]);
});

test('a frame of several pages touches each of them', () => {
  const func = makeFunction({ hasCalls: true, spillSlots: 1200 });
  expect(frameListing(func, published).slice(0, 10)).toEqual([
    'push {ip, lr} | 8 4',
    'sub ip, sp, #0x1000',
    'ldr lr, [ip]',
    'sub ip, ip, #0x1000',
    'ldr lr, [ip]',
    'sub ip, ip, #0x1000',
    'ldr lr, [ip]',
    'sub sp, sp, #0x2580 | 9608 9604',
    'ldr ip, [sl, #8]',
    'push {ip, pc} | 9616 9612',
  ]);
});

test('record, slots and spill slots lie one above the other', () => {
  const func = makeFunction({ hasCalls: true, slotBytes: 20, spillSlots: 3, outgoingBytes: 12 });
  expect(layoutFrame(func, published)).toMatchObject({
    recordOffset: 16,
    slotBase: 24,
    spillBase: 48,
    size: 80,
    publishes: true,
  });
});
