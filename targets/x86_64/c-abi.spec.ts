import { describe, expect, it } from 'vitest';
import { Type } from '../../compiler/ir/types.ts';
import { cInterface } from './c-abi.ts';
import { registers } from './registers.ts';

/** System V (AMD64 ABI 3.2.3). What gcc makes of it: test/native/object.spec.ts. */
const { i32, i64, f32, f64 } = Type;

/** Where arguments travel: register names, and offsets on the stack. */
function places(...types: readonly Type[]): string[] {
  return cInterface
    .classify(types)
    .pieces.map(({ register, stack }) => (register >= 0 ? registers.names[register] : `+${stack}`));
}

describe('where C passes arguments on x86-64', () => {
  it('six integers in registers, each other one in 8 bytes of stack', () => {
    expect(places(i64, i32, i64, i32, i64, i32, i32, i64)).toEqual([
      ...['rdi', 'rsi', 'rdx', 'rcx', 'r8', 'r9'],
      ...['+0', '+8'],
    ]);
  });

  it('eight floats in registers of their own', () => {
    const floats = [f32, f64, f32, f64, f32, f64, f32, f64];
    expect(places(i32, ...floats, f32, i32, f64)).toEqual([
      'rdi',
      ...floats.map((_, k) => `xmm${k}`),
      ...['+0', 'rsi', '+8'],
    ]);
  });

  it('keeps the stack aligned to 16', () => {
    expect(cInterface.classify(new Array(9).fill(f32)).stackBytes).toBe(16);
    expect(cInterface.classify([i32]).stackBytes).toBe(0);
  });
});
