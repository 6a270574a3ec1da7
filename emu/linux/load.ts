/**
 * Loading a static executable and making the stack that it starts with (binfmt_elf.c in the kernel; System V ABI, "Process
 * Initialization").
 */
import { ElfMachine, ElfType, elfSizes, SegmentFlag, SegmentType } from '../../compiler/elf/constants.ts';
import { type ElfSegmentView, readElf } from '../../compiler/elf/reader.ts';
import { ImageError } from '../../compiler/errors.ts';
import { type Access, PAGE_SIZE } from '../address-space.ts';
import type { TargetName } from '../unicorn/constants.ts';
import { SystemCallError } from './errno.ts';
import { type Mappings, wholePages } from './mappings.ts';
import { USER_ID } from './user.ts';
import type { UserMemory } from './user-memory.ts';

/** What a process starts with besides its file. */
export interface StartOptions {
  readonly argv: readonly string[];
  readonly env?: readonly string[];
}

/** A file that is checked, to be placed into memory. */
export interface LoadedExecutable {
  readonly target: TargetName;
  /**
   * Maps the segments and the stack.
   *
   * @throws {ImageError} when they overlap or do not fit
   */
  place(
    mappings: Mappings,
    memory: UserMemory,
    options: StartOptions,
    randomBytes: (count: number) => Uint8Array,
  ): { entry: number; stack: number };
}

/** RLIMIT_STACK: all of it is mapped from the start, and costs nothing until it is used. */
const STACK_SIZE = 8 << 20;

/** Bytes of arguments and environment, like the kernel's limit of a quarter of the stack. */
const MAX_STRINGS = STACK_SIZE / 4;

/** Entries of the auxiliary vector (include/uapi/linux/auxvec.h). */
const AT = {
  NULL: 0,
  PHDR: 3,
  PHENT: 4,
  PHNUM: 5,
  PAGESZ: 6,
  BASE: 7,
  FLAGS: 8,
  ENTRY: 9,
  UID: 11,
  EUID: 12,
  GID: 13,
  EGID: 14,
  PLATFORM: 15,
  HWCAP: 16,
  CLKTCK: 17,
  SECURE: 23,
  RANDOM: 25,
  HWCAP2: 26,
  EXECFN: 31,
} as const;

/**
 * AT_PLATFORM and AT_HWCAP: EDX of CPUID leaf 1 as Unicorn's Haswell gives it on x86-64; swp, half, thumb, fastmult, vfp, edsp, neon,
 * vfpv3, tls, vfpd32 for a Cortex-A9.
 */
const MACHINES: Readonly<Record<TargetName, { platform: string; capabilities: number }>> = {
  x86_64: { platform: 'x86_64', capabilities: 0x078b_fbff },
  armv7: { platform: 'v7l', capabilities: 0x8_b0d7 },
};

const CLOCK_TICKS = 100;
const RANDOM_BYTES = 16;

const TARGETS: Readonly<Record<number, TargetName>> = {
  [ElfMachine.x86_64]: 'x86_64',
  [ElfMachine.arm]: 'armv7',
};

/** PT_INTERP: the file asks for a loader. */
const INTERPRETER = 3;

/** @throws {ImageError} when it is no static executable for x86-64 or ARM, or breaks the format's rules */
export function loadExecutable(file: Uint8Array): LoadedExecutable {
  const elf = readElf(file);
  const target = TARGETS[elf.machine];
  if (!target || elfSizes[elf.class].header !== (target === 'x86_64' ? 64 : 52)) {
    throw new ImageError('not an executable for x86-64 or ARM');
  }
  if (elf.type !== ElfType.exec || elf.segments.some(({ type }) => type === INTERPRETER)) {
    throw new ImageError('not a static, position-dependent executable');
  }
  const segments = elf.segments.filter(
    ({ type, memoryBytes }) => type === SegmentType.load && memoryBytes > 0,
  );
  const { entry } = elf;
  const headers = segments.find(
    ({ offset, content }) => elf.segmentHeaders >= offset && elf.segmentHeaders < offset + content.length,
  );
  const known = {
    [AT.PHDR]: headers ? headers.address + elf.segmentHeaders - headers.offset : 0,
    [AT.PHENT]: elfSizes[elf.class].segment,
    [AT.PHNUM]: elf.segments.length,
    [AT.ENTRY]: entry,
  };
  return {
    target,
    place: (mappings, memory, options, randomBytes) => {
      for (const segment of segments) mapSegment(mappings, segment);
      const top = mappings.end;
      mappings.add('stack', top - STACK_SIZE, top, 'rw');
      return { entry, stack: fillStack(target, memory, top, known, options, randomBytes(RANDOM_BYTES)) };
    },
  };
}

