#!/usr/bin/env node
// Compiles the C programs of this folder to WebAssembly by the line that stands at the top of each:
//   node test/programs/wasi/build.mjs [FOLDER-TO-WRITE-TO]
// Needs clang 19 and wasi-libc (Debian: apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32).
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('.', import.meta.url));

// clang runs binaryen's wasm-opt where it finds it, as in this project's node_modules: not everywhere the same code.
const PATH = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.includes('node_modules'))
  .join(':');

/** Compiles all programs into a folder, by default the one of the sources; returns their names. */
export function buildAll(folder = sources) {
  const names = readdirSync(sources)
    .filter((name) => name.endsWith('.c'))
    .map((name) => name.slice(0, -'.c'.length));
  for (const name of names) {
    const [, line] = /^\/\/ build: (.+)$/m.exec(readFileSync(join(sources, `${name}.c`), 'utf8')) ?? [];
    if (line === undefined) throw new Error(`${name}.c has no build line`);
    // Run in the folder that is written to: the linker puts the output's name, as it is given, into the module.
    const [command, ...args] = line
      .split(' ')
      .map((word) => (word === `${name}.c` ? join(sources, word) : word));
    const { status, error, stderr } = spawnSync(command, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PATH },
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`${line}\n${stderr}`);
  }
  return names;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildAll(process.argv[2]).join('\n'));
