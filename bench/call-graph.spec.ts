import { expect, test } from 'vitest';
import wabt from 'wabt';
import { decodeModule } from '../compiler/wasm/reader.ts';
import { callGraph, impossibleCall } from './call-graph.ts';

const toolkit = await wabt();

function binaryOf(text: string): Uint8Array {
  const { buffer } = toolkit.parseWat('graph.wat', text).toBinary({ write_debug_names: true });
  return new Uint8Array(buffer);
}

const graph = callGraph(
  decodeModule(
    binaryOf(`(module
  (type $one (func (param i32)))
  (type $same (func (param i32)))
  (import "env" "out" (func $out (param i32)))
  (table 4 funcref)
  (elem (i32.const 0) $tabled $out)
  (elem declare func $taken)
  (func $tabled (param i32))
  (func $taken (param i32))
  (func $other (param i32))
  (func $wide (param i64))
  (elem (i32.const 2) $wide)
  (func $taker (local f64 i32) (table.set (i32.const 3) (ref.func $taken)))
  (func $direct (call $other (i32.const 1)) (memory.fill (i32.const 0) (i32.const 0x10) (i32.const 5)))
  (func $indirect (local i64 f32) (block (call_indirect (type $same) (i32.const 1) (i32.const 0))) (call $direct))
  (memory 1))`),
  ),
);

const calls = (name: string) => [...(graph.get(name) ?? [])].sort();

test('direct calls are those of the code', () => {
  expect(calls('direct')).toEqual(['other']);
  expect(calls('taker')).toEqual([]);
  expect(calls('out')).toEqual([]);
});

test('an indirect call may reach what a table may hold, of an equal type', () => {
  expect(calls('indirect')).toEqual(['direct', 'out', 'tabled', 'taken']);
});

test('imports and growing lead to what is said of them', () => {
  const module = decodeModule(
    binaryOf(`(module
      (import "env" "out" (func $out))
      (memory 1)
      (func $grower (call $out) (drop (memory.grow (i32.const 1)))))`),
  );
  const named = callGraph(module, { nameOf: (index) => ['host', 'grower'][index], grow: 'service' });
  expect([...named]).toEqual([['grower', new Set(['host', 'service'])]]);
});

test('a stack is impossible where a frame is missing, swapped or of another program', () => {
  expect(impossibleCall(['indirect', 'direct', 'other'], graph)).toBeUndefined();
  expect(impossibleCall(['other'], graph)).toBeUndefined();
  expect(impossibleCall(['indirect', 'other'], graph)).toEqual(['indirect', 'other']);
  expect(impossibleCall(['indirect', 'other', 'direct'], graph)).toEqual(['indirect', 'other']);
  expect(impossibleCall(['indirect', 'direct', 'direct', 'other'], graph)).toEqual(['direct', 'direct']);
  expect(impossibleCall(['unknown', 'direct'], graph)).toEqual(['unknown', 'direct']);
});
