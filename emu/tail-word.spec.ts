import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stackGuardBytes, tailDistance } from '../compiler/abi.ts';
import { assembleText } from '../test/support/sampled-runs.ts';
import { PAGE_SIZE } from './address-space.ts';
import { Machine } from './machine.ts';
import type { TailWord } from './tail-word.ts';
import { createWebAssembly } from './webassembly.ts';

/** Recursion without end, whose frames are of all sizes up to several pages of locals that live across the call. */
const deep = (locals: number): Uint8Array => {
  const get = Array.from({ length: locals }, (_, k) => `(local.get $l${k})`);
  const results = get.map(() => 'i64').join(' ');
  return assembleText(
    'deep',
    `(module
      (func $many (result ${results}) ${get.map((_, k) => `(i64.const ${k})`).join(' ')})
      (func $deep (export "deep")
        ${get.map((_, k) => `(local $l${k} i64)`).join(' ')}
        (call $many) ${get.map((_, k) => `(local.set $l${locals - 1 - k})`).join(' ')}
        (call $deep)
        ${get.map((local) => `(drop (i64.div_u (i64.const 1) ${local}))`).join(' ')}))`,
  );
};

describe.each(['x86_64', 'armv7'] as const)('the word below the guard on %s', (target) => {
  let machine: Machine;
  let tail: TailWord;

  beforeEach(() => {
    machine = new Machine(target, { scheme: 'tail' });
    if (machine.tail === undefined) throw new Error('no tail word');
    tail = machine.tail;
  });

  afterEach(() => machine.close());

  const address = () => machine.stackLimit - tailDistance(machine.wordBytes);

  it('is memory, all between it and the stack is none', () => {
    machine.writeTop(0, machine.stackLimit + 64);
    expect(machine.space.readPointer(address())).toBe(machine.stackLimit + 64);
    for (let at = machine.stackLimit - stackGuardBytes; at < machine.stackLimit; at += PAGE_SIZE)
      expect(machine.space.find(at)).toBeUndefined();
    expect(machine.space.find(machine.stackLimit)?.name).toBe('stack');
  });

  it('is refused to code when something else has it, or its page', () => {
    expect(() => tail.check(true)).not.toThrow();
    machine.writeTop(0, 4096);
    expect(() => tail.check(true)).toThrow('in use');
    expect(() => tail.check(false)).not.toThrow();
    machine.writeTop(0, 0);
    machine.space.writeU32(address() - 4, 1);
    expect(() => tail.check(false)).toThrow('in use');
  });

  it('is refused to code when the guard is gone', () => {
    const from = machine.stackLimit - stackGuardBytes;
    expect(() =>
      machine.space.allocate({ name: 'intruder', size: PAGE_SIZE, access: 'rw', address: from }),
    ).toThrow('overlaps stack');
  });

  it.each([1, 40, 300, 600, 900])('is not reached by recursion without end, %i values a frame', (locals) => {
    const webAssembly = createWebAssembly({ target, scheme: 'tail', machine });
    const { exports } = new webAssembly.Instance(new webAssembly.Module(deep(locals)));
    for (let round = 0; round < 2; round++) {
      expect(() => (exports.deep as () => void)()).toThrow('Maximum call stack size exceeded');
      expect(() => tail.check(true)).not.toThrow();
    }
  });
});
