import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout, type Fenced, fencedOf, install, masked, type Ran, runShell } from './support/readme.ts';
import { expectSameModule, sameClang } from './support/rebuilt.ts';

/** The examples, run by the commands of their pages. */
let folder: string;
beforeAll(() => {
  folder = checkout();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const page = (name: string): Fenced[] => fencedOf(`examples/${name}/README.md`);
const commands = (name: string): string[] =>
  page(name).flatMap(({ language, text }) => (language === 'sh' ? [text] : []));
const outputs = (name: string): string[] =>
  page(name).flatMap(({ language, text }) => (language === '' ? [text] : []));
const passed = ({ status, stdout, stderr }: Ran): string => {
  expect([stderr, status]).toEqual(['', 0]);
  return stdout;
};

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const native = process.platform === 'linux' && process.arch === 'x64';

it('are all in the list', () => {
  const listed = [
    ...readFileSync(join(folder, 'examples/README.md'), 'utf8').matchAll(/^\| `([\w-]+)` +\|/gm),
  ].map(([, name]) => name);
  const folders = readdirSync(join(folder, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(listed.sort()).toEqual(folders.sort());
});

it.skipIf(!sameClang).each(['vitest/modbus', 'hang/jobs'])(
  '%s.wasm is what its source compiles to (skipped without clang 19.1.7)',
  (name) => expectSameModule(join(folder, `examples/${name}.c`)),
);

describe('examples/vitest', () => {
  const project = (): string => join(folder, 'examples/vitest');

  it('tests its module on a Cortex-A9, and its types are right', () => {
    install(project(), ['vitest', 'typescript', '@types']);
    const [script] = commands('vitest');
    expect(script).toContain('\nnpm install\n');
    expect(passed(runShell(script.replace('npm install\n', ''), folder))).toMatch(/Tests +2 passed/);
  });

  it('has on its page what is in its test', () => {
    const [shown] = page('vitest').filter(({ language }) => language === 'ts');
    expect(readFileSync(join(project(), 'modbus.spec.ts'), 'utf8')).toContain(shown.text);
  });

  it.each([
    { what: 'does something else', change: 's/0x4b37/0x4b38/', message: 'expected 19255 to be 19256' },
    {
      what: 'costs more than it may',
      change: 's/instructions).toBeLessThan(800)/instructions).toBeLessThan(100)/',
      message: /expected \d{3} to be less than 100/,
    },
    { what: 'does not trap', change: 's/scale(3, 0)/scale(3, 1)/', message: 'to throw an error' },
  ])('fails where the module $what', ({ change, message }) => {
    const script = `cd examples/vitest && sed '${change}' modbus.spec.ts > wrong.spec.ts && npx vitest run wrong`;
    const { status, stdout, stderr } = runShell(script, folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(stdout).toMatch(/Tests +1 failed \| 1 passed/);
  });
});

describe('examples/size-gate', () => {
  it('passes where nothing changed', () => {
    const stdout = passed(runShell(commands('size-gate')[0], folder));
    expect(stdout).toMatch(/armv7 \w+ relaxed -O\d: instructions executed: [\d,]+, unchanged/);
  });

  it('fails where a function got slower, and names it, as the page shows', () => {
    const { status, stdout, stderr } = runShell(commands('size-gate')[1], folder);
    expect([stderr, status]).toEqual(['', 1]);
    for (const target of ['x86_64', 'armv7'])
      expect(stdout).toMatch(
        // Who is inlined is counted where it is.
        new RegExp(`FAILED ${target} \\w+ relaxed -O\\d: instructions executed: .*\\n  (sum|square) grew: `),
      );
    expect(stdout).not.toMatch(/(adapter|init).* grew/);
    expect(masked(stdout)).toContain(masked(outputs('size-gate')[0]));
  });
});

const arm = ['arm-linux-gnueabihf-gcc', 'qemu-arm'];

describe.skipIf(!native)('examples/hang (skipped but on x86-64 Linux)', () => {
  /** The first two frames are what the page is about. */
  const expectFound = (at: number): void => {
    const stdout = passed(runShell(commands('hang')[at], folder));
    expect(masked(stdout)).toBe(masked(outputs('hang')[at]));
    expect(stdout).toMatch(/^#0 find \(app\+0x[\da-f]+\)\n#1 cancel /m);
  };

  it('says where the program is, lets it go on, and says so again', () => expectFound(0));
  it.skipIf(!has('qemu-arm'))('says so of an ARM program, too (skipped without qemu-arm)', () =>
    expectFound(1),
  );
});

describe.skipIf(!native)('examples/object (skipped but on x86-64 Linux)', () => {
  const expectPrinted = (at: number): void => {
    const stdout = passed(runShell(commands('object')[at], folder));
    expect(stdout).toContain(readFileSync(join(folder, 'examples/object/expected.txt'), 'utf8'));
  };

  it.skipIf(!has('gcc'))('prints what it should (skipped without gcc)', () => expectPrinted(0));
  it.skipIf(!arm.every(has))(`prints the same on ARM (skipped without ${arm.join(' and ')})`, () =>
    expectPrinted(1),
  );
});
