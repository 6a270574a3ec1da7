/**
 * For the specs of the `wasi` image: it runs as plain wasm, on intrinsics that are made of JavaScript, so that a spec answers its
 * system calls in the kernel's place, and sees what was asked.
 */
import { readFileSync } from 'node:fs';
import { programInfoFields } from '../compiler/image/program-info.ts';
import { runtimeModules } from './index.ts';

/** Native addresses: the instance's own memory, and everything else. */
const OWN = 0x2000_0000;
const OUTSIDE = 0x1000_0000;
const OUTSIDE_BYTES = 0x40_0000;

const INFO = OUTSIDE;
const ENV = OUTSIDE + 0x1000;
const THREAD = OUTSIDE + 0x2000;
const ARGUMENTS = OUTSIDE + 0x3000;
const TABLES = OUTSIDE + 0x4000;
const VARIABLE = OUTSIDE + 0x6000;

/** The one preopened directory, descriptor 3 of the program, and the host's descriptor of it. */
const DIRECTORY = '/srv/box';
export const DIRECTORY_HOST = 5;

/** Address of the app's memory, which has one page at start and at most {@link MAXIMUM_PAGES}; of its table, of two elements. */
export const APP = OUTSIDE + 0x10_0000;
export const MAXIMUM_PAGES = 4;
const TABLE = OUTSIDE + 0x5000;

/** Byte offsets in the app's exec env: memory 0's base and size, table 0's base and length. */
const MEMORY_OFFSET = 0x40;
const TABLE_OFFSET = 0x80;

const START = 0x77;

/** A system call: its name in linux.ts, and its arguments. */
export interface SystemCall {
  readonly name: string;
  readonly args: readonly number[];
}

/** What the kernel answers: a result, or undefined for the bed's own answer, which is success. */
export type Kernel = (call: SystemCall) => number | undefined;

/** Numbers of system calls by name: x86-64's in the low half, ARM's in the high one. */
export const systemCalls: ReadonlyMap<string, number> = new Map(
  [
    ...readFileSync(new URL('./assembly/linux.ts', import.meta.url), 'utf8').matchAll(
      /^ {2}(\w+) = (\d+) \| \((\d+) << 16\),/gm,
    ),
  ].map(([, name, low, high]) => [name, Number(low) | (Number(high) << 16)]),
);

export type Exports = Readonly<Record<string, (...args: (number | bigint)[]) => number>>;

class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

export class WasiBed {
  readonly word: 4 | 8;
  /** All system calls since the program began. */
  calls: SystemCall[] = [];
  kernel: Kernel = () => undefined;
  readonly #outside = new DataView(new ArrayBuffer(OUTSIDE_BYTES));
  readonly #names = new Map<number, string>();
  #instance: WebAssembly.Instance | undefined;
  #program: (exports: Exports) => void = () => {};
  #mapped = OUTSIDE + 0x20_0000;

  /** @param variables of the program's environment, besides the directory's */
  constructor(word: 4 | 8, variables: readonly string[] = []) {
    this.word = word;
    for (const [name, numbers] of systemCalls) {
      const number = word === 8 ? numbers & 0xffff : numbers >>> 16;
      // On x86-64 two names may stand for one number: the first is the call's own.
      if (!this.#names.has(number)) this.#names.set(number, name);
    }
    this.#setInfo(variables);
  }

  get #exports(): Exports {
    if (this.#instance === undefined) throw new Error('nothing runs');
    return this.#instance.exports as unknown as Exports;
  }

  /** Starts the program, which is `program` in the place of the app, and runs it to its end. Its exit code. */
  run(program: (exports: Exports) => void): number {
    this.#program = program;
    const module = new WebAssembly.Module(runtimeModules().wasi);
    this.#instance = new WebAssembly.Instance(module, { fathom: this.#intrinsics() });
    try {
      this.#exports.main(BigInt(ARGUMENTS));
    } catch (error) {
      if (error instanceof Exit) return error.code;
      throw error;
    }
    throw new Error('main returned');
  }

  /** The names of the system calls since the program began. */
  get names(): string[] {
    return this.calls.map(({ name }) => name);
  }

  /** The bytes at a native address. */
  view(address: number): DataView {
    const [view, offset] = this.#at(BigInt(address));
    return new DataView(view.buffer, offset);
  }

  /** The text at a native address that a 0 ends. */
  text(address: number): string {
    const view = this.view(address);
    let text = '';
    for (let k = 0; view.getUint8(k) !== 0; k++) text += String.fromCharCode(view.getUint8(k));
    return text;
  }

  /** Bytes of the app's memory as its exec env has it. */
  get memoryBytes(): number {
    return this.#word(ENV + MEMORY_OFFSET + this.word);
  }

  /** Address and number of the elements of the app's table. */
  get table(): { base: number; length: number } {
    return { base: this.#word(ENV + TABLE_OFFSET), length: this.#word(ENV + TABLE_OFFSET + this.word) };
  }

  /** The service of the host that the app's code asks for. */
  service(selector: number, a: number, b: number): number {
    const service = this.#exports.service as unknown as (
      env: bigint,
      selector: number,
      a: bigint,
      b: bigint,
    ) => bigint;
    return Number(BigInt.asIntN(32, service(BigInt(ENV), selector, BigInt(a), BigInt(b))));
  }

  #at(address: bigint): [DataView, number] {
    const at = Number(address);
    if (at >= OUTSIDE && at < OUTSIDE + OUTSIDE_BYTES) return [this.#outside, at - OUTSIDE];
    const memory = this.#exports.memory as unknown as WebAssembly.Memory;
    if (at >= OWN && at < OWN + memory.buffer.byteLength) return [new DataView(memory.buffer), at - OWN];
    throw new Error(`no memory at ${address.toString(16)}`);
  }

  #word(address: number): number {
    const view = this.view(address);
    return this.word === 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
  }

