import { describe, expect, it } from 'vitest';
import type { ValueType } from '../compiler/wasm/module.ts';
import { parseArguments } from './imports.ts';

const parse = (type: ValueType, text: string): unknown =>
  parseArguments({ params: [type], results: [] }, [text])[0];

describe('arguments of --invoke', () => {
  it.each<[ValueType, string, unknown]>([
    ['i32', '007', 7],
    ['i32', '-2147483648', -2147483648],
    ['i32', '2147483648', -2147483648],
    ['i32', '0xFFFFFFFF', -1],
    ['i32', '-0x10', -16],
    ['i64', '9223372036854775807', 9223372036854775807n],
    ['i64', '18446744073709551615', -1n],
    ['i64', '+1', 1n],
    ['f64', '1e400', Infinity],
    ['f64', '-.5', -0.5],
    ['f64', '-0', -0],
    ['f64', '0x10', 16],
    ['f32', '-inf', -Infinity],
    ['f32', 'Infinity', Infinity],
    ['f32', 'NaN', NaN],
    ['externref', 'null', null],
  ])('%s of %s is %s', (type, text, expected) => {
    expect(parse(type, text)).toBe(expected);
  });

  it.each<[ValueType, string]>([
    ['i32', ''],
    ['i32', '4294967296'],
    ['i32', '-2147483649'],
    ['i32', '1.5'],
    ['i32', '--5'],
    ['i32', ' 5'],
    ['i64', '18446744073709551616'],
    ['i64', '0x'],
    ['f64', ''],
    ['f64', 'two'],
    ['f64', '--5'],
    ['f64', '1e'],
    ['funcref', '0'],
  ])('%s refuses %j', (type, text) => {
    expect(() => parse(type, text)).toThrow(`argument 1, ${JSON.stringify(text)}, is no ${type}`);
  });

  it('says how many there should be', () => {
    expect(() => parseArguments({ params: ['i32'], results: [] }, [])).toThrow(
      'takes 1 argument (i32), not 0',
    );
    expect(() => parseArguments({ params: [], results: [] }, ['1'])).toThrow('takes 0 arguments (), not 1');
  });
});
