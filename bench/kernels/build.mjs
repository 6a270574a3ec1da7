#!/usr/bin/env node
// Compiles the kernels of this folder to WebAssembly:
//   node bench/kernels/build.mjs [FOLDER-TO-WRITE-TO]
// Needs clang 19 and its linker (Debian: apt-get install clang-19 lld-19). The modules are committed, so that benchmarks need neither.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('.', import.meta.url));

/** The build line, but for the files. */
const flags = [
  '--target=wasm32',
  '-std=c11',
  ...['-Wall', '-Wextra', '-Werror', '-Wno-parentheses'],
  '-O2',
  '-mbulk-memory',
  '-ffreestanding',
  '-fno-math-errno',
  '-ffp-contract=off',
  '-nostdlib',
  '-Wl,--export=run',
];

// clang runs binaryen's wasm-opt where it finds it, as in this project's node_modules: not everywhere the same code.
const PATH = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.includes('node_modules'))
  .join(':');

/** Compiles all kernels into a folder, by default the one of the sources; returns their names. */
export function buildAll(folder = sources) {
  const names = readdirSync(sources)
    .filter((name) => name.endsWith('.c') && name !== 'driver.c')
    .map((name) => name.slice(0, -'.c'.length));
  for (const name of names) {
    const files = [join(sources, `${name}.c`), join(sources, 'driver.c')];
    // Run in the folder that is written to: the linker puts the output's name, as it is given, into the module.
    const { status, error, stderr } = spawnSync('clang-19', [...flags, '-o', `${name}.wasm`, ...files], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PATH },
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
  }
  return names;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildAll(process.argv[2]).join('\n'));
