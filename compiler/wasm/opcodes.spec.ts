import { describe, expect, it } from 'vitest';
import { ByteReader } from './bytes.ts';
import { operatorAt, operators, skipOperator } from './opcodes.ts';

const skipped = (...bytes: number[]): number => {
  const r = new ByteReader(Uint8Array.from([...bytes, 0x0b]));
  expect(skipOperator(r)).toBeGreaterThanOrEqual(0);
  return r.pos;
};

describe('operators', () => {
  it('has every operator of WebAssembly 1.0 and of the extensions compiled, once each', () => {
    const names = operators.flatMap((operator) => (operator ? [operator.name] : []));
    expect(names).toHaveLength(201);
    // select with and without a type share a name
    expect(new Set(names).size).toBe(200);
  });

  it('names the operator at an offset', () => {
    const bytes = Uint8Array.from([0x6a, 0xfc, 0x0a, 0x00, 0x00, 0xfc, 0x87, 0x00, 0xfd, 0xfc, 0x63]);
    expect(operatorAt(bytes, 0)).toBe('i32.add');
    expect(operatorAt(bytes, 1)).toBe('memory.copy');
    expect(operatorAt(bytes, 5)).toBe('i64.trunc_sat_f64_u');
    expect(operatorAt(bytes, 8)).toBe('0xfd');
    expect(operatorAt(bytes, 9)).toBe('0xfc 0x63');
    expect(operatorAt(bytes, 11)).toBe('?');
  });
});

describe('skipOperator', () => {
  it.each([
    ['no immediates', [0x6a]],
    ['a block type', [0x02, 0x40]],
    ['a memory argument', [0x28, 0x02, 0x80, 0x01]],
    ['an f32', [0x43, 1, 2, 3, 4]],
    ['an f64', [0x44, 1, 2, 3, 4, 5, 6, 7, 8]],
    ['labels', [0x0e, 2, 0, 1, 0x80, 0x01]],
    ['types of a select', [0x1c, 1, 0x7f]],
    ['a prefix', [0xfc, 0x08, 0, 0]],
  ])('steps over %s', (_, bytes) => {
    expect(skipped(...bytes)).toBe(bytes.length);
  });

  it('stops at bytes that are no operator', () => {
    expect(skipOperator(new ByteReader(Uint8Array.of(0xff)))).toBe(-1);
    expect(skipOperator(new ByteReader(Uint8Array.of(0xfc, 0x7f)))).toBe(-1);
  });
});
