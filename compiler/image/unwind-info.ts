import { ByteWriter } from '../byte-writer.ts';
import {
  type CfiMachine,
  CfiWriter,
  PointerEncoding,
  type SignalReturn,
  type UnwindRange,
  type UnwindRow,
} from '../elf/dwarf-cfi.ts';
import type { Image } from './image.ts';

/**
 * Unwind information for debuggers and profilers, from the frame rows of images: the CFA and where the return address is, at every
 * instruction. It says nothing of other registers: nobody needs them to find callers, and debuggers know no variables of ours.
 *
 * x86-64 has .eh_frame, which everything reads. ARMv7 has .debug_frame, not .ARM.exidx: that describes frames
 * between calls only, not in prologues and epilogues, and its opcodes stand in for a personality routine, which
 * there is none of.
 */
export interface UnwindPart {
  readonly image: Image;
  /** Where its code was put. */
  readonly codeAddress: number;
}

/** Code besides images' functions. */
export interface OtherCode {
  readonly ranges?: readonly UnwindRange[];
  /** Where signal handlers return to; see {@link x86SignalReturn}. */
  readonly signalReturn?: SignalReturn;
}

/** Register numbers: System V ABI, AMD64 supplement, figure 3.36. */
const x86: CfiMachine = {
  stackPointer: 7,
  returnAddress: 16,
  codeAlignment: 1,
  wordBytes: 8,
  returnAddressAtEntry: 'stack',
};

/** Register numbers: DWARF for the Arm Architecture (IHI 0040), 4.1. */
const arm: CfiMachine = {
  stackPointer: 13,
  returnAddress: 14,
  codeAlignment: 4,
  wordBytes: 4,
  returnAddressAtEntry: 'register',
};

/**
 * The section .eh_frame of an x86-64 program.
 * @param sectionAddress where it will lie; its size does not depend on this
 * @throws InternalError where code lies more than 2 GiB away
 */
export function ehFrame(
  parts: readonly UnwindPart[],
  sectionAddress: number,
  other: OtherCode = {},
): Uint8Array {
  const writer = new CfiWriter(x86, { kind: 'eh_frame', address: sectionAddress });
  return write(writer, parts, other);
}

/** The section .debug_frame of an ARMv7 program. */
export function debugFrame(parts: readonly UnwindPart[], other: OtherCode = {}): Uint8Array {
  return write(new CfiWriter(arm, { kind: 'debug_frame' }), parts, other);
}

function write(writer: CfiWriter, parts: readonly UnwindPart[], other: OtherCode): Uint8Array {
  const cie = writer.cie();
  for (const range of other.ranges ?? []) writer.fde(cie, range);
  for (const part of parts) for (const range of rangesOf(part)) writer.fde(cie, range);
  if (other.signalReturn) writer.signalFde(writer.cie(true), other.signalReturn);
  return writer.finish();
}

/** The functions of an image with their rows, which are the image's between two places. */
function* rangesOf({ image, codeAddress }: UnwindPart): Generator<UnwindRange> {
  const { frameAt, cfa, returnAddress } = image.map;
  let next = 0;
  for (const { offset, size } of image.functions) {
    const rows: UnwindRow[] = [];
    for (; next < frameAt.length && frameAt[next] < offset + size; next++) {
      rows.push({ offset: frameAt[next] - offset, cfa: cfa[next], returnAddress: returnAddress[next] });
    }
    yield { address: codeAddress + offset, size, rows };
  }
}

/**
 * Registers that the kernel saved, by DWARF number: offsets in the ucontext, at which the stack pointer is when a handler has returned
 * (struct rt_sigframe, arch/x86/include/asm/sigframe.h; struct sigcontext_64, arch/x86/include/uapi/asm/sigcontext.h).
 */
const x86UcontextRegisters: ReadonlyMap<number, number> = new Map(
  // r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, from the registers' start on, 40 bytes in.
  [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16].map((register, k) => [register, 40 + 8 * k]),
);

/**
 * The code that returns from signals on x86-64. Unwinders look for the byte before a return address, and no call stands before
 * this one: the range has the byte before it, too, which must be nobody's.
 */
export const x86SignalReturn = (address: number, size: number): SignalReturn => ({
  address: address - 1,
  size: size + 1,
  registers: x86UcontextRegisters,
});

/** Where an FDE of .eh_frame stands in the section, and the code that it describes. */
export interface FdePlace {
  readonly offset: number;
  /** Offset of the field that holds the distance from itself to the code. */
  readonly locationField: number;
  /** The code's address, if the section lies at 0. */
  readonly location: number;
}

/** The FDEs of an .eh_frame section of {@link ehFrame}, in its order. */
export function fdePlaces(section: Uint8Array): FdePlace[] {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const places: FdePlace[] = [];
  for (let offset = 0; view.getUint32(offset, true) !== 0; offset += 4 + view.getUint32(offset, true)) {
    if (view.getUint32(offset + 4, true) === 0) continue;
    const locationField = offset + 8;
    places.push({ offset, locationField, location: locationField + view.getInt32(locationField, true) });
  }
  return places;
}

/**
 * The section .eh_frame_hdr, which a program header of type PT_GNU_EH_FRAME points to: a table to search .eh_frame by (LSB
 * Core 5.0, 10.6.2). Its size depends on the number of FDEs only.
 */
export function ehFrameHeader(
  section: Uint8Array,
  sectionAddress: number,
  headerAddress: number,
): Uint8Array {
  const places = fdePlaces(section).sort((a, b) => a.location - b.location);
  const out = new ByteWriter(12 + 8 * places.length);
  out.byte(1);
  out.byte(PointerEncoding.pcrel | PointerEncoding.sdata4);
  out.byte(PointerEncoding.udata4);
  out.byte(PointerEncoding.datarel | PointerEncoding.sdata4);
  out.u32(sectionAddress - (headerAddress + 4));
  out.u32(places.length);
  for (const { location, offset } of places) {
    out.u32(sectionAddress + location - headerAddress);
    out.u32(sectionAddress + offset - headerAddress);
  }
  return out.result();
}