/** Maps a segment's pages. What the file holds before it in its first page is not shown. */
function mapSegment(mappings: Mappings, { address, memoryBytes, content, flags }: ElfSegmentView): void {
  const begin = Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
  const end = wholePages(address + memoryBytes);
  const where = `a segment at 0x${address.toString(16)}`;
  if (begin < mappings.lowest || end > mappings.end - STACK_SIZE)
    throw new ImageError(`${where} is out of reach`);
  if (mappings.overlaps(begin, end)) throw new ImageError(`${where} shares a page with another`);
  try {
    mappings.add('executable', begin, end, accessOf(flags));
  } catch (error) {
    if (error instanceof SystemCallError) throw new ImageError(`${where} has no room: ${memoryBytes} bytes`);
    throw error;
  }
  mappings.find(begin)?.region?.bytes.set(content, address - begin);
}

function accessOf(flags: number): Access {
  const { execute, write, read } = SegmentFlag;
  if (flags & write && flags & execute) throw new ImageError('a segment is both writable and executable');
  if (flags & execute) return 'rx';
  if (flags & write) return 'rw';
  return flags & read ? 'r' : '';
}

/** Writes strings, auxiliary vector, environment and arguments; returns the stack pointer, which is at argc. */
function fillStack(
  target: TargetName,
  memory: UserMemory,
  top: number,
  known: Readonly<Record<number, number>>,
  { argv, env = [] }: StartOptions,
  random: Uint8Array,
): number {
  const { platform, capabilities } = MACHINES[target];
  let at = top - 8;
  let room = MAX_STRINGS;
  const push = (bytes: Uint8Array) => {
    room -= bytes.length;
    if (room < 0) throw new ImageError('arguments and environment are too long');
    at -= bytes.length;
    memory.write(at, bytes);
    return at;
  };
  const pushString = (text: string) => {
    if (text.includes('\0')) throw new ImageError('an argument or environment string holds a zero byte');
    return push(new TextEncoder().encode(`${text}\0`));
  };
  const executable = pushString(argv[0] ?? '');
  const environment = [...env].reverse().map(pushString).reverse();
  const parameters = [...argv].reverse().map(pushString).reverse();
  const platformAt = pushString(platform);
  at = Math.floor(at / 16) * 16;
  const randomAt = push(random);
  const vector = new Map<number, number>([
    [AT.HWCAP, capabilities],
    [AT.PAGESZ, PAGE_SIZE],
    [AT.CLKTCK, CLOCK_TICKS],
    ...Object.entries(known).map(([key, value]): [number, number] => [Number(key), value]),
    [AT.BASE, 0],
    [AT.FLAGS, 0],
    [AT.UID, USER_ID],
    [AT.EUID, USER_ID],
    [AT.GID, USER_ID],
    [AT.EGID, USER_ID],
    [AT.SECURE, 0],
    [AT.RANDOM, randomAt],
    [AT.HWCAP2, 0],
    [AT.EXECFN, executable],
    [AT.PLATFORM, platformAt],
    [AT.NULL, 0],
  ]);
  const words = [parameters.length, ...parameters, 0, ...environment, 0, ...[...vector].flat()];
  const wordBytes = target === 'x86_64' ? 8 : 4;
  const sp = Math.floor((at - words.length * wordBytes) / 16) * 16;
  const table = new Uint8Array(words.length * wordBytes);
  const view = new DataView(table.buffer);
  for (const [index, word] of words.entries()) {
    if (wordBytes === 8) view.setBigUint64(index * 8, BigInt(word), true);
    else view.setUint32(index * 4, word, true);
  }
  memory.write(sp, table);
  return sp;
}
