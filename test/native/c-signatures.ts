import fc from 'fast-check';
import type { ValueType } from '../../compiler/wasm/module.ts';

/**
 * A module and a C program that put C's calling convention to the test. Every exported function reverses its arguments and gives them to an
 * imported one, whose results it returns reversed, so that two mistakes cannot undo each other; C checks all of them on both sides.
 */
export interface SignatureProgram {
  readonly wat: string;
  readonly main: string;
}

type Scalar = Extract<ValueType, 'i32' | 'i64' | 'f32' | 'f64'>;
interface Signature {
  readonly params: readonly Scalar[];
  readonly results: readonly Scalar[];
}

const cTypes: Readonly<Record<Scalar, string>> = {
  i32: 'int32_t',
  i64: 'int64_t',
  f32: 'float',
  f64: 'double',
};

const scalar = fc.constantFrom<Scalar>('i32', 'i64', 'f32', 'f64');
const signature: fc.Arbitrary<Signature> = fc.record({
  params: fc.array(scalar, { maxLength: 22, size: 'max' }),
  results: fc.array(scalar, { maxLength: 5, size: 'max' }),
});

/** Shapes that conventions treat in a way of their own, before the random ones. */
const corners: readonly Signature[] = [
  { params: [], results: [] },
  // An i64 that leaves r3 empty, and one that goes to the stack with a word before it.
  { params: ['i32', 'i64', 'i32'], results: ['i64'] },
  { params: ['i32', 'i32', 'i32', 'i64', 'i32', 'i64'], results: ['i32'] },
  // Single registers filled behind a double, and none any more once a double is on the stack.
  { params: ['f32', 'f64', 'f32', 'f64', 'f32'], results: ['f32'] },
  {
    params: ['f32', ...Array<Scalar>(8).fill('f64'), 'f32', 'f32', 'f64'],
    results: ['f64'],
  },
  { params: Array<Scalar>(40).fill('f32'), results: ['i32', 'f32'] },
  // Frames of more than a page, offsets that no instruction reaches.
  {
    params: Array.from({ length: 600 }, (_, k): Scalar => (['i32', 'i64', 'f32', 'f64'] as const)[k % 4]),
    results: ['i64', 'f64'],
  },
  { params: ['i32'], results: Array.from({ length: 600 }, (_, k): Scalar => (k % 3 === 0 ? 'i64' : 'f32')) },
];

/** Corners, then `count` signatures that `seed` determines. */
export function signatureProgram(count: number, seed: number): SignatureProgram {
  const all = [...corners, ...fc.sample(signature, { numRuns: count, seed })];
  return {
    wat: `(module\n${all.map(imported).join('\n')}\n${all.map(exported).join('\n')})\n`,
    main: source(all),
  };
}

const list = (keyword: string, types: readonly Scalar[]): string =>
  types.length === 0 ? '' : ` (${keyword} ${types.join(' ')})`;

const imported = ({ params, results }: Signature, k: number): string =>
  `  (import "c" "f${k}" (func $f${k}${list('param', params.toReversed())}${list('result', results.toReversed())}))`;

function exported({ params, results }: Signature, k: number): string {
  const args = params.map((_, i) => `local.get ${i}`).toReversed();
  const locals = results.map((type, i) => `(local $r${i} ${type})`).join(' ');
  // The last result of the call, which is the first one of the function, is on top.
  const set = results.map((_, i) => `local.set $r${i}`);
  const get = results.map((_, i) => `local.get $r${i}`);
  const body = [...args, `call $f${k}`, ...set, ...get].join(' ');
  return `  (func (export "f${k}")${list('param', params)}${list('result', results)} ${locals}\n    ${body})`;
}

/** A value that no other argument of the program has, and that fills its type. */
function value(type: Scalar, k: number, i: number): string {
  const n = (k * 1021 + i * 7 + 1) % 0x40000;
  switch (type) {
    case 'i32':
      return `(int32_t)${(Math.imul(n, 0x9e3779b1) >>> 0).toString()}u`;
    case 'i64':
      return `(int64_t)(UINT64_C(0x9e3779b97f4a7c15) * ${n}u)`;
    case 'f32':
      return `${n}.25f`;
    case 'f64':
      return `-${n}.0009765625`;
  }
}

const resultAt = 5000;

function source(all: readonly Signature[]): string {
  return `#include <stdio.h>
#include "sig.h"
#include "fathom-posix.h"
static int failures;
#define CHECK(f, what, n, is, wanted) \\
  do { if ((is) != (wanted)) { printf("f%d: %s %d is wrong\\n", f, what, n); failures++; } } while (0)
/* The stack is aligned as compilers take for granted: volatile, or they would answer without a look. */
#define CHECK_STACK(f) \\
  do { \\
    char local[16] __attribute__((aligned(STACK_ALIGNMENT))); \\
    char *volatile at = local; \\
    CHECK(f, "stack", 0, (uintptr_t)at % STACK_ALIGNMENT, 0); \\
  } while (0)
#define STACK_ALIGNMENT (sizeof(void *) == 8 ? 16 : 8)
static int calls;
${all.map(importSource).join('\n')}
${all.map(exportSource).join('\n')}
int main(void) {
  static sig_instance instance;
  fathom_thread thread = {0, NULL};
  fathom_host host = fathom_posix_host(&thread);
  if (sig_instantiate(&instance, &host, &calls) != 0) return 1;
${all.map((_, k) => `  call${k}(&instance);`).join('\n')}
  printf("%d calls, %d failures\\n", calls, failures);
  sig_instance_free(&instance);
  return failures != 0;
}
`;
}

function importSource({ params, results }: Signature, k: number): string {
  const pair = results.length > 1;
  const name = `sig_import_c_f${k}`;
  const reversed = results.toReversed();
  const declared = [
    'void *user',
    ...(pair ? [`${name}_result *results`] : []),
    ...params.map((type, i) => `${cTypes[type]} p${i}`).toReversed(),
  ];
  const checks = params.map((type, i) => `  CHECK(${k}, "argument", ${i}, p${i}, ${value(type, k, i)});`);
  const wanted = (i: number): string => value(results[i], k, resultAt + i);
  const leave = pair
    ? reversed.map((_, i) => `  results->r${i} = ${wanted(results.length - 1 - i)};`)
    : results.map((_, i) => `  return ${wanted(i)};`);
  const type = pair || results.length === 0 ? 'void' : cTypes[results[0]];
  return `${type} ${name}(${declared.join(', ')}) {\n${['  ++*(int *)user;', `  CHECK_STACK(${k});`, ...checks, ...leave].join('\n')}\n}`;
}

function exportSource({ params, results }: Signature, k: number): string {
  const pair = results.length > 1;
  const args = [
    'instance',
    ...(pair ? ['&results'] : []),
    ...params.map((type, i) => value(type, k, i)),
  ].join(', ');
  const check = (i: number, is: string): string =>
    `  CHECK(${k}, "result", ${i}, ${is}, ${value(results[i], k, resultAt + i)});`;
  const body = pair
    ? [
        `  sig_f${k}_result results;`,
        `  sig_f${k}(${args});`,
        ...results.map((_, i) => check(i, `results.r${i}`)),
      ]
    : results.length === 1
      ? [check(0, `sig_f${k}(${args})`)]
      : [`  sig_f${k}(${args});`];
  return `static void call${k}(sig_instance *instance) {\n${body.join('\n')}\n}`;
}
