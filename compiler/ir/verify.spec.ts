import { expect, test } from 'vitest';
import { parseFunction } from './parse.ts';
import { Type } from './types.ts';
import { VerifyError, verify } from './verify.ts';

const wrap = (body: string, signature = '(i32) -> (i32)') =>
  `function @0 "f" wasm ${signature} {\n${body}\n}\n`;

const loop = `block0():
  v0 = param.i32 0
  v1 = const.i32 1
  jump block1
block1(block0, block1):
  v2 = phi.i32 v0, v3
  v3 = sub.i32 v2, v1
  branch v3, block1, block2
block2(block1):
  return v3`;

test('accepts a loop', () => {
  verify(parseFunction(wrap(loop)), Type.i32);
});

test.each([
  ['input 1 is i64', loop.replace('v1 = const.i32', 'v1 = const.i64')],
  ['inputs and predecessors differ', loop.replace('phi.i32 v0, v3', 'phi.i32 v0')],
  ['used where it is not defined', loop.replace('sub.i32 v2, v1', 'sub.i32 v3, v1')],
  ['does not reach from block0', loop.replace('phi.i32 v0, v3', 'phi.i32 v3, v0')],
  ['the block has no terminator', loop.replace('return v3', 'v4 = add.i32 v3, v3')],
  ['not among the predecessors', loop.replace('(block0, block1)', '(block1)').replace('v0, v3', 'v3')],
  ['takes 2 inputs', loop.replace('sub.i32 v2, v1', 'sub.i32 v2')],
  ['values differ in number', loop.replace('return v3', 'return')],
  ['no such param', loop.replace('param.i32 0', 'param.i32 1')],
  ['a param outside the entry block', loop.replace('v3 = sub.i32 v2, v1', 'v3 = param.i32 0')],
  [
    'wants integers',
    loop
      .replace('v1 = const.i32', 'v1 = const.f32')
      .replace('v3 = sub.i32 v2, v1', 'v4 = add.f32 v1, v1\n  v3 = sub.i32 v2, v2'),
  ],
])('refuses: %s', (message, body) => {
  const text = wrap(body);
  expect(() => verify(parseFunction(text), Type.i32)).toThrow(VerifyError);
  expect(() => verify(parseFunction(text), Type.i32)).toThrow(message);
});

test('refuses a block before its immediate dominator', () => {
  const body = `block0():
  v0 = param.i32 0
  jump block1
block2(block1):
  return v0
block1(block0):
  jump block2`;
  expect(() => verify(parseFunction(wrap(body)), Type.i32)).toThrow('block2: stands before its immediate');
});

test('refuses a block amid a loop that is not dominated by its header', () => {
  const body = `block0():
  v0 = param.i32 0
  branch v0, block1, block3
block1(block0, block2):
  jump block2
block3(block0):
  return v0
block2(block1):
  jump block1`;
  expect(() => verify(parseFunction(wrap(body)), Type.i32)).toThrow('block3: stands amid the loop of block1');
});

test('refuses results away from their call', () => {
  const body = `block0():
  v0 = param.i32 0
  v1 = pair_add v0, v0, v0, v0
  v2 = add.i32 v0, v0
  v3 = result.i32 1, v1
  return v3`;
  expect(() => verify(parseFunction(wrap(body)), Type.i32)).toThrow('directly behind');
});

test('refuses unreachable blocks', () => {
  const body = `block0():
  v0 = param.i32 0
  return v0
block1():
  return v0`;
  expect(() => verify(parseFunction(wrap(body)), Type.i32)).toThrow('unreachable');
});

test('accepts only the words of the target', () => {
  const body = `block0():
  v0 = env.i32
  return v0`;
  verify(parseFunction(wrap(body)), Type.i32);
  expect(() => verify(parseFunction(wrap(body)), Type.i64)).toThrow('wrong type');
});
