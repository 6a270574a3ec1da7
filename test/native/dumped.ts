import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import wabt from 'wabt';
import { type Dump, parseDump } from '../../cli/dump.ts';
import { readElf, readSymbols } from '../../compiler/elf/reader.ts';
import { compileExecutable } from '../../compiler/executable.ts';
import { programInfoFields } from '../../compiler/image/program-info.ts';
import { schemes } from '../../compiler/stack/index.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import type { Target } from '../../compiler/target.ts';
import { LinuxProcess, type ProcessOptions, SIGNAL } from '../../emu/linux/index.ts';
import { runtimeModules } from '../../runtime/index.ts';

const toolkit = await wabt();
const text = readFileSync(new URL('../programs/wasi/signals-calls.wat', import.meta.url), 'utf8');
const module = toolkit.parseWat('signals-calls', text, { bulk_memory: true, reference_types: true });
const callsProgram = new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);

/** A process that is dumped between two instructions of its choice. */
export class Dumped {
  readonly process: LinuxProcess;
  readonly symbols: readonly { readonly name: string; readonly value: number; readonly size: number }[];
  readonly word: 4 | 8;
  private readonly scheme: SchemeName;
  output = '';
  private errors = '';

  /** @param surroundings environment and directories @param binary the program, signals-calls.wat unless it is another */
  constructor(
    target: Target,
    scheme: SchemeName,
    surroundings: Pick<ProcessOptions, 'env' | 'directories'> = {},
    binary = callsProgram,
  ) {
    const options = { target, level: 1, scheme, order: 'relaxed' } as const;
    const { file } = compileExecutable(binary, { ...options, runtime: runtimeModules() });
    this.symbols = readSymbols(readElf(file));
    this.word = target.wordBytes;
    this.scheme = scheme;
    const decoder = new TextDecoder();
    this.process = new LinuxProcess(file, {
      ...surroundings,
      argv: ['calls'],
      stdin: new Uint8Array(0),
      stdout: (bytes) => {
        this.output += decoder.decode(bytes);
      },
      stderr: (bytes) => {
        this.errors += decoder.decode(bytes);
      },
    });
    // The handler's own code is never stopped in. It lies behind all other.
    const handler = this.symbols.filter(({ name }) => name.startsWith('fathom_handler_'));
    this.process.core.freeFrom = Math.min(...handler.map(({ value }) => value));
  }

  get ended(): boolean {
    return this.process.exitStatus !== undefined;
  }

  /** Runs to the instruction at `address`. */
  runTo(address: number): void {
    this.process.runInterrupted({ kind: 'at', addresses: [address] }, () => false);
  }

  /** Carries out one instruction. */
  step(): void {
    this.process.step();
  }

  /** What the handler says of the process as it is; it goes on where it was. */
  dump(): Dump {
    this.errors = '';
    this.signal(SIGNAL.USR1);
    return parseDump(this.errors);
  }

  /** Has the handler carry out a signal, between two instructions. */
  signal(number: number): void {
    const { process } = this;
    const { core } = process;
    const { pc, sp } = core;
    process.signal(number);
    expect(core.pc).not.toBe(pc);
    process.runHandler(number);
    expect([core.pc, core.sp, process.exitStatus]).toEqual([pc, sp, undefined]);
  }

  load(address: number): number {
    const { memory } = this.process;
    return this.word === 8 ? memory.readI64(address) : memory.readU32(address);
  }

  store(address: number, value: number): void {
    const { memory } = this.process;
    memory.writeU32(address, value % 2 ** 32);
    if (this.word === 8) memory.writeU32(address + 4, Math.floor(value / 2 ** 32));
  }

  /** Where the image's instance has its `top`. */
  top(image: 'app' | 'wasi'): number {
    const { top } = schemes[this.scheme](this.word);
    const env = this.symbol(`fathom_${image}_env`);
    return top.kind === 'env' ? env + top.offset : this.load(env + top.limit) - top.distance;
  }

  symbol(name: string): number {
    const found = this.symbols.find((symbol) => symbol.name === name);
    if (found === undefined) throw new Error(`no symbol '${name}'`);
    return found.value;
  }

  info(field: (typeof programInfoFields)[number]): number {
    return this.process.memory.readI64(this.symbol('fathom_info') + 8 * programInfoFields.indexOf(field));
  }

  /** The function whose code is at `pc`. */
  functionAt(pc: number): string {
    return this.symbols.find(({ value, size }) => pc >= value && pc < value + size)?.name ?? 'none';
  }
}
