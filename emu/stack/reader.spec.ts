import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activationWords, layoutEnv } from '../../compiler/abi.ts';
import type { Image, ImageFunction } from '../../compiler/image/image.ts';
import type { FunctionKind } from '../../compiler/ir/function.ts';
import { stackAbi } from '../../compiler/stack/compatibility.ts';
import { schemes } from '../../compiler/stack/index.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import { ModuleInstance } from '../instance.ts';
import type { LoadedImage } from '../loaded-image.ts';
import { Machine } from '../machine.ts';
import type { InterruptedRegisters } from './reader.ts';
import { createReader } from './readers.ts';

/** Functions of 64 bytes each; all frames are 96 bytes, records at 16, slots at 32. From 16 bytes on, they have published. */
const kinds = ['wasm', 'wasm', 'entry-adapter', 'cross-adapter', 'host-adapter'] as const;
const functionBytes = 64;
const frameBytes = 96;
const recordOffset = 16;
const slotBase = 32;
const publishedFrom = 16;

const symbolNumber = { outer: 0, inner: 1, entry: 2, cross: 3, host: 4 } as const;
type Name = keyof typeof symbolNumber;

function handMadeImage(target: TargetName, scheme: SchemeName, selfInRecords = true): Image {
  const module = decodeModule(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  const word = target === 'x86_64' ? 8 : 4;
  const functions: ImageFunction[] = kinds.map((kind: FunctionKind, id) => ({
    id,
    name: Object.keys(symbolNumber)[id],
    kind,
    wasmIndex: kind === 'wasm' ? id : -1,
    offset: id * functionBytes,
    size: functionBytes,
    frameBytes,
    recordOffset: kind === 'entry-adapter' ? -1 : recordOffset,
    slotBase,
  }));
  const rows = functions.flatMap(({ kind, offset }) => [
    { at: offset, cfa: word === 8 ? 8 : 0, returnAddress: word === 8 ? 0 : -1, published: 0 },
    {
      at: offset + publishedFrom,
      cfa: frameBytes,
      returnAddress: frameBytes - word,
      published: kind === 'entry-adapter' ? 0 : 1,
    },
  ]);
  return {
    ...stackAbi(scheme, word, 'relaxed'),
    selfInRecords,
    target,
    code: new Uint8Array(kinds.length * functionBytes),
    constantsOffset: kinds.length * functionBytes,
    functions,
    relocations: [],
    map: {
      positionAt: Uint32Array.from(functions, (f) => f.offset),
      position: Int32Array.from(functions, (f) => 100 + f.id),
      frameAt: Uint32Array.from(rows, (r) => r.at),
      cfa: Int32Array.from(rows, (r) => r.cfa),
      returnAddress: Int32Array.from(rows, (r) => r.returnAddress),
      published: Uint8Array.from(rows, (r) => r.published),
      trapAt: new Uint32Array(0),
      trap: new Uint8Array(0),
      publicationAt: new Uint32Array(0),
      inlined: {
        base: new Int32Array(0),
        wasmIndex: new Int32Array(0),
        bodyStart: new Int32Array(0),
        call: new Int32Array(0),
      },
    },
    env: layoutEnv(module, word, schemes[scheme](word).abi),
    module,
    symbols: {
      wasm: new Int32Array(0),
      init: 0,
      entry: new Int32Array(0),
      cross: new Int32Array(0),
      host: new Int32Array(0),
      initEntry: 2,
      service: -1,
    },
  };
}

/** A stack built by hand, from the outermost frame inwards, the way compiled code builds it. */
class HandMadeStack {
  readonly machine: Machine;
  readonly loaded: LoadedImage;
  readonly envs: readonly number[];
  env = 0;
  readonly selfInRecords: boolean;
  private sp: number;
  private returnTo: number;

  /** @param selfInRecords false: records of functions are one word, and nothing behind it says whose they are */
  constructor(target: TargetName, scheme: SchemeName, selfInRecords = true, stackBytes = 2 ** 20) {
    this.machine = new Machine(target, { scheme, stackBytes });
    this.selfInRecords = selfInRecords;
    this.loaded = this.machine.loadImage(handMadeImage(target, scheme, selfInRecords));
    this.envs = [0, 1].map(() => {
      const env = this.machine.allocate(this.loaded.image.env.size);
      const none = { memories: [], tables: [], globals: [], importedFunctions: [] };
      this.machine.addInstance(new ModuleInstance(this.machine, this.loaded, env, none));
      return env;
    });
    this.sp = this.machine.stackLimit + this.machine.stack.size;
    this.returnTo = this.machine.core.exitStub;
    this.reset();
  }

  reset(): void {
    const { machine } = this;
    machine.stack.bytes.fill(0xa5);
    for (const env of this.envs) machine.writeTop(env, 0);
    machine.innermostEnv = 0;
    this.env = 0;
    this.sp = machine.stackLimit + machine.stack.size;
    this.returnTo = machine.core.exitStub;
  }

  /** Where `name` is when it has published, `offset` bytes in. */
  pc(name: Name, offset = 32): number {
    return this.loaded.base + symbolNumber[name] * functionBytes + offset;
  }

  private write(address: number, value: number): void {
    if (this.machine.wordBytes === 8) this.machine.stack.writeU64(address, value);
    else this.machine.stack.writeU32(address, value);
  }

  private setTop(record: number): void {
    this.machine.writeTop(this.env, record);
  }

  /** `name` is called, makes its frame, and publishes if it is not an entry adapter. */
  call(name: Name): this {
    const { machine } = this;
    const w = machine.wordBytes;
    this.sp -= frameBytes;
    this.write(this.sp + frameBytes - w, this.returnTo);
    this.returnTo = this.pc(name);
    if (name === 'entry') return this;
    this.write(this.sp + recordOffset, machine.readTop(this.env));
    const self = w === 8 ? symbolNumber[name] : this.pc(name, 8);
    const known = this.selfInRecords || name === 'cross' || name === 'host';
    this.write(this.sp + recordOffset + w, known ? self : this.loaded.base);
    this.setTop(this.sp + recordOffset);
    return this;
  }

  /** The adapter called last enters exec env `index`. */
  activate(index: number): this {
    const { machine } = this;
    const w = machine.wordBytes;
    const callee = this.envs[index];
    const caller = machine.innermostEnv;
    const record = this.sp + slotBase;
    const word = (k: number, value: number) => this.write(record + k * w, value);
    word(activationWords.prev, caller === 0 ? 0 : machine.readTop(caller));
    machine.stack.u32.fill(
      0xffff_ffff,
      (record + w - machine.stack.address) / 4,
      (record + 2 * w - machine.stack.address) / 4,
    );
    word(activationWords.savedTop, machine.readTop(callee));
    word(activationWords.env, callee);
    word(activationWords.callerEnv, caller);
    this.env = callee;
    this.setTop(record);
    machine.innermostEnv = callee;
    return this;
  }

  /** The host function that the adapter called last runs, and enters again. */
  enterAgain(): this {
    this.sp -= 32;
    this.returnTo = this.machine.core.exitStub;
    return this.call('entry');
  }

  /** Interrupted in the body of the function called last. */
  inBody(): InterruptedRegisters {
    return { pc: this.returnTo, sp: this.sp, lr: 0xbad, env: this.env };
  }

  /** Interrupted at the first instruction of `name`, which was just called. */
  atEntry(name: Name): InterruptedRegisters {
    const { machine } = this;
    let { sp } = this;
    if (machine.wordBytes === 8) {
      sp -= 8;
      this.write(sp, this.returnTo);
    }
    return { pc: this.pc(name, 0), sp, lr: this.returnTo, env: this.env };
  }
}

const targets = ['x86_64', 'armv7'] as const;
const recordSchemes = ['atomic', 'tail', 'field'] as const;

const recorded = targets.flatMap((target) =>
  recordSchemes.flatMap((scheme) => [true, false].map((self) => [target, scheme, self] as const)),
);

describe.each(recorded)(
  'reading a stack by its records, on %s, scheme %s, which say whose they are: %s',
  (target, scheme, self) => {
    const stack = new HandMadeStack(target, scheme, self);
    const reader = createReader(stack.machine, scheme);
    beforeAll(() => stack.reset());
    afterAll(() => stack.machine.close());
    const names = () => reader.frames().map((frame) => frame.name);

    it('finds every function that has published', () => {
      stack.reset();
      const registers = stack.call('entry').activate(0).call('outer').call('inner').inBody();
      expect([reader.read(registers), reader.failure, names()]).toEqual([
        true,
        null,
        ['inner', 'outer', 'entry'],
      ]);
      expect(reader.frames()[0]).toMatchObject({
        kind: 'wasm',
        wasmIndex: 1,
        wasmOffset: 101,
        pc: registers.pc,
      });
    });

    it('finds a function that has not, by its return address', () => {
      stack.reset();
      const registers = stack.call('entry').activate(0).call('outer').atEntry('inner');
      expect([reader.read(registers), names()]).toEqual([true, ['inner', 'outer', 'entry']]);
      stack.reset();
      expect(reader.read(stack.call('entry').activate(0).atEntry('inner'))).toBe(true);
      expect(names()).toEqual(['inner', 'entry']);
    });

    it('goes on in the exec env that called across', () => {
      stack.reset();
      stack.call('entry').activate(0).call('outer').call('cross').activate(1).call('inner');
      expect(reader.read(stack.inBody())).toBe(true);
      expect(names()).toEqual(['inner', 'cross', 'outer', 'entry']);
    });

    it('goes on behind host functions', () => {
      stack.reset();
      stack.call('entry').activate(0).call('outer').call('host').enterAgain().activate(0).call('inner');
      expect(reader.read(stack.inBody())).toBe(true);
      expect(names()).toEqual(['inner', 'entry', 'host', 'outer', 'entry']);
      expect(reader.frames()[2]).toMatchObject({ kind: 'host', pc: -1 });
    });

    it('reads adapters themselves', () => {
      stack.reset();
      expect(reader.read(stack.atEntry('entry'))).toBe(true);
      stack.reset();
      expect(reader.read(stack.call('entry').inBody())).toBe(true);
      expect(reader.read(stack.activate(0).inBody())).toBe(true);
      expect(names()).toEqual(['entry']);
      expect(reader.read(stack.call('outer').call('cross').inBody())).toBe(true);
      expect(reader.read(stack.activate(1).inBody())).toBe(true);
      expect(names()).toEqual(['cross', 'outer', 'entry']);
    });

    it('says why it cannot go on', () => {
      const { machine } = stack;
      const w = machine.wordBytes;
      const failureOf = (
        change: (record: number, registers: { pc: number; sp: number; lr: number; env: number }) => void,
      ) => {
        stack.reset();
        const registers = { ...stack.call('entry').activate(0).call('outer').call('inner').inBody() };
        change(machine.readTop(stack.env), registers);
        expect(reader.read(registers)).toBe(false);
        return reader.failure;
      };
      const poke = (address: number, value: number) => machine.stack.writeU32(address, value);
      const top = (value: number) => machine.writeTop(stack.env, value);
      expect(failureOf((_, r) => (r.pc = 0x1234))).toBe('no-image-at-pc');
      expect(failureOf((_, r) => (r.env = 0))).toBe('bad-env');
      expect(failureOf((_, r) => (r.sp += 8))).toBe('bad-record');
      expect(failureOf((record) => top(record + 1))).toBe('bad-record');
      expect(failureOf((record) => top(record + frameBytes))).toBe('bad-record');
      if (self) {
        const another = w === 8 ? 0 : stack.pc('outer');
        expect(failureOf((record) => poke(record + w, another))).toBe('wrong-function');
      }
      // One record left out, to a sound one farther out.
      const [outer, activation] = [frameBytes, 2 * frameBytes + slotBase - recordOffset];
      expect(failureOf((record) => poke(record, record + activation))).toBe('bad-record');
      expect(failureOf((record) => top(record + outer))).toBe('bad-record');
      expect(failureOf((record) => poke(record, record - stack.loaded.base))).not.toBeNull();
      expect(failureOf((record) => poke(record, 0))).not.toBeNull();
      expect(failureOf((record) => poke(record - recordOffset + frameBytes - w, 0x4444))).toBe(
        'no-image-at-return',
      );
      expect(failureOf((record) => poke(record + 2 * frameBytes + slotBase - recordOffset + w, 3))).toBe(
        'wrong-activation',
      );
    });

    it('never throws and always ends, whatever it finds', () => {
      const { machine } = stack;
      const near = machine.stackLimit + machine.stack.size - 1024;
      const address = fc.oneof(
        fc.integer({ min: 0, max: 1023 }).map((n) => near + n),
        fc.integer({ min: 0, max: kinds.length * functionBytes }).map((n) => stack.loaded.base + n),
        fc.constantFrom(0, 1, 2 ** 32 - 1, ...stack.envs),
        fc.nat(),
      );
      fc.assert(
        fc.property(
          fc.array(address, { minLength: 64, maxLength: 64 }),
          fc.array(address, { minLength: 6, maxLength: 6 }),
          (words, [pc, sp, lr, env, top, thread]) => {
            stack.reset();
            words.forEach((word, i) => {
              machine.stack.writeU32(near + 16 * i, word);
            });
            for (const known of stack.envs) machine.writeTop(known, top);
            machine.innermostEnv = thread;
            reader.read({ pc, sp, lr, env });
            expect(reader.depth).toBeLessThan(200);
          },
        ),
        { numRuns: 2000 },
      );
    });
  },
);

it.each(
  targets.flatMap((target) => (['atomic', 'unwind'] as const).map((scheme) => [target, scheme] as const)),
)('crosses as many host functions as a stack has room for, on %s, scheme %s', (target, scheme) => {
  const crossings = 37_000;
  const stack = new HandMadeStack(target, scheme, true, 2 ** 23);
  const reader = createReader(stack.machine, scheme);
  stack.call('entry').activate(0);
  for (let k = 0; k < crossings; k++) stack.call('host').enterAgain().activate(0);
  expect(reader.read(stack.call('inner').inBody())).toBe(true);
  expect([reader.failure, reader.depth]).toEqual([null, 2 * crossings + 2]);
  stack.machine.close();
});

it.each(targets)('names the innermost frame alone under scheme none, on %s', (target) => {
  const stack = new HandMadeStack(target, 'none');
  const none = createReader(stack.machine, 'none');
  expect(none.read(stack.call('entry').activate(0).call('outer').inBody())).toBe(false);
  expect([none.failure, none.frames().map((f) => f.name)]).toEqual(['not-published', ['outer']]);
  stack.machine.close();
});

it.each(targets)('refuses code of another ABI, and says how it differs, on %s', (target) => {
  const stack = new HandMadeStack(target, 'atomic');
  const { machine } = stack;
  const hash = (scheme: SchemeName) => {
    const { layoutHash } = stackAbi(scheme, machine.wordBytes, 'relaxed');
    return `0x${layoutHash.toString(16).padStart(8, '0')}`;
  };
  const field = handMadeImage(target, 'field');
  const layouts = `exec env layout ${hash('field')} instead of ${hash('atomic')}`;
  expect(() => machine.loadImage(field)).toThrow(
    `the machine cannot run this image: ABI version 2 instead of 1, ${layouts}, scheme field instead of atomic`,
  );
  expect(() => createReader(machine, 'field')).toThrow(
    /ABI version 1 instead of 2, .*, scheme atomic instead of field$/,
  );
  expect(() => createReader(machine, 'unwind')).toThrow(/stack: scheme atomic instead of unwind$/);
  expect(() => createReader(machine, 'atomic', 'release')).toThrow(
    /stack: order relaxed, which is weaker than release$/,
  );
  expect([machine.images.length, machine.innermostEnv]).toEqual([1, 0]);
  machine.close();
});
