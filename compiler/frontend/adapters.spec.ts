import { expect, it } from 'vitest';
import { moduleContext, type specTargets } from '../../test/support/module-context.ts';
import type { CompileContext } from '../context.ts';
import type { Callee } from '../ir/function.ts';
import { printFunction } from '../ir/print.ts';
import { Type } from '../ir/types.ts';
import { verify } from '../ir/verify.ts';
import { atomic } from '../stack/atomic.ts';
import { decodeModule } from '../wasm/reader.ts';
import { type AdapterKind, buildAdapter } from './adapters.ts';

const empty = decodeModule(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const kinds = { entry: 'entry-adapter', cross: 'cross-adapter', host: 'host-adapter' } as const;

function context(name: keyof typeof specTargets, publishes: boolean): CompileContext {
  const plain = moduleContext(empty, name);
  if (!publishes) return plain;
  const publication = { scheme: atomic(plain.env.word), order: 'relaxed', leaves: false } as const;
  return { ...plain, publication };
}

function build(kind: AdapterKind, callee: Callee, ctx: CompileContext): string {
  const symbol = { id: 3, name: kind, kind: kinds[kind], wasmIndex: -1 };
  const func = buildAdapter(ctx, kind, callee, symbol);
  verify(func, ctx.target.word);
  return printFunction(func);
}

const callee: Callee = { symbol: -1, params: [Type.i32, Type.f64], results: [Type.i64] };

it.each(Object.keys(kinds) as AdapterKind[])('%s adapters are valid for any signature and word', (kind) => {
  const types = [Type.i32, Type.i64, Type.f32, Type.f64];
  for (const name of ['x86_64', 'armv7'] as const) {
    for (const publishes of [false, true]) {
      const ctx = context(name, publishes);
      for (const results of [[], [Type.f32], types]) build(kind, { symbol: -1, params: types, results }, ctx);
    }
  }
});

it('an entry links a whole record before it shows it, and hides it in reverse order', () => {
  expect(
    build('entry', callee, context('armv7', true)),
  ).toBe(`function @3 "entry" entry-adapter (i32, i32, i32) -> () entry slots 20 {
block0():
  v0 = param.i32 0
  v1 = param.i32 1
  v2 = param.i32 2
  v3 = load.i32 v0, offset 12, region native
  v4 = load.i32 v3, region native
  set_env v0
  v6 = const.i32 0
  v7 = ne v4, v6
  branch v7, block1, block2
block1(block0):
  v9 = load.i32 v4, offset 8, region publication
  jump block2
block2(block0, block1):
  v11 = phi.i32 v6, v9
  v12 = load.i32 v0, offset 8, region publication
  v13 = stack_slot.i32
  store v13, v11, region stack
  v15 = const.i32 -1
  v16 = stack_slot.i32 offset 4
  store v16, v15, region stack
  v18 = stack_slot.i32 offset 8
  store v18, v12, region stack
  v20 = stack_slot.i32 offset 12
  store v20, v0, region stack
  v22 = stack_slot.i32 offset 16
  store v22, v4, region stack
  v24 = stack_slot.i32
  store v0, v24, offset 8, region publication
  store v3, v0, region native
  v27 = load.i32 v2, region native
  v28 = load.f64 v2, offset 8, region native
  v29 = load.i32 v1, offset 8, region native
  v30 = call_ptr @-1 (i32, f64) -> (i64), v29, v1, v27, v28
  store v2, v30, region native
  store v3, v4, region native
  store v0, v12, offset 8, region publication
  return
}
`);
});

it('a cross adapter keeps the exec env that it leaves', () => {
  const text = build('cross', callee, context('x86_64', true));
  const order = text
    .split('\n')
    .filter((line) => /env|call|native|publication/.test(line) && line.startsWith('  '));
  expect(order.map((line) => line.trim().replace(/^v\d+ = /, ''))).toEqual([
    'env.i64',
    'load.i64 v2, offset 24, region native',
    'load.i64 v3, offset 16, region native',
    'load.i64 v3, offset 8, region publication',
    'load.i64 v4, offset 8, region publication',
    'store v4, v19, offset 8, region publication',
    'store v5, v4, region native',
    'set_env v4',
    'load.i64 v2, offset 8, region native',
    'call_ptr @-1 (i32, f64) -> (i64), v23, v2, v0, v1',
    'store v5, v3, region native',
    'store v4, v7, offset 8, region publication',
    'set_env v3',
  ]);
});

it('other cores see the record before the top, and the top before the record is reused', () => {
  const plain = context('armv7', true);
  const ctx = { ...plain, publication: { ...plain.publication, order: 'seq_cst' } as const };
  const lines = build('entry', callee, ctx).split('\n');
  const stores = lines.filter((line) => /store v[03],|fence/.test(line)).map((line) => line.trim());
  const fence = 'fence 1';
  const thread = ['store v3, v0, region native', 'store v3, v4, region native'];
  expect(stores.map((line) => (line.includes('publication') ? 'top' : line))).toEqual([
    ...[fence, 'top', fence, thread[0]],
    ...[thread[1], fence, 'top', fence],
  ]);
});

it('a host adapter names the host function in its first slot', () => {
  expect(build('host', callee, context('x86_64', false))).toContain(`  v2 = descriptor.i64
  v3 = stack_slot.i64
  store v3, v2, region stack
`);
});
