/**
 * For the specs of the emulated kernel: processes whose program is a few instructions, so that a spec makes system calls with
 * arguments of its own choice, and sees signals arrive.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ElfMachine,
  ElfType,
  SectionFlag,
  SectionType,
  SegmentFlag,
  SegmentType,
} from '../../compiler/elf/constants.ts';
import { type ElfFile, type ElfSection, writeElf } from '../../compiler/elf/writer.ts';
import type { TargetName } from '../unicorn/constants.ts';
import { LinuxProcess, type ProcessOptions } from './process.ts';
import { SYSTEM_CALLS } from './system-calls.ts';

/** What the specs' program can do, at these offsets in its code. */
export const CODE = {
  call: 0,
  handler: 0x10,
  restorer: 0x30,
  loop: 0x40,
  undefined: 0x50,
  load: 0x60,
  store: 0x70,
  breakpoint: 0x80,
} as const;

const TEXT = { x86_64: 0x40_1000, armv7: 0x1_1000 };
const DATA = { x86_64: 0x50_0000, armv7: 0x4_0000 };
const DATA_BYTES = 0x1_0000;

/** Bytes of the instruction that makes a system call. */
const CALL_BYTES = { x86_64: 2, armv7: 4 };

/** Where the handler counts, in the data. */
const COUNTER = 0xff00;

/** Offset, machine code (bytes on x86-64, words on ARM), assembly. */
const LISTINGS = {
  x86_64: `
  00  0f 05                   syscall
  02  eb fe                   jmp .
  10  ff 04 25 00 ff 50 00    inc dword [0x50ff00]
  17  c3                      ret
  30  b8 0f 00 00 00          mov eax, 15
  35  0f 05                   syscall
  40  48 8d 5b 01             lea rbx, [rbx + 1]
  44  eb fa                   jmp 0x40
  50  0f 0b                   ud2
  60  8a 03                   mov al, [rbx]
  62  eb fe                   jmp .
  70  88 03                   mov [rbx], al
  72  eb fe                   jmp .
  80  cc                      int3
  81  eb fe                   jmp .`,
  armv7: `
  00  ef000000                svc 0
  04  eafffffe                b .
  10  e59f300c                ldr r3, [pc, #12]
  14  e5932000                ldr r2, [r3]
  18  e2822001                add r2, r2, #1
  1c  e5832000                str r2, [r3]
  20  e12fff1e                bx lr
  24  0004ff00                (the counter)
  30  e3a070ad                mov r7, #173
  34  ef000000                svc 0
  40  e2844001                add r4, r4, #1
  44  eafffffd                b 0x40
  50  e7f000f0                udf #0
  60  e5d40000                ldrb r0, [r4]
  64  eafffffe                b .
  70  e5c40000                strb r0, [r4]
  74  eafffffe                b .
  80  e1200070                bkpt #0
  84  eafffffe                b .`,
};

/** The register that `loop` counts in, and that `load` and `store` take an address from. */
export const COUNTING = { x86_64: 'rbx', armv7: 'r4' } as const;

/** An executable of code at the target's usual place, and 64 KiB of data. */
export function testExecutable(target: TargetName, change: Partial<ElfFile> = {}): Uint8Array {
  const text: ElfSection = {
    name: '.text',
    type: SectionType.progbits,
    flags: SectionFlag.alloc | SectionFlag.execute,
    address: TEXT[target],
    align: 4096,
    content: assemble(target),
  };
  return writeElf({
    class: target === 'x86_64' ? 64 : 32,
    type: ElfType.exec,
    machine: target === 'x86_64' ? ElfMachine.x86_64 : ElfMachine.arm,
    flags: 0,
    entry: TEXT[target],
    sections: [text],
    segments: [
      {
        type: SegmentType.load,
        flags: SegmentFlag.read | SegmentFlag.execute,
        align: 4096,
        sections: [text],
      },
      {
        type: SegmentType.load,
        flags: SegmentFlag.read | SegmentFlag.write,
        align: 4096,
        sections: [],
        address: DATA[target],
        memoryBytes: DATA_BYTES,
      },
    ],
    symbols: [],
    ...change,
  });
}

function assemble(target: TargetName): Uint8Array {
  const code = new Uint8Array(0x100);
  for (const line of LISTINGS[target].trim().split('\n')) {
    const [offset, instruction] = line.trim().split(/ {2,}/);
    const fields = instruction.split(' ').map((field) => Number.parseInt(field, 16));
    const bytes = target === 'x86_64' ? fields : [...new Uint8Array(Uint32Array.from(fields).buffer)];
    code.set(bytes, Number.parseInt(offset, 16));
  }
  return code;
}

