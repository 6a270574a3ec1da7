/**
 * Numbers of the ELF format: System V gABI, chapters 4 and 5; `elf.h`. Machine-specific ones: x86-64 psABI 4.4, ELF for the
 * Arm Architecture (IHI 0044).
 */
export const ElfType = { rel: 1, exec: 2, dyn: 3 } as const;

export const ElfMachine = { arm: 40, x86_64: 62 } as const;

/** e_flags of ARM: EABI version 5, floats in VFP registers (IHI 0044, 5.3.4). */
export const ArmFlags = { eabi5: 0x05000000, hardFloat: 0x400 } as const;

export const SegmentType = { load: 1, note: 4, gnuEhFrame: 0x6474e550, gnuStack: 0x6474e551 } as const;

export const SegmentFlag = { execute: 1, write: 2, read: 4 } as const;

export const SectionType = {
  null: 0,
  progbits: 1,
  symtab: 2,
  strtab: 3,
  rela: 4,
  note: 7,
  nobits: 8,
  rel: 9,
} as const;

export const SectionFlag = { write: 1, alloc: 2, execute: 4, infoLink: 0x40 } as const;

export const SymbolType = { none: 0, object: 1, func: 2, section: 3, file: 4 } as const;

export const SymbolBinding = { local: 0, global: 1, weak: 2 } as const;

/** Section indices of symbols that are in none. */
export const SectionIndex = { undefined: 0, absolute: 0xfff1 } as const;

/** Section indices from here on do not fit the fields made for them. */
export const reservedIndices = 0xff00;

/** Relocation types that are written: x86-64 psABI table 4.9; IHI 0044 table 4-8. */
export const Relocation = {
  x86_64: { abs64: 1, pc32: 2, plt32: 4 },
  arm: { abs32: 2, call: 28, movwAbs: 43, movtAbs: 44 },
} as const;

/** Sizes in bytes of the records of either class. */
export const elfSizes = {
  32: { header: 52, segment: 32, section: 40, symbol: 16, rel: 8, rela: 12 },
  64: { header: 64, segment: 56, section: 64, symbol: 24, rel: 16, rela: 24 },
} as const;

export type ElfClass = keyof typeof elfSizes;
