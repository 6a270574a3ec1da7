/**
 * Host memory and host machine code: what the C library and the processor offer, without a C compiler.
 *
 * The code below is x86-64, System V. Unicorn calls most of it as hooks, with `user_data` pointing at an
 * engine's control block; calling into JavaScript instead would cost a hundred nanoseconds each time.
 */
import koffi from 'koffi';

const PROT_READ_WRITE = 3;
const PROT_EXEC = 4;
const MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x4022;

const libc = koffi.load('libc.so.6');
const mmap: (
  address: number,
  size: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => number | bigint = libc.func('uint64_t mmap(uint64_t, size_t, int, int, int, long)');
const munmap: (address: number, size: number) => number = libc.func('int munmap(uint64_t, size_t)');

/** The size in bytes of an allocation of the C library. */
export const mallocUsableSize: (address: number) => number = libc.func('size_t malloc_usable_size(uint64_t)');

/**
 * Maps zeroed, private host memory; pages are taken when they are first touched.
 *
 * @param size in bytes
 * @returns its address
 * @throws {RangeError} when the system refuses
 */
export function mapHostMemory(size: number, { executable = false } = {}): number {
  const protection = PROT_READ_WRITE | (executable ? PROT_EXEC : 0);
  const address = mmap(0, size, protection, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0);
  if (typeof address !== 'number') throw new RangeError(`the system refuses ${size} bytes of memory`);
  return address;
}

/** Gives back what `mapHostMemory` mapped. Views of it must not be used any more. */
export function unmapHostMemory(address: number, size: number): void {
  munmap(address, size);
}

/** A JavaScript view of host memory, without a copy. It does not keep the memory alive. */
export function viewHostMemory(address: number, size: number): ArrayBuffer {
  return koffi.view(BigInt(address), size);
}

/** Where a JavaScript buffer's bytes are. They never move while the buffer is alive and attached. */
export function addressOfBuffer(buffer: ArrayBufferLike): number {
  return Number(koffi.address(new Uint8Array(buffer)));
}

/**
 * Byte offsets in an engine's control block, one 64-bit word each, and the arrays behind them. JavaScript
 * and the native code below share it.
 */
export const CONTROL_BLOCK = {
  engine: 0x00,
  /** Address of the program counter's slot in `values`. */
  programCounter: 0x08,
  /** Why the core stopped: one of `STOPPED`. */
  stopped: 0x10,
  interrupt: 0x18,
  emuStop: 0x20,
  /** Instructions that may still run, when the budget hook is installed. */
  budget: 0x28,
  /** Address of the region table (see `tlbFill` below). */
  regions: 0x30,
  /** The last TLB miss: its page and its `uc_mem_type`. */
  missedPage: 0x38,
  missedAccess: 0x40,
  /** An address whose stop is passed over once: where a run resumes from. */
  passOver: 0x48,
  emuStart: 0x50,
  readBatch: 0x58,
  writeBatch: 0x60,
  /** How many registers there are, and how many of them are written before a run. */
  registers: 0x68,
  writable: 0x70,
  /** The block entered last, and the table of entry counts, when blocks are counted. */
  lastBlock: 0x78,
  counts: 0x80,
  /** TLB misses (32 bits) until the TLB is to be enlarged at the next stop. */
  misses: 0x88,
  /** Where a block is entered without a branch: behind the one entered last, or where the run began. */
  fallThrough: 0x90,
  /** The table of branches taken, when blocks are counted. */
  taken: 0x98,
  /** Register numbers (32 bits each), pointers to `values`, the values, and what the engine holds. */
  numbers: 0x100,
  pointers: 0x200,
  values: 0x400,
  held: 0x500,
  size: 0x1000,
} as const;

/** What the native hooks leave in `CONTROL_BLOCK.stopped`; 0 when Unicorn stopped by itself. */
export const STOPPED = {
  address: 1,
  budget: 2,
  interrupt: 3,
  systemCall: 4,
} as const;

/**
 * The region table: a count, then from `entries` on four words for each region, sorted by start: its first
 * address, the address behind it, `uc_prot` bits, and what to add to an address to get the physical one.
 */
export const REGION_TABLE = { entries: 32, entrySize: 32 } as const;

/**
 * The guest page of the addresses where runs stop: behind every range that regions are allocated from, and
 * within reach of code on both targets.
 */
export const STUB_PAGE = 0xf000_0000;

/**
 * Each routine's machine code, with its assembly beside it.
 *
 * A hook that finds a stop requested already does nothing: Unicorn leaves before it executes the block or instruction, and
 * calls the hook again when the core runs on.
 */
const ROUTINES = {
  /**
   * `int run(control)`: writes the general registers if JavaScript changed any, runs from the program
   * counter, reads all of them back: one call from JavaScript in place of three.
   */
  run: `
    53                       push rbx
    48 89 fb                 mov rbx, rdi
    48 8d b3 00 04 00 00     lea rsi, [rbx + values]
    48 8d bb 00 05 00 00     lea rdi, [rbx + held]
    48 8b 4b 70              mov rcx, [rbx + writable]
    f3 48 a7                 repe cmpsq
    48 8b 3b                 mov rdi, [rbx + engine]
    74 17                    je start
    48 8d b3 00 01 00 00     lea rsi, [rbx + numbers]
    48 8d 93 00 02 00 00     lea rdx, [rbx + pointers]
    8b 4b 70                 mov ecx, [rbx + writable]
    ff 53 60                 call [rbx + writeBatch]
    48 8b 3b                 mov rdi, [rbx + engine]
    48 8b 73 08              start: mov rsi, [rbx + programCounter]
    48 8b 36                 mov rsi, [rsi]
    48 89 b3 90 00 00 00     mov [rbx + fallThrough], rsi
    48 c7 43 10 00 00 00 00  mov qword [rbx + stopped], 0
    31 d2                    xor edx, edx            (until: unused, exits are enabled and there are none)
    31 c9                    xor ecx, ecx            (no timeout)
    45 31 c0                 xor r8d, r8d            (no count: the budget hook is exact and stays installed)
    ff 53 50                 call [rbx + emuStart]
    50                       push rax
    48 83 ec 08              sub rsp, 8
    48 8b 3b                 mov rdi, [rbx + engine]
    48 8d b3 00 01 00 00     lea rsi, [rbx + numbers]
    48 8d 93 00 02 00 00     lea rdx, [rbx + pointers]
    8b 4b 68                 mov ecx, [rbx + registers]
    ff 53 58                 call [rbx + readBatch]
    48 83 c4 08              add rsp, 8
    48 8d b3 00 04 00 00     lea rsi, [rbx + values]
    48 8d bb 00 05 00 00     lea rdi, [rbx + held]
    48 8b 4b 68              mov rcx, [rbx + registers]
    f3 48 a5                 rep movsq
    58                       pop rax
    5b                       pop rbx
    c3                       ret`,
  /** Code hook of the stub page and of breakpoints: `(engine, address, size, control)`. */
  stopHere: `
    80 79 10 00              cmp byte [rcx + stopped], 0
    75 15                    jne return
    48 39 71 48              cmp [rcx + passOver], rsi
    74 07                    je resume
    c6 41 10 01              mov byte [rcx + stopped], STOPPED.address
    ff 61 20                 jmp [rcx + emuStop]
    48 c7 41 48 ff ff ff ff  resume: mov qword [rcx + passOver], -1
    c3                       return: ret`,
  /**
   * Code hook over everything: `(engine, address, size, control)`. While it is installed it also does the
   * work of `stopHere` for the stub page: Unicorn calls a lone hook directly, several through a slow helper.
   */
  spendBudget: `
    80 79 10 00              cmp byte [rcx + stopped], 0
    75 14                    jne return
    48 89 f0                 mov rax, rsi
    48 c1 e8 0c              shr rax, 12
    3d 00 00 0f 00           cmp eax, STUB_PAGE >> 12
    74 16                    je stub
    48 ff 49 28              dec qword [rcx + budget]
    78 01                    js spent
    c3                       return: ret
    48 c7 41 28 00 00 00 00  spent: mov qword [rcx + budget], 0
    c6 41 10 02              mov byte [rcx + stopped], STOPPED.budget
    ff 61 20                 jmp [rcx + emuStop]
    c6 41 10 01              stub: mov byte [rcx + stopped], STOPPED.address
    ff 61 20                 jmp [rcx + emuStop]`,
  /** Interrupt hook: `(engine, number, control)`. */
  interrupt: `
    48 89 72 18              mov [rdx + interrupt], rsi
    c6 42 10 03              mov byte [rdx + stopped], STOPPED.interrupt
    ff 62 20                 jmp [rdx + emuStop]`,
  /** Hook of x86's SYSCALL: `(engine, control)`. */
  systemCall: `
    c6 46 10 04              mov byte [rsi + stopped], STOPPED.systemCall
    ff 66 20                 jmp [rsi + emuStop]`,
  /**
   * Block hook: `(engine, address, size, control)`: for every address, how often a block there was entered, and how often one was left
   * by a branch, that is for elsewhere than the code behind it.
   */
  countBlock_x86_64: `
    80 79 10 00              cmp byte [rcx + stopped], 0
    75 31                    jne return
    48 39 b1 90 00 00 00     cmp [rcx + fallThrough], rsi
    74 0f                    je enter
    48 8b 41 78              mov rax, [rcx + lastBlock]
    4c 8b 81 98 00 00 00     mov r8, [rcx + taken]
    49 ff 04 c0              inc qword [r8 + rax * 8]
    48 89 71 78              enter: mov [rcx + lastBlock], rsi
    8d 04 16                 lea eax, [rsi + rdx]
    48 89 81 90 00 00 00     mov [rcx + fallThrough], rax
    48 8b 81 80 00 00 00     mov rax, [rcx + counts]
    48 ff 04 f0              inc qword [rax + rsi * 8]
    c3                       return: ret`,
  /** The same where instructions are four bytes apart. */
  countBlock_armv7: `
    80 79 10 00              cmp byte [rcx + stopped], 0
    75 31                    jne return
    48 39 b1 90 00 00 00     cmp [rcx + fallThrough], rsi
    74 0f                    je enter
    48 8b 41 78              mov rax, [rcx + lastBlock]
    4c 8b 81 98 00 00 00     mov r8, [rcx + taken]
    49 ff 04 40              inc qword [r8 + rax * 2]
    48 89 71 78              enter: mov [rcx + lastBlock], rsi
    8d 04 16                 lea eax, [rsi + rdx]
    48 89 81 90 00 00 00     mov [rcx + fallThrough], rax
    48 8b 81 80 00 00 00     mov rax, [rcx + counts]
    48 ff 04 70              inc qword [rax + rsi * 2]
    c3                       return: ret`,
  /**
   * TLB hook: `(engine, page, access, result, control)`. Finds the page's region by binary search. A page
   * outside every region makes Unicorn raise a fault there and then, with the program counter restored from
   * its translation tables: exact, and free for accesses that hit. It counts misses, so that the TLB is enlarged at the
   * next stop. (Making the core stop for that is not sound: pretending a fault leaves the guest's exception
   * pending, and a stop requested from here leaves the program counter stale where code hooks exist.)
   */
  tlbFill: `
    49 89 70 38              mov [r8 + missedPage], rsi
    49 89 50 40              mov [r8 + missedAccess], rdx
    41 ff 88 88 00 00 00     dec dword [r8 + misses]
    4d 8b 40 30              mov r8, [r8 + regions]
    45 31 c9                 xor r9d, r9d            (regions known to start at or below the page)
    4d 8b 10                 mov r10, [r8]           (regions that may)
    4d 39 d1                 search: cmp r9, r10
    73 20                    jae found
    4f 8d 1c 11              lea r11, [r9 + r10]
    49 d1 eb                 shr r11, 1
    4c 89 d8                 mov rax, r11
    48 c1 e0 05              shl rax, 5
    49 39 74 00 20           cmp [r8 + rax + 32], rsi
    77 06                    ja lower
    4d 8d 4b 01              lea r9, [r11 + 1]
    eb e0                    jmp search
    4d 89 da                 lower: mov r10, r11
    eb db                    jmp search
    49 c1 e1 05              found: shl r9, 5
    74 1d                    jz none
    4d 01 c8                 add r8, r9
    49 3b 70 08              cmp rsi, [r8 + 8]
    73 14                    jae none
    49 03 70 18              add rsi, [r8 + 24]
    48 89 31                 mov [rcx], rsi          (physical address)
    41 8b 40 10              mov eax, [r8 + 16]
    89 41 08                 mov [rcx + 8], eax
    b8 01 00 00 00           mov eax, 1
    c3                       ret
    31 c0                    none: xor eax, eax
    c3                       ret`,
} as const;

/** The addresses of the routines above. */
export type Routines = Readonly<Record<keyof typeof ROUTINES, number>>;

let placed: Routines | undefined;

/** Places the routines in executable memory, once a process, and returns where each is. */
export function nativeRoutines(): Routines {
  if (placed) return placed;
  const size = 0x1000;
  const base = mapHostMemory(size, { executable: true });
  const memory = new Uint8Array(viewHostMemory(base, size));
  let offset = 0;
  const addresses: Partial<Record<keyof typeof ROUTINES, number>> = {};
  for (const [name, listing] of Object.entries(ROUTINES)) {
    const bytes = machineCode(listing);
    memory.set(bytes, offset);
    addresses[name as keyof typeof ROUTINES] = base + offset;
    offset = (offset + bytes.length + 15) & ~15;
  }
  placed = addresses as Routines;
  return placed;
}

/** The bytes of a listing: two-digit fields up to the first gap of two spaces. */
function machineCode(listing: string): number[] {
  return listing
    .trim()
    .split('\n')
    .flatMap((line) => line.trim().split(/ {2,}/)[0].split(' '))
    .map((field) => Number.parseInt(field, 16));
}

/** The native `run` routine as a function of the control block's address; it returns a `uc_err`. */
export function runFunction(): (control: number) => number {
  return koffi.decode(BigInt(nativeRoutines().run), koffi.proto('int', ['uint64_t']));
}