/** A process that runs what the spec says. */
export class ProcessBed {
  readonly target: TargetName;
  readonly process: LinuxProcess;
  /** 64 KiB of memory. */
  readonly data: number;
  readonly text: number;
  /** What it wrote to standard output and error. */
  readonly output: string[] = [];
  readonly errors: string[] = [];
  #next: number;

  constructor(target: TargetName, options: Partial<ProcessOptions> = {}) {
    this.target = target;
    this.data = DATA[target];
    this.text = TEXT[target];
    this.#next = this.data;
    this.process = new LinuxProcess(testExecutable(target), {
      argv: ['bed'],
      stdin: new Uint8Array(0),
      stdout: (bytes) => void this.output.push(Buffer.from(bytes).toString('latin1')),
      stderr: (bytes) => void this.errors.push(Buffer.from(bytes).toString('latin1')),
      ...options,
    });
  }

  /** Makes a system call by its name in the kernel's table; returns its result, errors negative. */
  call(name: string, ...values: number[]): number {
    this.begin(name, ...values);
    const behind = this.text + CODE.call + CALL_BYTES[this.target];
    this.process.runInterrupted({ kind: 'at', addresses: [behind] }, () => false);
    return this.result;
  }

  /** Puts a system call into the registers, without running. */
  begin(name: string, ...values: number[]): void {
    const info = SYSTEM_CALLS[name];
    const number = info?.[this.target];
    if (!info || number === undefined) throw new RangeError(`${this.target} has no system call ${name}`);
    const { core } = this.process;
    const registers: bigint[] = [];
    for (const [index, kind] of Array.from(info.parameters).entries()) {
      const value = BigInt(values[index] ?? 0);
      if (this.target === 'armv7' && kind === 'o' && registers.length % 2 === 1) registers.push(0n);
      registers.push(value);
      if (kind === 'h' || (kind === 'o' && this.target === 'armv7')) registers.push(value >> 32n);
    }
    if (this.target === 'x86_64') {
      core.write('rax', number);
      for (const [index, name] of (['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'] as const).entries()) {
        core.write(name, registers[index] ?? 0n);
      }
    } else {
      core.write('r7', number);
      for (const [index, name] of (['r0', 'r1', 'r2', 'r3', 'r4', 'r5'] as const).entries()) {
        core.write(name, registers[index] ?? 0n);
      }
    }
    core.pc = this.text + CODE.call;
  }

  /** The result of the last system call. */
  get result(): number {
    const { core } = this.process;
    if (this.target === 'x86_64') return Number(BigInt.asIntN(64, core.read('rax')));
    const value = Number(core.read('r0'));
    return value > 0xffff_f000 ? value - 2 ** 32 : value;
  }

  /** Copies bytes, or a string and a zero, into fresh memory; returns their address. */
  put(content: Uint8Array | string): number {
    const bytes = typeof content === 'string' ? Buffer.from(`${content}\0`, 'latin1') : content;
    const at = this.room(bytes.length);
    this.process.space.writeBytes(at, bytes);
    return at;
  }

  /** Words of the target's size in fresh memory. */
  putWords(...words: number[]): number {
    const { pointerSize } = this.process.space;
    const at = this.room(words.length * pointerSize);
    for (const [index, word] of words.entries())
      this.process.space.writePointer(at + index * pointerSize, word);
    return at;
  }

  /** Fresh memory, aligned to 16. */
  room(bytes: number): number {
    const at = this.#next;
    this.#next += Math.ceil(bytes / 16) * 16;
    if (this.#next > this.data + COUNTER) throw new RangeError('the test bed is full');
    return at;
  }

  bytes(address: number, length: number): Uint8Array {
    return this.process.space.readBytes(address, length);
  }

  string(address: number, length: number): string {
    return Buffer.from(this.bytes(address, length)).toString('latin1');
  }

  /** How often the handler ran. */
  get handled(): number {
    return this.process.space.readU32(this.data + COUNTER);
  }

  /** Installs the counting handler. */
  handle(signal: number, flags: number, mask = 0): void {
    const handler = this.text + CODE.handler;
    const restorer = this.text + CODE.restorer;
    const all = (flags | SA_RESTORER) >>> 0;
    const action = this.putWords(handler, all, restorer, mask, 0);
    if (this.call('rt_sigaction', signal, action, 0, 8) !== 0) throw new Error('rt_sigaction failed');
  }

  dispose(): void {
    this.process.dispose();
  }
}

const SA_RESTORER = 0x0400_0000;

const folders: string[] = [];

/** A directory that `removeFolders` removes. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-linux-'));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