  #storeWord(address: number, value: number): void {
    const view = this.view(address);
    if (this.word === 8) view.setBigUint64(0, BigInt(value), true);
    else view.setUint32(0, value, true);
  }

  #setInfo(variables: readonly string[]): void {
    const fields: Partial<Record<(typeof programInfoFields)[number], number>> = {
      version: 1,
      appEnv: ENV,
      appStart: START,
      memoryOffset: MEMORY_OFFSET,
      memoryMinimum: 1,
      memoryMaximum: MAXIMUM_PAGES,
      memoryGuard: 0x1_0000,
      thread: THREAD,
      dumpSignal: 10,
      tableMaxima: TABLES,
      tableCount: 1,
      tableOffsets: TABLES + 8,
    };
    programInfoFields.forEach((name, k) => {
      this.#outside.setBigUint64(INFO - OUTSIDE + 8 * k, BigInt(fields[name] ?? 0), true);
    });
    this.#outside.setBigUint64(TABLES - OUTSIDE, 100n, true);
    this.#outside.setBigUint64(TABLES - OUTSIDE + 8, BigInt(TABLE_OFFSET), true);
    let at = VARIABLE;
    [`FATHOM_DIR=${DIRECTORY}::/`, ...variables].forEach((variable, k) => {
      const text = new TextEncoder().encode(`${variable}\0`);
      new Uint8Array(this.#outside.buffer).set(text, at - OUTSIDE);
      this.#storeWord(ARGUMENTS + (2 + k) * this.word, at);
      at += text.length;
    });
    this.#storeWord(ENV + TABLE_OFFSET, TABLE);
    this.#storeWord(ENV + TABLE_OFFSET + this.word, 2);
  }

  #syscall(number: number, args: bigint[]): bigint {
    const name = this.#names.get(number) ?? `system call ${number}`;
    const call = { name, args: args.map(Number) };
    const result = this.kernel(call) ?? this.#answer(call);
    this.calls.push(call);
    return BigInt(result);
  }

  #answer({ name, args }: SystemCall): number {
    if (name === 'exit_group') throw new Exit(args[0]);
    if (name === 'openat' && this.text(args[1]) === DIRECTORY) return DIRECTORY_HOST;
    if (name !== 'mmap') return 0;
    // The first mapping is the app's memory; it has to stay where it is.
    if (this.memoryBytes === 0) return APP;
    this.#mapped += 0x1000;
    return this.#mapped - 0x1000;
  }

  #intrinsics() {
    const load =
      <T>(read: (view: DataView, at: number) => T) =>
      (address: bigint) =>
        read(...this.#at(address));
    const store =
      <T>(write: (view: DataView, at: number, value: T) => void) =>
      (address: bigint, value: T) => {
        const [view, at] = this.#at(address);
        write(view, at, value);
      };
    return {
      load_u8: load((view, at) => view.getUint8(at)),
      load_u16: load((view, at) => view.getUint16(at, true)),
      load_u32: load((view, at) => view.getUint32(at, true)),
      load_u64: load((view, at) => view.getBigUint64(at, true)),
      store_u8: store<number>((view, at, value) => view.setUint8(at, value)),
      store_u16: store<number>((view, at, value) => view.setUint16(at, value, true)),
      store_u32: store<number>((view, at, value) => view.setUint32(at, value, true)),
      store_u64: store<bigint>((view, at, value) => view.setBigUint64(at, value, true)),
      load_word: (address: bigint) => BigInt(this.#word(Number(address))),
      store_word: (address: bigint, value: bigint) => this.#storeWord(Number(address), Number(value)),
      copy: (target: bigint, source: bigint, bytes: bigint) => {
        for (let k = 0; k < Number(bytes); k++)
          this.view(Number(target) + k).setUint8(0, this.view(Number(source) + k).getUint8(0));
      },
      fill: (target: bigint, value: number, bytes: bigint) => {
        for (let k = 0; k < Number(bytes); k++) this.view(Number(target) + k).setUint8(0, value);
      },
      word_bytes: () => this.word,
      memory_base: () => BigInt(OWN),
      program_info: () => BigInt(INFO),
      this_env: () => 0n,
      call: (descriptor: bigint) => {
        if (Number(descriptor) !== START) return;
        this.calls = [];
        this.#program(this.#exports);
      },
      syscall: (number: number, ...args: bigint[]) => this.#syscall(number, args),
    };
  }
}
