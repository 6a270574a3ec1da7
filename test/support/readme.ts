import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The commands of a page, run as they stand. */

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a page: what the fence says it is in, and its text. */
export interface Fenced {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page of the project, in order. */
export const fencedOf = (path: string): Fenced[] =>
  [...readFileSync(join(root, path), 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(
    ([, language, text]) => ({ language, text }),
  );

/** What differs from run to run, and from one revision of the compiler to the next: all numbers. */
export const masked = (text: string): string => text.replaceAll(/[+-]?(0x[\da-f]+|\d[\d,.]*)/g, 'N').trim();

/** The project as a user has it, in a new folder: the examples are a copy, the rest is links. */
export function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-checkout-'));
  for (const name of readdirSync(root))
    if (name === 'examples')
      cpSync(join(root, name), join(folder, name), {
        recursive: true,
        filter: (path) => !path.includes('node_modules'),
      });
    else symlinkSync(join(root, name), join(folder, name));
  return folder;
}

/** What `npm install` does in a project in a checkout that takes the checkout for `fathom-wasm`, without the registry. */
export function install(project: string, packages: readonly string[]): void {
  mkdirSync(join(project, 'node_modules'));
  for (const name of ['.bin', ...packages])
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  symlinkSync(join(project, '../..'), join(project, 'node_modules/fathom-wasm'));
}

/** What a shell gave. */
export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs lines of shell in a folder; the first that fails ends them. What it leaves running ends with it. */
export function runShell(script: string, folder: string): Ran {
  const { status, stdout, stderr } = spawnSync('bash', ['-e'], {
    cwd: folder,
    input: `trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${script}`,
    encoding: 'utf8',
    timeout: 100_000,
    // Output is for a test, not for a terminal; and npm says nothing about itself.
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', npm_config_loglevel: 'error' },
  });
  return { status, stdout, stderr };
}
