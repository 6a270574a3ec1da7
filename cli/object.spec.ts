import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** `fathom compile --emit obj` as users start it. */
const command = fileURLToPath(new URL('./fathom.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-object-cli-'));
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  writeFileSync(at('my-lib.wat'), '(module (func (export "one") (result i32) (i32.const 1)))');
  writeFileSync(at('table.wat'), '(module (import "m" "t" (table 1 funcref)))');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fathom(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, 'compile', ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}

describe('fathom compile --emit obj', () => {
  it('writes object, header, and what the header includes', () => {
    const { code, stdout } = fathom('my-lib.wat', '--emit', 'obj');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^my-lib\.x86_64\.o: object for x86_64, 1 functions, /);
    expect(readdirSync(folder).sort()).toEqual([
      ...['fathom-posix.h', 'fathom.h', 'my-lib.wat', 'my-lib.x86_64.h', 'my-lib.x86_64.o', 'table.wat'],
    ]);
    expect(readFileSync(at('my-lib.x86_64.h'), 'utf8')).toContain(
      'int32_t my_lib_one(my_lib_instance *instance);',
    );
    // ELF64, little-endian, relocatable, x86-64.
    const head = [...readFileSync(at('my-lib.x86_64.o')).subarray(0, 20)];
    expect(head.slice(0, 7)).toEqual([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    expect(head.slice(16)).toEqual([1, 0, 62, 0]);
  });

  it('takes another prefix and another place of the header; -o says that an object is meant', () => {
    const { code } = fathom(
      'my-lib.wat',
      '--target',
      'armv7',
      '-o',
      'a.o',
      '--prefix',
      'lib',
      '--header',
      'b.h',
    );
    expect(code).toBe(0);
    expect(readFileSync(at('b.h'), 'utf8')).toContain('int32_t lib_one(lib_instance *instance);');
    // ELF32, relocatable, ARM.
    const head = [...readFileSync(at('a.o')).subarray(0, 20)];
    expect([head[4], ...head.slice(16)]).toEqual([1, 1, 0, 40, 0]);
  });

  it('writes the same bytes again', () => {
    fathom('my-lib.wat', '-o', 'c.o');
    const first = readFileSync(at('c.o'));
    fathom('my-lib.wat', '-o', 'c.o');
    expect(readFileSync(at('c.o')).equals(first)).toBe(true);
  });

  it.each([
    [
      ['my-lib.wat', '-o', 'x.o', '--prefix', '3d'],
      "--prefix takes letters, digits and _, a letter first; not '3d'",
    ],
    [['my-lib.wat', '--emit', 'image', '--prefix', 'x'], '--prefix goes with objects; this writes image'],
    [
      ['my-lib.wat', '--emit', 'obj', '-o', '-'],
      'an object has a header beside it and cannot go to standard output',
    ],
    [
      ['my-lib.wat', '-o', 'fathom.o'],
      'fathom.h: is the name of a header that goes beside it; name another by --header',
    ],
    [['my-lib.wat', '-o', 'x.o', '--dir', '.'], '--dir goes with executables; this writes obj'],
    [['table.wat', '-o', 'x.o'], 'table.wat: imports table m.t, which an object cannot'],
  ])('refuses %j', (args, message) => {
    expect(fathom(...args)).toEqual({ code: 2, stdout: '', stderr: `fathom: ${message}\n` });
    expect(readdirSync(folder)).not.toContain('x.o');
  });
});
