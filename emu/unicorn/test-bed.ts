/**
 * For the specs of emulated cores: a core with code, data and a stack, and small programs for both targets. All are
 * functions by the target's C convention, hand-checked against the assembler's listing.
 */
import { AddressSpace, type Region } from '../address-space.ts';
import { Core, type RegisterName, type Stop } from '../core.ts';
import type { TargetName } from './constants.ts';

export const TARGETS = ['x86_64', 'armv7'] as const satisfies TargetName[];

/** Offset, machine code (bytes on x86-64, words on ARM), assembly. */
const LISTINGS = {
  /** Adds n, n - 1, ... 1 into the word at `memory`; returns the sum. Arguments: n, memory. */
  sum: {
    x86_64: `
    00  31 c0                   xor eax,eax
    02  48 01 f8                add rax,rdi
    05  48 01 3e                add [rsi],rdi
    08  48 ff cf                dec rdi
    0b  75 f5                   jne 0x2
    0d  c3                      ret`,
    armv7: `
    00  e3a02000                mov r2, #0
    04  e0822000                add r2, r2, r0
    08  e5913000                ldr r3, [r1]
    0c  e0833000                add r3, r3, r0
    10  e5813000                str r3, [r1]
    14  e2500001                subs r0, r0, #1
    18  1afffff9                bne 0x4
    1c  e1a00002                mov r0, r2
    20  e12fff1e                bx lr`,
  },
  /** Fibonacci numbers by recursion, fib(0) = fib(1) = 1. Argument: n. */
  fib: {
    x86_64: `
    00  53                      push rbx
    01  55                      push rbp
    02  48 83 ec 08             sub rsp,0x8
    06  48 89 fb                mov rbx,rdi
    09  b8 01 00 00 00          mov eax,0x1
    0e  48 83 ff 02             cmp rdi,0x2
    12  7c 18                   jl 0x2c
    14  48 8d 7b ff             lea rdi,[rbx-0x1]
    18  e8 e3 ff ff ff          call 0x0
    1d  48 89 c5                mov rbp,rax
    20  48 8d 7b fe             lea rdi,[rbx-0x2]
    24  e8 d7 ff ff ff          call 0x0
    29  48 01 e8                add rax,rbp
    2c  48 83 c4 08             add rsp,0x8
    30  5d                      pop rbp
    31  5b                      pop rbx
    32  c3                      ret`,
    armv7: `
    00  e92d4070                push {r4, r5, r6, lr}
    04  e1a04000                mov r4, r0
    08  e3a00001                mov r0, #1
    0c  e3540002                cmp r4, #2
    10  b8bd8070                poplt {r4, r5, r6, pc}
    14  e2440001                sub r0, r4, #1
    18  ebfffff8                bl 0x0
    1c  e1a05000                mov r5, r0
    20  e2440002                sub r0, r4, #2
    24  ebfffff5                bl 0x0
    28  e0800005                add r0, r0, r5
    2c  e8bd8070                pop {r4, r5, r6, pc}`,
  },
  /** Calls `function` with n, n - 1, ... 1 and returns the sum of its results. Arguments: n, function. */
  ask: {
    x86_64: `
    00  53                      push rbx
    01  55                      push rbp
    02  41 54                   push r12
    04  48 89 fb                mov rbx,rdi
    07  49 89 f4                mov r12,rsi
    0a  31 ed                   xor ebp,ebp
    0c  48 89 df                mov rdi,rbx
    0f  41 ff d4                call r12
    12  48 01 c5                add rbp,rax
    15  48 ff cb                dec rbx
    18  75 f2                   jne 0xc
    1a  48 89 e8                mov rax,rbp
    1d  41 5c                   pop r12
    1f  5d                      pop rbp
    20  5b                      pop rbx
    21  c3                      ret`,
    armv7: `
    00  e92d4070                push {r4, r5, r6, lr}
    04  e1a04000                mov r4, r0
    08  e1a06001                mov r6, r1
    0c  e3a05000                mov r5, #0
    10  e1a00004                mov r0, r4
    14  e12fff36                blx r6
    18  e0855000                add r5, r5, r0
    1c  e2544001                subs r4, r4, #1
    20  1afffffa                bne 0x10
    24  e1a00005                mov r0, r5
    28  e8bd8070                pop {r4, r5, r6, pc}`,
  },
  /** Increments the word at `memory` n times, atomically. Arguments: n, memory. */
  lock: {
    x86_64: `
    00  f0 ff 06                lock inc [rsi]
    03  48 ff cf                dec rdi
    06  75 f8                   jne 0x0
    08  c3                      ret`,
    armv7: `
    00  e1912f9f                ldrex r2, [r1]
    04  e2822001                add r2, r2, #1
    08  e1813f92                strex r3, r2, [r1]
    0c  e3530000                cmp r3, #0
    10  1afffffa                bne 0x0
    14  e2500001                subs r0, r0, #1
    18  1afffff8                bne 0x0
    1c  e12fff1e                bx lr`,
  },
  /** Increments the second word at `memory` n times, without atomicity but under a spin lock in the first. Arguments: n, memory. */
  spin: {
    x86_64: `
    00  b9 01 00 00 00          mov ecx,0x1
    05  31 c0                   xor eax,eax
    07  f0 0f b1 0e             lock cmpxchg [rsi],ecx
    0b  75 f8                   jne 0x5
    0d  8b 56 04                mov edx,[rsi+0x4]
    10  83 c2 01                add edx,0x1
    13  89 56 04                mov [rsi+0x4],edx
    16  c7 06 00 00 00 00       mov [rsi],0x0
    1c  48 ff cf                dec rdi
    1f  75 df                   jne 0x0
    21  c3                      ret`,
    armv7: `
    00  e3a0c001                mov ip, #1
    04  e1912f9f                ldrex r2, [r1]
    08  e3520000                cmp r2, #0
    0c  01812f9c                strexeq r2, ip, [r1]
    10  03520000                cmpeq r2, #0
    14  1afffffa                bne 0x4
    18  f57ff05f                dmb sy
    1c  e5913004                ldr r3, [r1, #4]
    20  e2833001                add r3, r3, #1
    24  e5813004                str r3, [r1, #4]
    28  e3a02000                mov r2, #0
    2c  f57ff05f                dmb sy
    30  e5812000                str r2, [r1]
    34  e2500001                subs r0, r0, #1
    38  1afffff0                bne 0x0
    3c  e12fff1e                bx lr`,
  },
  /** Calls in every form the target has, and a tail call at the end. Argument: a number. */
  tail: {
    x86_64: `
    00  48 83 ec 08             sub rsp,0x8
    04  48 8d 05 18 00 00 00    lea rax,[rip+0x18]
    0b  ff d0                   call rax
    0d  50                      push rax
    0e  48 8d 05 0e 00 00 00    lea rax,[rip+0xe]
    15  50                      push rax
    16  ff 14 24                call [rsp]
    19  48 83 c4 10             add rsp,0x10
    1d  48 83 c4 08             add rsp,0x8
    21  eb 00                   jmp 0x23
    23  48 ff c7                inc rdi
    26  c3                      ret`,
    armv7: `
    00  e52de008                str lr, [sp, #-8]!
    04  eb000006                bl 0x24
    08  e3002000                movw r2, #0
    0c  e28f2018                add r2, pc, #24
    10  e12fff32                blx r2
    14  e3500000                cmp r0, #0
    18  0b000001                bleq 0x24
    1c  e49de008                ldr lr, [sp], #8
    20  ea000004                b 0x38
    24  e2800001                add r0, r0, #1
    28  e12fff1e                bx lr
    2c  e52de004                push {lr}
    30  e2800001                add r0, r0, #1
    34  e49df004                pop {pc}
    38  e2800001                add r0, r0, #1
    3c  e1a0f00e                mov pc, lr`,
  },
  /** Increments the first word of n pages of 4 KiB. Arguments: n, memory. */
  walk: {
    x86_64: `
    00  ff 06                   inc [rsi]
    02  48 81 c6 00 10 00 00    add rsi,0x1000
    09  48 ff cf                dec rdi
    0c  75 f2                   jne 0x0
    0e  c3                      ret`,
    armv7: `
    00  e5912000                ldr r2, [r1]
    04  e2822001                add r2, r2, #1
    08  e5812000                str r2, [r1]
    0c  e2811a01                add r1, r1, #4096
    10  e2500001                subs r0, r0, #1
    14  1afffff9                bne 0x0
    18  e12fff1e                bx lr`,
  },
} as const satisfies Record<string, Record<TargetName, string>>;

