import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { TargetName } from '../unicorn/constants.ts';
import { runExecutable } from './index.ts';
import { removeFolders, temporaryFolder } from './test-bed.ts';

afterAll(removeFolders);

const source = fileURLToPath(new URL('fixtures/frame.c', import.meta.url));
const common = ['-O1', '-nostdlib', '-static', '-no-pie', '-fno-stack-protector', '-fomit-frame-pointer'];

/** Compilers, and what runs their output. */
const TOOLS: Readonly<Record<TargetName, { compiler: string; flags: string[]; run: string[] }>> = {
  x86_64: { compiler: 'gcc', flags: ['-fcf-protection=none'], run: [] },
  armv7: {
    compiler: 'arm-linux-gnueabihf-gcc',
    flags: ['-marm', '-march=armv7-a', '-mfpu=neon'],
    run: ['qemu-arm'],
  },
};

function isThere(command: string): boolean {
  return spawnSync(command, ['--version']).status === 0;
}

/** Why a comparison cannot be made here; empty where it can. */
function missing(target: TargetName): string {
  const { compiler, run } = TOOLS[target];
  const absent = [compiler, ...run].filter((command) => !isThere(command));
  return absent.length > 0 ? ` (skipped: needs ${absent.join(' and ')})` : '';
}

describe.each(['x86_64', 'armv7'] as const)('signal frame of %s', (target) => {
  const reason = missing(target);

  it.skipIf(reason !== '')(`shows a C program what the real one shows${reason}`, () => {
    const { compiler, flags, run } = TOOLS[target];
    const program = join(temporaryFolder(), 'frame');
    execFileSync(compiler, [...common, ...flags, source, '-o', program]);
    const [command, ...rest] = [...run, program];
    const real = spawnSync(command, rest, { encoding: 'latin1' });
    expect(real.status).toBe(7);
    const output: string[] = [];
    const { exitCode } = runExecutable(readFileSync(program), {
      argv: ['frame'],
      stdout: (bytes) => void output.push(Buffer.from(bytes).toString('latin1')),
    });
    expect(exitCode).toBe(7);
    expect(output.join('').split('\n')).toEqual(real.stdout.split('\n'));
    expect(real.stdout).toContain('handled 0000000000000002\n');
    expect(real.stdout).toContain('vector behind 0000000000000077\n');
  });
});
