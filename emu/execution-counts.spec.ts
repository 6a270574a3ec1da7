import { afterEach, describe, expect, it } from 'vitest';
import { assemble } from '../test/support/profiles.ts';
import { createDisassembler, type DisassembledInstruction } from './capstone.ts';
import { executionCounts } from './execution-counts.ts';
import { TARGETS, TestBed } from './unicorn/test-bed.ts';
import { createWebAssembly } from './webassembly.ts';

describe.each(TARGETS)('what %s executes', (target) => {
  const isX86 = target === 'x86_64';
  let bed: TestBed | undefined;
  afterEach(() => bed?.core.dispose());

  const rowsOf = async (bytes: Uint8Array, address: number): Promise<DisassembledInstruction[]> =>
    (await createDisassembler(target)).disassemble(bytes, address);

  /** Lengths of the programs' machine code (emu/unicorn/test-bed.ts). */
  const lengths = isX86 ? { sum: 0xe, fib: 0x33, ask: 0x22 } : { sum: 0x24, fib: 0x30, ask: 0x2c };

  async function counted(program: keyof typeof lengths, run: (bed: TestBed, address: number) => void) {
    bed = new TestBed(target);
    const address = bed.load(program);
    bed.core.counting = true;
    run(bed, address);
    const range = { address, size: lengths[program] };
    const rows = await rowsOf(bed.code.bytes.slice(0, range.size), address);
    return { counts: executionCounts(bed.core, range), rows, address, bed };
  }

  it('counts every instruction of a loop, what it loads and stores, and its branches', async () => {
    const { counts, rows, address } = await counted('sum', (on, at) => {
      on.call(at, 10, on.data.address);
    });
    const loop = rows.map((row) => counts.at(row.address));
    // mov; then the loop; and behind it the return.
    expect(loop).toEqual(isX86 ? [1, 10, 10, 10, 10, 1] : [1, 10, 10, 10, 10, 10, 10, 1, 1]);
    expect(counts.totals(rows)).toEqual(
      isX86
        ? // add [rsi], rdi reads and writes; ret reads.
          { instructions: 42, loads: 11, stores: 10, takenBranches: 10 }
        : { instructions: 63, loads: 10, stores: 10, takenBranches: 10 },
    );
    const jump = rows.findIndex(({ mnemonic }) => /^(jne|bne)$/.test(mnemonic));
    expect(counts.takenTo(rows[jump].address + rows[jump].size)).toBe(9);
    expect(counts.at(address - 4)).toBe(0);
    expect(counts.at(address + lengths.sum)).toBe(0);
  });

  it('agrees with single steps, instruction by instruction', async () => {
    const {
      counts,
      rows,
      bed: on,
      address,
    } = await counted('fib', (each, at) => {
      each.call(at, 9);
    });
    const visits = new Map<number, number>();
    let taken = 0;
    on.prepare(address, 9);
    do {
      const { pc } = on.core;
      visits.set(pc, (visits.get(pc) ?? 0) + 1);
      const size = rows.find((row) => row.address === pc)?.size ?? 0;
      on.core.step();
      if (on.core.pc !== pc + size) taken++;
    } while (on.core.pc !== on.core.exitStub);
    expect(rows.map((row) => [row.address, counts.at(row.address)])).toEqual(
      rows.map((row) => [row.address, visits.get(row.address) ?? 0]),
    );
    expect(counts.totals(rows).takenBranches).toBe(taken);
  });

  it.each(['budgets', 'steps', 'breakpoints'] as const)('is exact over %s and host calls', async (stops) => {
    const run = (on: TestBed, at: number): void => {
      const { core } = on;
      on.prepare(at, 6, core.hostCallStub);
      const go = () =>
        stops === 'budgets' ? core.run({ maxInstructions: 7 }) : stops === 'steps' ? core.step() : core.run();
      if (stops === 'breakpoints') core.setBreakpoints([at + (isX86 ? 0x15 : 0x20)]);
      for (let stop = go(); stop.reason !== 'exit'; stop = go())
        if (stop.reason === 'host-call') core.returnFromHostCall(1);
    };
    const { counts, rows } = await counted('ask', run);
    const prologue = isX86 ? 6 : 4;
    const loop = rows.slice(prologue, prologue + 5);
    expect(loop.map((row) => counts.at(row.address))).toEqual([6, 6, 6, 6, 6]);
    expect(rows.filter((row) => !loop.includes(row)).map((row) => counts.at(row.address))).toEqual(
      rows.filter((row) => !loop.includes(row)).map(() => 1),
    );
    // Six calls, five jumps back, the return.
    expect(counts.totals(rows).takenBranches).toBe(12);
  });

  it('leaves out what a fault cuts off', async () => {
    const { counts, rows } = await counted('sum', (on, at) => {
      on.call(at, 3, on.data.address + on.data.size);
    });
    const executed = rows.map((row) => counts.at(row.address));
    expect(executed).toEqual(isX86 ? [1, 1, 0, 0, 0, 0] : [1, 1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('counts functions of an image', async () => {
    const webAssembly = createWebAssembly({ target, level: 0, scheme: 'none' });
    const { machine } = webAssembly;
    try {
      const module = assemble(`(module
        (memory 1)
        (func $store (param i32) (i32.store (i32.const 16) (local.get 0)))
        (func (export "run") (param i32)
          (loop $again
            (call $store (local.get 0))
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`);
      const instance = new webAssembly.Instance(new webAssembly.Module(module), {});
      const { base, image } = machine.images[0];
      machine.core.counting = true;
      (instance.exports as Record<string, (n: number) => void>).run(25);
      const of = async (name: string) => {
        const found = image.functions.find((f) => f.name === name);
        if (found === undefined) throw new Error(`no ${name}`);
        const range = { address: base + found.offset, size: found.size };
        const code = image.code.subarray(found.offset, found.offset + found.size);
        return executionCounts(machine.core, range).totals(await rowsOf(code, range.address));
      };
      const store = await of('store');
      expect(store.stores).toBe(25);
      expect(store.takenBranches).toBe(25);
      const run = await of('run');
      // Calls, jumps back, and the return.
      expect(run.takenBranches).toBe(25 + 24 + 1);
    } finally {
      machine.close();
    }
  });
});
