import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Argv } from 'yargs';
import { readFathomNote } from '../compiler/elf/reader.ts';
import { ExitCode, UsageError } from './common.ts';

interface Flags {
  pid: string;
  timeout: number;
  json: boolean;
}

/** One line of a dump (docs/executables.md, "What a dump looks like"). */
export interface DumpFrame {
  readonly index: number;
  readonly name: string;
  readonly image: string;
  /** Byte offset of the operator in the wasm module; -1 in code that belongs to none. */
  readonly wasmOffset: number;
}

export interface Dump {
  readonly pid: number;
  /** How many frames the stack has, those that were left out among them. */
  readonly count: number;
  readonly leftOut: number;
  readonly frames: readonly DumpFrame[];
  /** `complete`, or why the reading ended. */
  readonly end: string;
}

/** `fathom dump`: where a live program is. */
export function dumpCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'dump <pid>',
    'Show the wasm stack of a running executable that Fathom made',
    (y) =>
      y
        .positional('pid', { describe: 'process id', type: 'string', demandOption: true })
        .option('timeout', {
          describe: 'milliseconds to wait for the answer',
          type: 'number',
          default: 2000,
          requiresArg: true,
        })
        .option('json', { describe: 'print the frames as JSON', type: 'boolean', default: false })
        .example('$0 dump 4711', 'what process 4711 does right now; it goes on as if nothing had happened')
        .example('$0 dump 4711 --json', 'the same for programs'),
    async (flags) => done(await dump(flags as unknown as Flags)),
  ) as Argv;
}

async function dump(flags: Flags): Promise<number> {
  if (!/^[1-9]\d{0,9}$/.test(flags.pid)) throw new UsageError(`${flags.pid}: is no process id`);
  if (!(flags.timeout > 0)) throw new UsageError(`--timeout takes milliseconds, not ${flags.timeout}`);
  const pid = Number(flags.pid);
  const signal = dumpSignalOf(pid);
  const text = await ask(pid, signal, flags.timeout);
  const parsed = parseDump(text);
  if (flags.json) console.log(JSON.stringify(parsed));
  else process.stdout.write(text);
  return parsed.end === 'complete' ? ExitCode.done : ExitCode.failed;
}

