import { describe, expect, test } from 'vitest';
import type { FrameRow } from '../../compiler/backend/assembler.ts';
import type { CompiledFunction } from '../../compiler/backend/emit.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Region, TrapKind, Type } from '../../compiler/ir/types.ts';
import { field } from '../../compiler/stack/field.ts';
import type { Publication, PublicationScheme } from '../../compiler/stack/scheme.ts';
import { tail } from '../../compiler/stack/tail.ts';
import { unwind } from '../../compiler/stack/unwind.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { Builder, compileFunction, publications, Runner } from './fixtures/runner.ts';

const { i32, i64 } = Type;

async function listing(compiled: CompiledFunction): Promise<string[]> {
  const disassembler = await createDisassembler('x86_64');
  return disassembler.disassemble(compiled.bytes, 0).map((row) => `${row.mnemonic} ${row.operands}`.trim());
}

/** f(x) = x + g(), so that x lives across the call. */
function caller(id: number, callee: number): Builder {
  const b = new Builder([i32], [i32], id);
  const call = b.op(Op.call, i32);
  call.callee = { symbol: callee, params: [], results: [i32] };
  b.op(Op.return, Type.none, b.op(Op.add, i32, call, b.params[0]));
  return b;
}

test('a leaf without spilled values has no frame', async () => {
  const b = new Builder([i32, i32], [i32]);
  b.op(Op.return, Type.none, b.op(Op.add, i32, ...b.params));
  const compiled = compileFunction(b.func, publications.atomic);
  expect(await listing(compiled)).toEqual(['lea eax, [rdi + rsi]', 'ret']);
  expect(compiled.frameRows).toEqual([{ offset: 0, cfa: 8, returnAddress: 0, published: false }]);
});

/** Calls, while so many values stay in registers that calls preserve. */
function callerOf(values: number): Builder {
  const b = new Builder(
    Array.from({ length: values }, () => i32),
    [i32],
    1,
  );
  const call = b.op(Op.call, i32);
  call.callee = { symbol: 2, params: [], results: [i32] };
  b.op(
    Op.return,
    Type.none,
    b.params.reduce((sum, each) => b.op(Op.add, i32, sum, each), call),
  );
  return b;
}

test('publishing adds three instructions, and saves or costs those that align the frame', async () => {
  const added = async (func: () => Builder): Promise<number> => {
    const length = async (publication: Publication) =>
      (await listing(compileFunction(func().func, publication))).length;
    return (await length(publications.atomic)) - (await length(publications.none));
  };
  const withSlot = (values: number) => (): Builder => {
    const b = callerOf(values);
    b.func.slotBytes = 24;
    return b;
  };
  expect(await Promise.all([0, 1, 2, 3].map((values) => added(withSlot(values))))).toEqual([3, 3, 3, 3]);
  expect(await Promise.all([0, 1, 2, 3].map((values) => added(() => callerOf(values))))).toEqual([
    1, 5, 1, 5,
  ]);
});

test('a record that says whose it is costs four, where there are locals, and five elsewhere', async () => {
  const release: Publication = { ...publications.atomic, order: 'release' };
  const slots = caller(0x1234, 2);
  slots.func.slotBytes = 8;
  expect(await listing(compileFunction(slots.func, release))).toEqual([
    'push rbx',
    'sub rsp, 0x10',
    'push 0x1234',
    'push qword ptr [r15 + 8]',
    'mov qword ptr [r15 + 8], rsp',
    'mov rbx, rdi',
    'call 0x1a',
    'add eax, ebx',
    'pop qword ptr [r15 + 8]',
    'add rsp, 0x18',
    'pop rbx',
    'ret',
  ]);
  const callee = { symbol: 2, params: Array.from({ length: 8 }, () => i32), results: [] };
  const outgoing = new Builder([i32], [], 0x1234);
  const call = outgoing.op(Op.call, Type.none, ...callee.params.map(() => outgoing.params[0]));
  call.callee = callee;
  outgoing.op(Op.return, Type.none);
  const lines = await listing(compileFunction(outgoing.func, release));
  expect(lines.slice(0, 4)).toEqual([
    'push 0x1234',
    'push qword ptr [r15 + 8]',
    'mov qword ptr [r15 + 8], rsp',
    'sub rsp, 0x18',
  ]);
  expect(lines.slice(-4)).toEqual(['add rsp, 0x18', 'pop qword ptr [r15 + 8]', 'add rsp, 8', 'ret']);
});