export type ProgramName = keyof typeof LISTINGS;

const ARGUMENTS: Readonly<Record<TargetName, readonly RegisterName[]>> = {
  x86_64: ['rdi', 'rsi', 'rdx', 'rcx'],
  armv7: ['r0', 'r1', 'r2', 'r3'],
};

/** A core with 64 KiB each of code, data (with an unmapped guard behind) and stack (with one in front). */
export class TestBed {
  readonly space: AddressSpace;
  readonly core: Core;
  readonly code: Region;
  readonly data: Region;
  readonly stack: Region;

  /** @param shared another bed, whose memory this one's core shares */
  constructor(target: TargetName, shared?: TestBed) {
    const size = 0x10000;
    this.space = shared?.space ?? new AddressSpace(target);
    this.code = shared?.code ?? this.space.allocate({ name: 'code', size, access: 'rx' });
    this.data = shared?.data ?? this.space.allocate({ name: 'data', size, access: 'rw', guardAfter: size });
    this.stack = this.space.allocate({ name: 'stack', size, access: 'rw', guardBefore: size });
    this.core = new Core(this.space);
  }

  /** Places machine code at an offset in the code region; returns its address. */
  load(program: ProgramName | readonly number[], offset = 0): number {
    const address = this.code.address + offset;
    const bytes =
      typeof program === 'string' ? assembled(LISTINGS[program][this.core.target]) : new Uint8Array(program);
    this.space.writeBytes(address, bytes);
    return address;
  }

  /** Prepares a call from the top of the stack. */
  prepare(address: number, ...args: number[]): void {
    this.core.sp = this.stack.address + this.stack.size - 64;
    for (const [index, value] of args.entries()) this.core.write(ARGUMENTS[this.core.target][index], value);
    this.core.prepareCall(address);
  }

  /** Calls and runs to the end. */
  call(address: number, ...args: number[]): Stop {
    this.prepare(address, ...args);
    return this.core.run();
  }

  argument(index: number): number {
    return Number(this.core.read(ARGUMENTS[this.core.target][index]));
  }

  get result(): number {
    return Number(this.core.read(this.core.target === 'x86_64' ? 'rax' : 'r0'));
  }
}

/** Little-endian bytes of A32 instructions. */
export function words(...instructions: number[]): number[] {
  return [...new Uint8Array(new Uint32Array(instructions).buffer)];
}

/** The machine code of a listing. */
function assembled(listing: string): Uint8Array {
  const fields = listing
    .trim()
    .split('\n')
    .flatMap((line) => line.trim().split(/ {2,}/)[1].split(' '));
  const isWords = fields[0].length === 8;
  const values = fields.map((field) => Number.parseInt(field, 16));
  return new Uint8Array(isWords ? words(...values) : values);
}
