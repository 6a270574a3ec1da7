import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { CompileError } from '../../compiler/errors.ts';
import { compile } from '../../compiler/index.ts';
import { linkObject } from '../../compiler/object.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import { cInterface } from '../../targets/armv7/c-abi.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { signatureProgram } from './c-signatures.ts';
import { buildC, type CToolchain, runC, toolchains } from './c-toolchains.ts';

/** Objects linked with C by gcc: run natively, and under qemu-arm. */
const example = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../examples/object/${name}`, import.meta.url)), 'utf8');

let assemble: (wat: string) => Uint8Array;
let root: string;

beforeAll(async () => {
  const toolkit = await wabt();
  assemble = (wat) => toolkit.parseWat('module.wat', wat).toBinary({ write_debug_names: true }).buffer;
  root = mkdtempSync(join(tmpdir(), 'fathom-object-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What a C program prints that is linked with modules; an `#include` for each and fathom-posix.h come before it. */
function printed(
  toolchain: CToolchain,
  name: string,
  modules: Record<string, string>,
  main: string,
  scheme: SchemeName = 'atomic',
): string {
  const includes = [...Object.keys(modules).map((prefix) => `${prefix}.h`), 'fathom-posix.h'];
  const build = buildC(toolchain, join(root, `${name}-${toolchain.target.name}`), {
    modules: Object.fromEntries(Object.entries(modules).map(([prefix, wat]) => [prefix, assemble(wat)])),
    main: `#include <stdio.h>\n${includes.map((file) => `#include "${file}"\n`).join('')}${main}`,
    scheme,
  });
  return runC(toolchain, build(['-O1']));
}

