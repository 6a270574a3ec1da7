import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadUnicorn } from '../emu/unicorn/library.ts';

/** What `npm pack` puts into the package, installed where nothing else of the project is. */
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-package-'));
const installed = join(folder, 'node_modules/fathom-wasm');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (command: string, args: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, FATHOM_LIBUNICORN: loadUnicorn().path, npm_config_loglevel: 'error' },
  });
  expect([stderr, status]).toEqual(['', 0]);
  return stdout;
};

beforeAll(() => {
  run('npm', ['pack', root, '--ignore-scripts', '--pack-destination', folder]);
  mkdirSync(installed, { recursive: true });
  const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  run('tar', ['-xzf', `fathom-wasm-${version}.tgz`, '-C', installed, '--strip-components=1']);
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
});

it.each([
  {
    what: 'the command compares, and writes its page',
    args: ['compare', 'workload:fib', '-o', 'out.html'],
    says: /^fib +x86_64/m,
  },
  {
    what: 'the command compiles executables',
    args: ['compile', 'jobs.wasm', '-o', 'jobs'],
    says: /^jobs: executable/,
  },
  {
    what: 'the command writes objects with their headers',
    args: ['compile', 'app.wat', '-o', 'app.o'],
    says: /^app\.o: object/,
  },
])('$what', ({ args, says }) => {
  for (const [name, from] of [
    ['jobs.wasm', 'hang'],
    ['app.wat', 'object'],
  ])
    if (args.includes(name)) symlinkSync(join(root, 'examples', from, name), join(folder, name));
  expect(run(process.execPath, [join(installed, 'cli/fathom.mjs'), ...args])).toMatch(says);
});

it('JavaScript imports it by its name', () => {
  const script = `
    import { readFileSync } from 'node:fs';
    import { createWebAssembly } from 'fathom-wasm';
    const { instantiate, measure } = createWebAssembly({ target: 'armv7' });
    const { instance } = await instantiate(readFileSync(${JSON.stringify(join(root, 'examples/vitest/modbus.wasm'))}));
    console.log((await measure(() => instance.exports.scale(3, 4))).value);`;
  expect(run(process.execPath, ['--input-type=module', '-e', script])).toBe('750\n');
});