test('a frame that publishes', async () => {
  const plain = await listing(compileFunction(caller(0x1234, 2).func, publications.none));
  const published = await listing(compileFunction(caller(0x1234, 2).func, publications.atomic));
  expect(plain).toEqual(['push rbx', 'mov rbx, rdi', 'call 9', 'add eax, ebx', 'pop rbx', 'ret']);
  expect(published).toEqual([
    'push qword ptr [r15 + 8]',
    'mov qword ptr [r15 + 8], rsp',
    'push rbx',
    'sub rsp, 8',
    'mov rbx, rdi',
    'call 0x15',
    'add eax, ebx',
    'add rsp, 8',
    'pop rbx',
    'pop qword ptr [r15 + 8]',
    'ret',
  ]);
});

test('scheme field has its own place, scheme tail finds its place twice, and unwind has none', async () => {
  const code = (scheme: PublicationScheme) =>
    listing(compileFunction(caller(1, 2).func, { scheme, order: 'relaxed', leaves: false }));
  const atomic = await listing(compileFunction(caller(1, 2).func, publications.atomic));
  expect(await code(field(8))).toEqual(atomic.map((line) => line.replace('[r15 + 8]', '[r15 + 0x30]')));
  expect(await code(unwind(8))).toEqual(await listing(compileFunction(caller(1, 2).func, publications.none)));
  expect(await code(tail(8))).toEqual([
    'mov r11, qword ptr [r15 + 0x18]',
    'push qword ptr [r11 - 0x10008]',
    'mov qword ptr [r11 - 0x10008], rsp',
    'push rbx',
    'sub rsp, 8',
    'mov rbx, rdi',
    'call 0x1f',
    'add eax, ebx',
    'add rsp, 8',
    'pop rbx',
    'mov r11, qword ptr [r15 + 0x18]',
    'pop qword ptr [r11 - 0x10008]',
    'ret',
  ]);
});

/** The row that holds at `offset`. */
function rowAt(rows: readonly FrameRow[], offset: number): FrameRow {
  const row = rows.findLast((each) => each.offset <= offset);
  if (row === undefined) throw new Error(`no frame row at ${offset}`);
  return row;
}

