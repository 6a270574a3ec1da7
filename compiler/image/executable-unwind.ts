import { SectionFlag, SectionType } from '../elf/constants.ts';
import type { ElfSection } from '../elf/writer.ts';
import { InternalError } from '../errors.ts';
import type { Target, TargetName } from '../target.ts';
import { type ExecutableLayout, type PerPart, partNames } from './executable-layout.ts';
import type { Glue } from './glue.ts';
import type { Image } from './image.ts';
import { debugFrame, ehFrame, ehFrameHeader, type OtherCode, x86SignalReturn } from './unwind-info.ts';

/** Sections that debuggers and profilers unwind by. */
export interface UnwindSections {
  /** In memory, too, the first of them with a program header of its own. */
  readonly mapped: readonly ElfSection[];
  /** In the file only. */
  readonly debug: readonly ElfSection[];
}

/** More than the code around the images takes. */
const glueBytes = 512;

/** Bytes of the mapped sections at most, before anything has an address. */
export function unwindSize(images: PerPart<Image>, target: Target): number {
  if (!isMapped[target.name]) return 0;
  const parts = partNames.map((name) => ({ image: images[name], codeAddress: 0 }));
  const frames = ehFrame(parts, 0);
  return frames.length + ehFrameHeader(frames, 0, 0).length + glueBytes;
}

/** x86-64 has .eh_frame, ARMv7 .debug_frame (unwind-info.ts says why). */
const isMapped: Readonly<Record<TargetName, boolean>> = { x86_64: true, armv7: false };

/** The unwind information of an executable. */
export function unwindSections(layout: ExecutableLayout, glue: Glue, target: Target): UnwindSections {
  const { instances, unwind } = layout;
  const parts = partNames.map((name) => ({
    image: instances[name].image,
    codeAddress: instances[name].code,
  }));
  const other = otherCode(layout, glue, target.name);
  if (!isMapped[target.name])
    return { mapped: [], debug: [section('.debug_frame', 0, debugFrame(parts, other))] };
  // The table comes first; its size follows from the number of functions.
  const headerBytes = ehFrameHeader(ehFrame(parts, 0, other), 0, 0).length;
  const address = unwind.address + Math.ceil(headerBytes / 16) * 16;
  const frames = ehFrame(parts, address, other);
  if (address + frames.length > unwind.address + unwind.bytes)
    throw new InternalError('no room for the unwind information');
  return {
    mapped: [
      section('.eh_frame_hdr', unwind.address, ehFrameHeader(frames, address, unwind.address)),
      section('.eh_frame', address, frames),
    ],
    debug: [],
  };
}

function section(name: string, address: number, content: Uint8Array): ElfSection {
  const flags = address > 0 ? SectionFlag.alloc : 0;
  return { name, type: SectionType.progbits, flags, address, align: 8, content };
}

function otherCode(layout: ExecutableLayout, glue: Glue, target: TargetName): OtherCode {
  const range = (name: 'start' | 'trampoline') => ({
    address: layout.glue[name],
    size: glue[name].offset,
    rows: glue[name].frameRows,
  });
  const ranges = [{ ...range('start'), outermost: true }, range('trampoline')];
  // Debuggers know ARM's by its instructions.
  if (target === 'armv7') return { ranges };
  return { ranges, signalReturn: x86SignalReturn(layout.glue.restorer, glue.restorer.offset) };
}