describe.each(toolchains)('objects for $target.name (skipped without $needs)', (toolchain) => {
  const { present, variants, target } = toolchain;
  const named = variants.map((flags) => ({ flags, text: flags.join(' ') }));

  describe.skipIf(!present)('linked with C', () => {
    it.each(named)('the example prints what it should, C compiled with $text', ({ flags }) => {
      const build = buildC(toolchain, join(root, `example-${target.name}`), {
        modules: { app: assemble(example('app.wat')) },
        main: example('main.c'),
      });
      expect(runC(toolchain, build(flags))).toBe(example('expected.txt'));
    });

    it.each(['none', 'field', 'unwind'] as const)('the example prints the same with scheme %s', (scheme) => {
      const build = buildC(toolchain, join(root, `${scheme}-${target.name}`), {
        modules: { app: assemble(example('app.wat')) },
        main: example('main.c'),
        scheme,
      });
      expect(runC(toolchain, build(['-O2']))).toBe(example('expected.txt'));
    });

    it('C and modules agree on where arguments and results of 60 signatures travel', () => {
      const { wat, main } = signatureProgram(52, 3);
      const build = buildC(toolchain, join(root, `signatures-${target.name}`), {
        modules: { sig: assemble(wat) },
        main,
      });
      for (const flags of [variants[0], variants[1]])
        expect(runC(toolchain, build(flags))).toBe('60 calls, 0 failures\n');
    });

    it('an imported memory is shared by instances, of two modules, too, and grows for all', () => {
      const one = `(module (import "c" "memory" (memory 1 3))
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "size") (result i32) (memory.size)))`;
      const two = `(module (import "c" "memory" (memory 2))
        (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
        (func (export "size") (result i32) (memory.size)))`;
      const main = `
        fathom_memory one_import_c_memory;
        extern fathom_memory two_import_c_memory __attribute__((alias("one_import_c_memory")));
        int main(void) {
          static one_instance a, b;
          static two_instance c;
          fathom_thread thread = {0, NULL};
          fathom_host host = fathom_posix_host(&thread);
          printf("none: %d\\n", one_instantiate(&a, &host, NULL));
          fathom_memory_init(&one_import_c_memory, &host, 1, 4);
          printf("may grow beyond: %d\\n", one_instantiate(&a, &host, NULL));
          fathom_memory_free(&one_import_c_memory);
          fathom_memory_init(&one_import_c_memory, &host, 1, 3);
          printf("made: %d, too small: %d\\n", one_instantiate(&a, &host, NULL), two_instantiate(&c, &host, NULL));
          printf("grow: %d\\n", one_grow(&a, 1));
          printf("made: %d %d\\n", one_instantiate(&b, &host, NULL), two_instantiate(&c, &host, NULL));
          two_store(&c, 70000, 5);
          printf("loaded: %d %d\\n", one_load(&a, 70000), one_load(&b, 70000));
          printf("grow: %d", one_grow(&b, 1));
          printf(" %d\\n", one_grow(&b, 1));
          printf("size: %d %d %d\\n", one_size(&a), one_size(&b), two_size(&c));
          one_instance_free(&a);
          two_store(&c, 0x2fffc, 6);
          printf("loaded: %d\\n", one_load(&b, 0x2fffc));
          one_instance_free(&b);
          two_instance_free(&c);
          printf("users: %d\\n", one_import_c_memory.views != NULL || thread.instances != NULL);
          fathom_memory_free(&one_import_c_memory);
          return 0;
        }`;
      expect(printed(toolchain, 'memory', { one, two }, main).split('\n')).toEqual([
        'none: -3',
        'may grow beyond: -3',
        'made: 0, too small: -3',
        'grow: 1',
        'made: 0 0',
        'loaded: 5 5',
        'grow: 2 -1',
        'size: 3 3 3',
        'loaded: 6',
        'users: 0',
        '',
      ]);
    });

    it('a memory keeps its contents when it outgrows its room, until the host has none', () => {
      const big = `(module (memory (export "memory") 1)
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`;
      const main = `
        static int left = 1000;
        static void *reserve(void *user, size_t bytes) { return left-- > 0 ? fathom_posix_reserve(user, bytes) : NULL; }
        static int commit(void *user, void *at, size_t bytes) {
          return left-- > 0 ? fathom_posix_commit(user, at, bytes) : -1;
        }
        int main(void) {
          static big_instance it;
          fathom_thread thread = {0, NULL};
          fathom_host host = {reserve, commit, fathom_posix_release, NULL, &thread};
          int k, pages = 1, kept = 1;
          if (big_instantiate(&it, &host, NULL) != 0) return 1;
          for (k = 0; k < 10; k++) {
            big_store(&it, pages * 65536 - 4, k + 1);
            if (big_grow(&it, 100) != pages) return 2;
            pages += 100;
          }
          for (k = 0; k < 10; k++) kept &= big_load(&it, (1 + 100 * k) * 65536 - 4) == k + 1;
          left = 0;
          printf("kept: %d, grow: %d, bytes: %d", kept, big_grow(&it, 1000), (int)(big_memory(&it)->bytes / 65536));
          big_instance_free(&it);
          printf(", instantiate: %d, instances: %d", big_instantiate(&it, &host, NULL), thread.instances != NULL);
          return 0;
        }`;
      expect(printed(toolchain, 'growth', { big }, main)).toBe(
        'kept: 1, grow: -1, bytes: 1001, instantiate: -1, instances: 0',
      );
    });

    it.each(['atomic', 'field', 'unwind'] as const)(
      'traps in start functions, nested calls and C code between leave no activation behind: scheme %s',
      (scheme) => {
        const bad = '(module (memory 1) (func $start unreachable) (start $start))';
        const good = `(module (import "c" "inner" (func $inner (param i32) (result i32)))
        (global (export "depth") (mut i32) (i32.const 0))
        (func (export "outer") (param i32) (result i32)
          (global.set 0 (i32.add (global.get 0) (i32.const 1)))
          (i32.add (call $inner (local.get 0)) (i32.const 100)))
        (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 1000) (local.get 0))))`;
        const main = `
        static fathom_thread thread;
        static fathom_host host;
        static bad_instance bad;
        static good_instance good;
        struct call { int argument, result; };
        static void start(void *unused) { (void)unused; bad_instantiate(&bad, &host, NULL); }
        static void divide(void *data) { struct call *c = data; c->result = good_divide(&good, c->argument); }
        static void outer(void *data) { struct call *c = data; c->result = good_outer(&good, c->argument); }
        /* Catches what divide traps with while it was called by outer; -1 lets it through. */
        int32_t good_import_c_inner(void *user, int32_t n) {
          struct call c = {n < 0 ? 0 : n, -7};
          fathom_trap trap;
          (void)user;
          if (n < 0) divide(&c);
          else if (fathom_try(&thread, divide, &c, &trap) != 0) printf("inner: %s\\n", fathom_trap_name(trap.kind));
          return c.result;
        }
        static void attempt(void (*run)(void *), int n) {
          struct call c = {n, 0};
          fathom_trap trap;
          if (fathom_try(&thread, run, &c, &trap) == 0) printf("%d\\n", c.result);
          else printf("%s in %s, operator at %d\\n", fathom_trap_name(trap.kind), trap.location.function,
                      trap.location.wasm_offset > 0);
          if (thread.env != 0 || *fathom_top(&good.env.head) != 0 || *fathom_top(&bad.env.head) != 0)
            puts("left behind");
        }
        int main(void) {
          int k;
          host = fathom_posix_host(&thread);
          if (fathom_posix_start() != 0 || good_instantiate(&good, &host, NULL) != 0) return 1;
          attempt(start, 0);
          bad_instance_free(&bad);
          attempt(outer, 10);
          attempt(outer, 0);
          attempt(outer, -1);
          attempt(divide, 0);
          attempt(outer, 10);
          for (k = 0; k < 2000; k++) { struct call c = {0, 0}; fathom_try(&thread, divide, &c, NULL); }
          printf("depth: %d", *good_depth(&good));
          return 0;
        }`;
        expect(printed(toolchain, `traps-${scheme}`, { bad, good }, main, scheme).split('\n')).toEqual([
          'unreachable in start, operator at 1',
          '200',
          'inner: divide by zero',
          '93',
          'divide by zero in divide, operator at 1',
          'divide by zero in divide, operator at 1',
          '200',
          'depth: 4',
        ]);
      },
    );

    it('a fault in C code is not taken for a trap', () => {
      const idle = '(module (func (export "nothing")))';
      const main = `
        #include <sys/wait.h>
        #include <unistd.h>
        static void fault(void *data) { *(volatile int *)data = 1; }
        int main(void) {
          fathom_thread thread = {0, NULL};
          int status = 0;
          if (fork() == 0) {
            fathom_posix_start();
            _exit(fathom_try(&thread, fault, NULL, NULL));
          }
          wait(&status);
          printf("%d", WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
          return 0;
        }`;
      expect(printed(toolchain, 'fault', { idle }, main)).toBe('1');
    });

    it('an object and another header are not taken for one another', () => {
      const small = '(module (func (export "f")))';
      const large = '(module (global (export "g") (mut i64) (i64.const 1)) (global (mut i64) (i64.const 1)))';
      const main = `
        int main(void) {
          static small_instance it;
          fathom_thread thread = {0, NULL};
          fathom_host host = fathom_posix_host(&thread);
          it.base.env = &it.env.head;
          printf("%d", fathom_instantiate(&it.base, &large_module, sizeof it.env, &host, NULL));
          small_instance_free(&it);
          return 0;
        }`;
      expect(printed(toolchain, 'mismatch', { small, large }, main)).toBe('-2');
    });

    it('names of all kinds become C names, each its own', () => {
      const odd = `(module (import "a.b" "c d" (func (param i32)))
        (import "a" "b.c d" (func (param i64)))
        (import "a" "b.c d" (func (param i64)))
        (global (export "free") (mut i64) (i64.const 5))
        (global (export "pi") f64 (f64.const 3.25))
        (func (export "instance") (result i32) (i32.const 1))
        (func (export "add") (result i32) (i32.const 2))
        (func (export "a-b") (result i32) (i32.const 3))
        (func (export "a_2db") (result i32) (i32.const 4))
        (func (export "*/ int x; /*") (result i32) (i32.const 5))
        (func (export "") (result i32 i32) (i32.const 6) (i32.const 7))
        (func (export "\\c3\\a9") (result i32) (call 0 (i32.const 8)) (call 1 (i64.const 9)) (call 2 (i64.const 9)) (i32.const 8)))`;
      const main = `
        void odd_import_a_2eb_c_20d(void *user, int32_t n) { (void)user; printf("%d ", n); }
        void odd_import_a_b_2ec_20d(void *user, int64_t n) { (void)user; printf("%d ", (int)n); }
        int main(void) {
          static odd_instance it;
          odd__result pair;
          fathom_thread thread = {0, NULL};
          fathom_host host = fathom_posix_host(&thread);
          if (odd_instantiate(&it, &host, NULL) != 0) return 1;
          *odd_free(&it) += 1;
          odd_(&it, &pair);
          printf("%d %d %d %d %d %d %d ", odd_instance_2(&it), odd_add(&it), odd_a_2db(&it), odd_a_2db_2(&it),
                 odd__2a_2f_20int_20x_3b_20_2f_2a(&it), pair.r0, pair.r1);
          printf("%d ", odd__c3_a9(&it));
          printf("%d %g", (int)*odd_free(&it), *odd_pi(&it));
          return 0;
        }`;
      expect(printed(toolchain, 'names', { odd }, main)).toBe('1 2 3 4 5 6 7 8 9 9 8 6 3.25');
    });
  });
});

describe('objects that cannot be', () => {
  it('says so of imported tables', () => {
    const wat = '(module (import "env" "t" (table 1 funcref)))';
    const image = compile(assemble(wat), { target: armv7, level: 1, scheme: 'atomic', order: 'relaxed' });
    expect(() => linkObject(image, armv7, cInterface, 'app')).toThrow(
      new CompileError('unsupported', 'imports table env.t, which an object cannot'),
    );
  });

  it('says so of scheme tail: nobody gives a C program its word', () => {
    const image = compile(assemble('(module)'), {
      target: armv7,
      level: 1,
      scheme: 'tail',
      order: 'relaxed',
    });
    expect(() => linkObject(image, armv7, cInterface, 'app')).toThrow(
      /^scheme tail does not go into an object/,
    );
  });
});
