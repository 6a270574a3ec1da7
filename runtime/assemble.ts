import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const runtimeFolder = dirname(fileURLToPath(import.meta.url));

/** Pages of 64 KiB of each part's linear memory, of fixed size. */
const memoryPages = { wasi: 4, handler: 8 } as const;

/** Options of `asc`: no collector, no assertions, nothing imported but the intrinsics; function names stay for dumps. */
const options = ['-O3', '--runtime', 'stub', '--noAssert', '--use', 'abort=', '--debug'];

/**
 * Compiles a part of the runtime from AssemblyScript to wasm.
 * @throws Error with the compiler's report
 */
export function assembleRuntime(part: 'wasi' | 'handler'): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-runtime-'));
  try {
    const output = join(folder, 'out.wasm');
    const asc = join(dirname(runtimeFolder), 'node_modules', 'assemblyscript', 'bin', 'asc.js');
    const pages = String(memoryPages[part]);
    const { status, stderr } = spawnSync(
      process.execPath,
      [asc, `${part}.ts`, '--baseDir', join(runtimeFolder, 'assembly'), ...options].concat(
        '--initialMemory',
        pages,
        '--maximumMemory',
        pages,
        '-o',
        output,
      ),
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`asc ${part}.ts:\n${stderr}`);
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
