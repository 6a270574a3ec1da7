// Runs a WASI command by Node's own WASI on V8, the oracle of programs.spec.ts: node node-wasi.mjs FILE OPTIONS ARGS…, where
// OPTIONS is JSON: { preopens: { guest: host }, env: { NAME: value } }.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [file, options, ...args] = process.argv.slice(2);
const { preopens, env } = JSON.parse(options);
const wasi = new WASI({ version: 'preview1', args: ['program', ...args], env, preopens, returnOnExit: true });
const { instance } = await WebAssembly.instantiate(readFileSync(file), {
  wasi_snapshot_preview1: wasi.wasiImport,
});
try {
  process.exitCode = wasi.start(instance);
} catch (error) {
  if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 134;
}
