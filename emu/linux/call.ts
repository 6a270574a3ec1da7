/**
 * How system calls get their arguments: by a string of parameter kinds, from the registers of either target.
 */
import type { Core } from '../core.ts';
import type { TargetName } from '../unicorn/constants.ts';
import type { LinuxProcess } from './process.ts';

/**
 * A system call's work. Arguments are numbers, exact up to 2^53.
 *
 * @returns the result, -errno, or one of `RESTART`
 * @throws {SystemCallError} for an error from within
 */
export type SystemCall = (
  process: LinuxProcess,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
) => number;

/** A system call: its number on each target, none where the target has not got it, and its parameters. */
export interface SystemCallInfo {
  readonly x86_64?: number;
  readonly armv7?: number;
  /**
   * A letter for each parameter: `i` int, `u` unsigned int, `w` unsigned long or pointer, `o` 64-bit offset (on ARM two
   * registers, of which the first is even), `h` 64-bit offset as two longs of which x86-64 ignores the second.
   */
  readonly parameters: string;
  readonly call: SystemCall;
}

/** Registers of number, arguments and result; bytes of the instruction that calls. */
const CONVENTIONS = {
  x86_64: {
    number: 'rax',
    parameters: ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'],
    result: 'rax',
    instruction: 2,
  },
  armv7: { number: 'r7', parameters: ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'], result: 'r0', instruction: 4 },
} as const;

/** A parameter as words of the core's register file: low word, and high word or -1. */
interface Source {
  readonly kind: string;
  readonly low: number;
  readonly high: number;
}

interface Prepared {
  readonly name: string;
  readonly sources: readonly Source[];
  readonly call: SystemCall;
}

/** The system calls of one target, ready to be called with a core's registers. */
export class SystemCallTable {
  readonly #core: Core;
  readonly #prepared: Prepared[] = [];
  readonly #values = [0, 0, 0, 0, 0, 0];
  readonly #number: number;
  readonly #result: number;
  /** Bytes of the instruction that calls: what to go back to call again. */
  readonly instruction: number;

  constructor(core: Core, calls: Readonly<Record<string, SystemCallInfo>>) {
    this.#core = core;
    const { target } = core;
    const convention = CONVENTIONS[target];
    const names: readonly string[] = core.registerNames;
    const word = (name: string) => 2 * names.indexOf(name);
    this.#number = word(convention.number);
    this.#result = word(convention.result);
    this.instruction = convention.instruction;
    const registers = convention.parameters.map(word);
    for (const [name, info] of Object.entries(calls)) {
      const number = info[target];
      if (number === undefined) continue;
      this.#prepared[number] = {
        name,
        sources: sourcesOf(target, info.parameters, registers),
        call: info.call,
      };
    }
  }

  /** The number of the call that the core asks for. */
  get number(): number {
    return this.#core.words[this.#number];
  }

  /** The name of a call, for messages; undefined when there is none of this number. */
  name(number: number): string | undefined {
    return this.#prepared[number]?.name;
  }

  /** Does the work. Undefined when there is no such call. */
  call(number: number, process: LinuxProcess): number | undefined {
    const prepared = this.#prepared[number];
    if (!prepared) return undefined;
    const { words } = this.#core;
    const values = this.#values;
    for (let index = 0; index < prepared.sources.length; index++) {
      values[index] = argumentOf(prepared.sources[index], words);
    }
    const [a, b, c, d, e, f] = values;
    return prepared.call(process, a, b, c, d, e, f);
  }

  /** Writes the register of results. */
  setResult(value: number): void {
    this.#core.words[this.#result] = value;
    this.#core.words[this.#result + 1] = this.#core.target === 'x86_64' ? Math.floor(value / 2 ** 32) : 0;
  }
}

function argumentOf({ kind, low, high }: Source, words: Uint32Array): number {
  switch (kind) {
    case 'i':
      return words[low] | 0;
    case 'u':
      return words[low];
    case 'w':
      return high < 0 ? words[low] : words[low] + words[high] * 2 ** 32;
    default:
      return words[low] + (words[high] | 0) * 2 ** 32;
  }
}

function sourcesOf(target: TargetName, parameters: string, registers: readonly number[]): Source[] {
  let next = 0;
  return Array.from(parameters, (kind) => {
    const pair = kind === 'o' || kind === 'h';
    if (target === 'x86_64') {
      const low = registers[next];
      next += kind === 'h' ? 2 : 1;
      return { kind, low, high: low + 1 };
    }
    if (kind === 'o') next += next & 1;
    const low = registers[next];
    const high = pair ? registers[next + 1] : -1;
    next += pair ? 2 : 1;
    return { kind, low, high };
  });
}
