import { readFileSync } from 'node:fs';
import wabt from 'wabt';
import type { Image } from '../../compiler/image/image.ts';
import { compile } from '../../compiler/index.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';

const toolkit = await wabt();
const targets = { x86_64, armv7 } as const;

/** A program of `test/programs`, in the text format, as a module with names. */
export function assembleProgram(name: string): Uint8Array {
  const path = new URL(`../programs/${name}.wat`, import.meta.url);
  return toolkit.parseWat(name, readFileSync(path, 'utf8')).toBinary({ write_debug_names: true }).buffer;
}

/** SQLite as sql.js ships it: 1,500 functions of all sizes. */
export const readSqlite = (): Uint8Array =>
  new Uint8Array(readFileSync(new URL('../../node_modules/sql.js/dist/sql-wasm.wasm', import.meta.url)));

/** Compiles as users do, with publication. */
export const compileFor = (bytes: Uint8Array, target: keyof typeof targets, publishLeaves = false): Image =>
  compile(bytes, { target: targets[target], level: 1, scheme: 'atomic', order: 'relaxed', publishLeaves });
