import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasmOpt } from './wasm-opt.ts';

/** Seeded pseudo-random numbers (mulberry32): unsigned 32-bit integers. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** What Fathom compiles, in wasm-opt's words. `--denan` because NaN bits are the one thing that engines may choose. */
const features = [
  '--mvp-features',
  '--enable-sign-ext',
  '--enable-nontrapping-float-to-int',
  '--enable-bulk-memory',
  '--enable-bulk-memory-opt',
  '--enable-multivalue',
  '--enable-reference-types',
  '--enable-mutable-globals',
  '--enable-extended-const',
  '--denan',
];

/** Seeds of this parity get wasm-opt's own optimiser behind the generator, for the shapes that compilers emit. */
const optimised = (seed: number): boolean => seed % 3 === 0;

/** The generator lets slip instructions of features that are off; hardly ever twice in a row. */
const maxAttempts = 20;

/**
 * A random valid module (`wasm-opt -ttf` of binaryen) of seed `seed`, always the same one.
 * @throws Error if wasm-opt fails
 */
export async function generateModule(seed: number): Promise<Uint8Array> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const bytes = await generate(seed, random(seed + attempt * 0x1000_0000));
    // V8 must take it, being the judge; Node 20's has the same features as the list above.
    if (WebAssembly.validate(bytes)) return bytes;
  }
  throw new Error(`wasm-opt makes no module of seed ${seed} that V8 takes`);
}

async function generate(seed: number, next: () => number): Promise<Uint8Array> {
  const input = Uint8Array.from({ length: 500 + (next() % 6000) }, () => next() & 0xff);
  const folder = mkdtempSync(join(tmpdir(), 'fathom-fuzz-'));
  try {
    writeFileSync(join(folder, 'in'), input);
    const passes = optimised(seed) ? ['-O2'] : [];
    await wasmOpt([join(folder, 'in'), '-ttf', ...features, ...passes, '-o', join(folder, 'out.wasm')]);
    return readFileSync(join(folder, 'out.wasm'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
