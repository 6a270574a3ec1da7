import { describe, expect, it } from 'vitest';
import { Type } from '../../compiler/ir/types.ts';
import { cInterface } from './c-abi.ts';

/** AAPCS with VFP registers (IHI 0042, 5.5 and 6.1.2). What gcc makes of it: test/native/object.spec.ts. */
const { i32, i64, f32, f64 } = Type;
const letters: Readonly<Record<number, string>> = { [i32]: 'r', [f32]: 's', [f64]: 'd' };

/** Where arguments travel, each in its pieces: register names, and offsets on the stack. */
function places(...types: readonly Type[]): string[] {
  const { pieces } = cInterface.classify(types);
  return types.map((_, argument) =>
    pieces
      .filter((piece) => piece.argument === argument)
      .map(({ type, register, stack }) => (register >= 0 ? `${letters[type]}${register}` : `+${stack}`))
      .join(' '),
  );
}

describe('where C passes arguments on ARMv7', () => {
  it('an i64 in an even pair of registers, which leaves one empty', () => {
    expect(places(i32, i64, i32)).toEqual(['r0', 'r2 r3', '+0']);
    expect(places(i64, i64, i32)).toEqual(['r0 r1', 'r2 r3', '+0']);
  });

  it('no word in a register once an i64 is on the stack, where it is aligned to 8', () => {
    expect(places(i32, i32, i32, i64, i32)).toEqual(['r0', 'r1', 'r2', '+0 +4', '+8']);
    expect(places(i32, i32, i32, i32, i32, i64)).toEqual(['r0', 'r1', 'r2', 'r3', '+0', '+8 +12']);
  });

  it('an f32 in the lowest free single register, also behind a double', () => {
    expect(places(f32, f64, f32, f64, f32)).toEqual(['s0', 'd1', 's1', 'd2', 's6']);
  });

  it('no float in a register once one is on the stack', () => {
    const doubles = new Array<Type>(8).fill(f64);
    expect(places(f32, ...doubles, f32, f64).slice(7)).toEqual(['d7', '+0 +4', '+8', '+16 +20']);
  });

  it('floats and words do not take each other’s registers', () => {
    expect(places(f64, i32, f32, i64)).toEqual(['d0', 'r0', 's2', 'r2 r3']);
  });

  it('keeps the stack aligned to 8', () => {
    expect(cInterface.classify([i64, i64, i32]).stackBytes).toBe(8);
  });
});
