import { expect, test } from 'vitest';
import { Assembler } from '../../compiler/backend/assembler.ts';
import { MBlock, Mem, MFunction, MInst } from '../../compiler/backend/machine.ts';
import { TrapKind } from '../../compiler/ir/types.ts';
import { atomic } from '../../compiler/stack/atomic.ts';
import type { Publication } from '../../compiler/stack/scheme.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { emit, emitTrap, patch } from './emit.ts';
import { type ArmFrame, layoutFrame } from './frame.ts';
import { Cond, I } from './instructions.ts';

const disassembler = await createDisassembler('armv7');

/** The code so far as text, a line per instruction. */
function listing(asm: Assembler): string[] {
  return disassembler
    .disassemble(asm.bytes(), 0)
    .map(({ mnemonic, operands }) => `${mnemonic} ${operands}`.trim());
}

const published: Publication = { scheme: atomic(4), order: 'relaxed', leaves: false };

function makeFunction(fields: Partial<MFunction> = {}): MFunction {
  const symbol = { id: 0, name: 'f', kind: 'wasm', wasmIndex: 0 } as const;
  return Object.assign(new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm'), fields);
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
