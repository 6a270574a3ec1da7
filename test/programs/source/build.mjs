#!/usr/bin/env node
// Compiles the C programs of this folder to WebAssembly by the lines that stand at the top of each:
//   node test/programs/source/build.mjs [FOLDER-TO-WRITE-TO]
// Needs clang 19 and its linker (Debian: apt-get install clang-19 lld-19).
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('.', import.meta.url));

// clang runs binaryen's wasm-opt where it finds it, as in this project's node_modules: not everywhere the same code.
const PATH = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.includes('node_modules'))
  .join(':');

/** Compiles all programs into a folder, by default the one of the sources. */
export function buildAll(folder = sources) {
  for (const name of readdirSync(sources).filter((each) => /\.[ch]$/.test(each))) {
    // Names in the line tables are as the compiler was given them: so it runs beside the sources.
    if (resolve(folder) !== resolve(sources)) copyFileSync(join(sources, name), join(folder, name));
    for (const [, line] of readFileSync(join(sources, name), 'utf8').matchAll(/^\/\/ build: (.+)$/gm)) {
      const [command, ...args] = line.split(' ');
      const { status, error, stderr } = spawnSync(command, args, {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, PATH },
      });
      if (error) throw error;
      if (status !== 0) throw new Error(`${line}\n${stderr}`);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildAll(process.argv[2]);
