/**
 * Makes the checkout ready to run: npm packages, the build, libunicorn. Plain JavaScript, because it runs before any
 * package is there. Does nothing, quickly, when nothing is left to do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureLibunicorn } from './libunicorn.mjs';

/** The project's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folders whose sources the build reads. */
const sources = ['compiler', 'targets', 'emu', 'cli', 'bench', 'runtime', 'test/fuzz'];

function run(command, args, what) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) {
    console.error(`fathom: ${what} failed: ${command} ${args.join(' ')}`);
    process.exit(1);
  }
}

/** Stamps a finished step with a hash of its inputs, so that the next run knows that nothing is left to do. */
function step(name, inputs, done, work) {
  const stamp = join(root, '.cache', `${name}.stamp`);
  const hash = createHash('sha256');
  for (const input of inputs()) hash.update(input).update('\0');
  const value = hash.digest('hex');
  if (done() && existsSync(stamp) && readFileSync(stamp, 'utf8') === value) return;
  console.error(`fathom: ${name} …`);
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, value);
}

function* sourceFiles(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

/** Installs, builds, and finds or fetches libunicorn. Exits with a message where a step that is needed fails. */
export async function setup() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`fathom: needs Node 20.19 or newer; this is ${process.versions.node}`);
    process.exit(1);
  }
  step(
    'npm packages',
    () => [readFileSync(join(root, 'package-lock.json'))],
    () => existsSync(join(root, 'node_modules', '.package-lock.json')),
    () => {
      // npm would empty the folder that the link leads to.
      if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
        console.error(
          'fathom: node_modules is a symbolic link, and its packages are not those of package-lock.json',
        );
        process.exit(1);
      }
      run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'installing the npm packages');
    },
  );
  step(
    'build',
    function* () {
      for (const config of ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'])
        yield readFileSync(join(root, config));
      for (const folder of sources) {
        for (const file of sourceFiles(join(root, folder))) {
          const { mtimeMs, size } = statSync(file);
          yield `${file} ${mtimeMs} ${size}`;
        }
      }
    },
    () => existsSync(join(root, 'dist', 'cli', 'main.js')),
    () =>
      run(
        process.execPath,
        [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
        'the build',
      ),
  );
  const unicorn = await ensureLibunicorn({ quiet: false });
  if (!unicorn.path) console.error(`fathom: ${unicorn.message}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup();
