#!/usr/bin/env node
// Compiles the kernels of this folder to WebAssembly:
//   node bench/kernels/build.mjs [FOLDER-TO-WRITE-TO]
// Needs clang 19 and its linker (Debian: apt-get install clang-19 lld-19). The modules are committed, so that benchmarks need neither.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileC } from '../../scripts/clang.mjs';

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

/** Compiles all kernels into a folder, by default the one of the sources; returns their names. */
export function buildAll(folder = sources) {
  const names = readdirSync(sources)
    .filter((name) => name.endsWith('.c') && name !== 'driver.c')
    .map((name) => name.slice(0, -'.c'.length));
  for (const name of names) {
    const files = [join(sources, `${name}.c`), join(sources, 'driver.c')];
    compileC('clang-19', [...flags, '-o', `${name}.wasm`, ...files], folder);
  }
  return names;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildAll(process.argv[2]).join('\n'));