/** The state letter of /proc/PID/stat (proc(5)), or undefined for no such process. */
function stateOf(pid: number): string | undefined {
  try {
    // The command's name before it may hold anything, closing parentheses as well.
    return /^.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/**
 * The signal that a process takes as the wish for a dump, by the note in the executable that it runs, itself or under qemu.
 * @throws UsageError if there is no such process, or it is none of Fathom's, or may not be looked at
 */
function dumpSignalOf(pid: number): number {
  const state = stateOf(pid);
  if (state === undefined) throw new UsageError(`${pid}: no such process`);
  if (state === 'Z') throw new UsageError(`${pid}: has ended`);
  const folder = `/proc/${pid}`;
  // A program answers to its own user alone.
  if (statSync(folder).uid !== process.geteuid?.()) throw new UsageError(otherUser(pid));
  let executable: string;
  try {
    executable = readlinkSync(`${folder}/exe`);
  } catch {
    throw new UsageError(`${pid}: may not be looked at, or runs no executable`);
  }
  // Through the link, not the name: the file may have been replaced or removed since.
  const candidates = [`${folder}/exe`];
  if (basename(executable).startsWith('qemu-'))
    for (const word of readFileSync(`${folder}/cmdline`, 'utf8').split('\0').slice(1, 20))
      if (word !== '') candidates.push(resolve(readlinkSync(`${folder}/cwd`), word));
  for (const candidate of candidates) {
    const note = noteOf(candidate);
    if (note === undefined) continue;
    if (note.dumpSignal === 0)
      throw new UsageError(
        `${pid}: ${candidates.length > 1 ? candidate : executable}: was compiled without dumps`,
      );
    return note.dumpSignal;
  }
  throw new UsageError(`${pid}: ${executable}: is no executable that Fathom made`);
}

function noteOf(path: string): { readonly dumpSignal: number } | undefined {
  try {
    // Any argument of qemu's may be meant: one that is a pipe must not be waited for.
    return statSync(path).isFile() ? readFathomNote(readFileSync(path)) : undefined;
  } catch {
    // No file, none that can be read, or no ELF file: it is not what was looked for.
    return undefined;
  }
}

const otherUser = (pid: number): string => `${pid}: belongs to another user; ask as that user`;

/**
 * Sends the signal with the number of a descriptor of ours, which the program appends its answer to.
 * @throws UsageError if the signal may not be sent; Error if it is not handled, or no answer comes in time
 */
async function ask(pid: number, signal: number, timeout: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-dump-'));
  const path = join(folder, 'dump');
  const fd = openSync(path, 'a+', 0o600);
  try {
    const end = performance.now() + timeout;
    while (!handles(pid, signal)) {
      if (performance.now() > end)
        throw new Error(
          `${pid}: does not handle signal ${signal}, which would end it; is it starting still?`,
        );
      await sleep(5);
    }
    await sendSignal(pid, signal, fd);
    for (;;) {
      if (fstatSync(fd).size > 0) {
        const answer = wholeAnswer(readFileSync(path, 'utf8'));
        if (answer !== undefined) return answer;
      }
      if (performance.now() > end) throw new Error(silence(pid, timeout));
      await sleep(5);
    }
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * True for a process that has a handler for a signal (proc(5), status), which would end it otherwise.
 * @throws UsageError if it has ended
 */
function handles(pid: number, signal: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    throw new UsageError(`${pid}: no such process`);
  }
  const [, mask = ''] = /^SigCgt:\s+([\da-f]{16})$/m.exec(status) ?? [];
  return ((BigInt(`0x${mask}0`) >> BigInt(signal)) & 1n) === 1n;
}

/** What to do about a program that does not answer. */
function silence(pid: number, timeout: number): string {
  const state = stateOf(pid);
  if (state === undefined || state === 'Z') return `${pid}: ended before it answered`;
  if (state === 'T' || state === 't')
    return `${pid}: is stopped and cannot answer; kill -CONT ${pid} lets it go on`;
  if (state === 'D') return `${pid}: waits for a device in the kernel and cannot answer; try again later`;
  return `${pid}: no answer within ${timeout} ms; give it more by --timeout, or look at its standard error`;
}

/** `sigqueue(3)`, which Node does not offer: unlike `kill` it carries a value. */
async function sendSignal(pid: number, signal: number, value: number): Promise<void> {
  const { default: koffi } = await import('koffi');
  // The C library that Node itself runs on. `union sigval` is passed as a word.
  const sigqueue = koffi.load(null).func('int sigqueue(int pid, int signal, uintptr_t value)');
  if (sigqueue(pid, signal, value) === 0) return;
  const { EPERM, ESRCH } = koffi.os.errno;
  const error = koffi.errno();
  if (error === ESRCH) throw new UsageError(`${pid}: no such process`);
  if (error === EPERM) throw new UsageError(`${pid}: belongs to another user; ask as that user, or as root`);
  throw new Error(`${pid}: sigqueue fails with errno ${error}`);
}

/** What has been answered up to the line that ends a dump, or undefined while that has not come. What a program adds is not shown. */
export function wholeAnswer(text: string): string | undefined {
  const end = /^=== \d+ frames, .+\n/m.exec(text);
  return end === null ? undefined : text.slice(0, end.index + end[0].length);
}

/**
 * A dump's text as data. It comes from a program that may be hostile: nothing of it commands a terminal.
 * @throws Error naming the line that does not belong into a dump
 */
export function parseDump(text: string): Dump {
  let pid = 0;
  let leftOut = 0;
  const frames: DumpFrame[] = [];
  for (const line of text.split('\n')) {
    const head = /^=== fathom stack dump: pid (\d+), signal \d+$/.exec(line);
    const frame = /^#(\d+) (\P{Cc}*) \((\w+)(?:\+0x([\da-f]+))?\)$/u.exec(line);
    const gap = /^\.\.\. (\d+) frames left out \.\.\.$/.exec(line);
    const end = /^=== (\d+) frames, ([a-z-]+)$/.exec(line);
    if (head) pid = Number(head[1]);
    else if (frame)
      frames.push({
        index: Number(frame[1]),
        name: frame[2],
        image: frame[3],
        wasmOffset: frame[4] === undefined ? -1 : Number.parseInt(frame[4], 16),
      });
    else if (gap) leftOut = Number(gap[1]);
    else if (end) return { pid, count: Number(end[1]), leftOut, frames, end: end[2] };
    else throw new Error(`the answer holds what belongs into no dump: ${JSON.stringify(line)}`);
  }
  throw new Error('the answer has no end');
}