describe.each(['none', 'atomic', 'leaves'] as const)('publication %s: at every instruction', (name) => {
  const publication = publications[name];

  test('the rows say where the return address is, and whether the record is visible', () => {
    const runner = new Runner();
    // Stack arguments and results, frame slots, spilled values, two exits.
    const types = Array.from({ length: 9 }, () => i64);
    const callee = new Builder(types, types, 1);
    callee.op(Op.return, Type.none, ...callee.params);
    const b = new Builder(types, [i64], 2);
    b.func.slotBytes = 24;
    const slot = b.op(Op.stack_slot, i64);
    b.memory(Op.store, Type.none, [slot, b.params[0]], { region: Region.stack });
    const call = b.op(Op.call, Type.none, ...b.params);
    call.callee = { symbol: 1, params: types, results: types };
    const results = types.map((type, k) => Object.assign(b.op(Op.result, type, call), { imm: k }));
    const kept = b.memory(Op.load, i64, [slot], { region: Region.stack });
    const sum = [...results, ...b.params].reduce((total, each) => b.op(Op.add, i64, total, each), kept);
    const otherwise = b.branch(b.op(Op.ne, i32, b.params[8], b.constant(i64, 0n)));
    b.op(Op.return, Type.none, sum);
    b.block = otherwise;
    b.op(Op.return, Type.none, b.op(Op.add, i64, sum, b.constant(i64, 1000n)));
    const functions = [callee, b].map(({ func }) => compileFunction(func, publication));
    const addresses = functions.map((each) => runner.place(each));
    runner.bind();
    const { core, space } = runner;
    const topOf = (): number => space.readPointer(runner.env.address + 8);
    for (const last of [0n, 1n]) {
      space.writePointer(runner.env.address + 8, 0);
      const args = types.map((_, k) => (k === 8 ? last : BigInt(k + 1)));
      const seen = new Set<string>();
      // The calls as executed: where each return address is.
      const returns: number[] = [];
      const outcome = runner.step(addresses[1], b.func, args, (pc) => {
        const index = functions.findIndex((f, k) => pc >= addresses[k] && pc < addresses[k] + f.bytes.length);
        const { frameRows, publications: stores, recordOffset } = functions[index];
        const offset = pc - addresses[index];
        const row = rowAt(frameRows, offset);
        if (offset === 0) returns.push(core.sp);
        expect([offset, core.sp + row.returnAddress, row.cfa - row.returnAddress]).toEqual([
          offset,
          returns[returns.length - 1],
          8,
        ]);
        // The record is visible exactly when the innermost top is this frame's.
        const mine = topOf() !== 0 && topOf() >= core.sp && topOf() < core.sp + row.cfa;
        expect([offset, mine]).toEqual([offset, row.published]);
        if (row.published) {
          // Behind `prev` stands who it is, or the return address.
          if (name === 'leaves') expect(space.readPointer(topOf() + 8)).toBe(index + 1);
          else expect(topOf() + 8).toBe(returns[returns.length - 1]);
          seen.add(`${index}`);
        }
        if (stores.includes(offset)) seen.add(`${index} stores`);
        if (row.published)
          expect(topOf()).toBe(core.sp + row.cfa - functions[index].frameBytes + recordOffset);
        if (space.bytes(pc, 1)[0] === 0xc3) returns.pop();
      });
      const arguments_ = args.reduce((total, each) => total + each, 0n);
      expect(outcome).toEqual({ results: [2n * arguments_ + 1n + (last === 0n ? 1000n : 0n)] });
      expect(topOf()).toBe(0);
      const all =
        name === 'leaves' ? ['0', '0 stores', '1', '1 stores'] : name === 'atomic' ? ['1', '1 stores'] : [];
      expect([...seen].sort()).toEqual(all);
    }
  });
});

test('a record of one word lies below the return address, and frame slots at the stack pointer', () => {
  const b = caller(7, 7);
  b.func.slotBytes = 40;
  const { recordOffset, slotBase, frameBytes } = compileFunction(b.func, publications.atomic);
  expect([recordOffset, slotBase]).toEqual([frameBytes - 16, 0]);
});

test('an entry function saves what native code expects', async () => {
  const b = new Builder([i64], [], 9);
  const func = Object.assign(b.func, { convention: 'entry' });
  b.op(Op.set_env, Type.none, b.params[0]);
  const call = b.op(Op.call, Type.none);
  call.callee = { symbol: 1, params: [], results: [] };
  b.op(Op.return, Type.none);
  expect(await listing(compileFunction(func, publications.atomic))).toEqual([
    'push r15',
    'mov r15, rdi',
    'call 0xa',
    'pop r15',
    'ret',
  ]);
});

describe('large frames', () => {
  const build = (bytes: number): Builder => {
    const b = new Builder([i64], [i64]);
    b.func.slotBytes = bytes;
    const slot = b.op(Op.stack_slot, i64);
    b.memory(Op.store, Type.none, [slot, b.params[0]], { region: Region.stack });
    b.op(Op.return, Type.none, b.memory(Op.load, i64, [slot], { region: Region.stack }));
    return b;
  };

  test.each([4000, 5000, 9000, 32768, 40000])('%i bytes work', (bytes) => {
    const runner = new Runner();
    const b = build(bytes);
    expect(runner.call(runner.add(b.func), b.func, [42n])).toEqual({ results: [42n] });
  });

  test.each([70000, 100000, 1 << 20, 1 << 28])('%i bytes do not fit, and touch the guard first', (bytes) => {
    const runner = new Runner();
    const b = build(bytes);
    expect(runner.call(runner.add(b.func), b.func, [42n])).toEqual({ trap: TrapKind.stackOverflow });
  });
});
