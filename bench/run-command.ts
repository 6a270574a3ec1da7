import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** How a command ended. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** From start to end. */
  readonly seconds: number;
  /** The most memory that it held, in bytes; undefined where GNU time is missing, or was not asked for. */
  readonly peakBytes?: number;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Ends it after so many seconds; 600 where not given. */
  readonly limit?: number;
  /** Has GNU time measure its memory. */
  readonly memory?: boolean;
}

/** A command that could not be started, failed, or took too long. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

const gnuTime = '/usr/bin/time';
const marker = 'peak-kilobytes';

/** Most characters of an error's text that are passed on. */
const mostText = 500;

/**
 * Runs a command to its end.
 * @throws CommandError with the end of what it said, unless it exits with 0
 */
export function runCommand(
  program: string,
  args: readonly string[],
  { cwd, limit = 600, memory = false }: CommandOptions = {},
): Promise<Ended> {
  const timed = memory && existsSync(gnuTime);
  const [file, ...rest] = timed ? [gnuTime, '-f', `${marker} %M`, program, ...args] : [program, ...args];
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(file, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: limit * 1000 });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (bytes) => out.push(bytes));
    child.stderr.on('data', (bytes) => err.push(bytes));
    child.on('error', (error) => reject(new CommandError(`${program}: ${error.message}`)));
    child.on('close', (code, signal) => {
      const seconds = (performance.now() - started) / 1000;
      const all = Buffer.concat(err).toString();
      const peak = new RegExp(`^${marker} (\\d+)\\n?`, 'm').exec(timed ? all : '');
      const stderr = peak === null ? all : all.replace(peak[0], '');
      if (code === 0) {
        const stdout = Buffer.concat(out).toString();
        resolve({ stdout, stderr, seconds, ...(peak && { peakBytes: Number(peak[1]) * 1024 }) });
        return;
      }
      const how = signal === null ? `exit code ${code}` : `${signal} after ${seconds.toFixed(1)} s`;
      reject(new CommandError(`${program}: ${how}: ${stderr.trim().slice(-mostText)}`));
    });
  });
}
