import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

// clang runs binaryen's wasm-opt where it finds it, as in this project's node_modules: not everywhere the same code.
const PATH = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.includes('node_modules'))
  .join(':');

/**
 * Runs a compiler of C programs that are committed with their modules. It runs in the folder that it writes to: the linker puts the output's
 * name, as it is given, into the module.
 * @throws Error with the line and what it said, where it fails
 */
export function compileC(command, args, folder) {
  const { status, error, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')}\n${stderr}`);
}

/**
 * Compiles a C program by the line `// build: COMMAND ARGS` at its top, which names it and its module as seen from its folder.
 * @throws Error where it has none, or fails
 */
export function compileByLine(path, folder) {
  const name = basename(path);
  const [, line] = /^\/\/ build: (.+)$/m.exec(readFileSync(path, 'utf8')) ?? [];
  if (line === undefined) throw new Error(`${name} has no build line`);
  const [command, ...args] = line.split(' ').map((word) => (word === name ? path : word));
  compileC(command, args, folder);
}
