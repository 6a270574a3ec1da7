import { ByteWriter } from '../byte-writer.ts';
import {
  ElfType,
  SectionFlag,
  SectionType,
  SegmentFlag,
  SegmentType,
  SymbolBinding,
  SymbolType,
} from '../elf/constants.ts';
import { type ElfSection, type ElfSegment, type ElfSymbol, writeElf } from '../elf/writer.ts';
import type { Target } from '../target.ts';
import type { Area } from './area.ts';
import { type ExecutableLayout, type PartName, partNames, type Range } from './executable-layout.ts';
import { unwindSections } from './executable-unwind.ts';
import type { Glue } from './glue.ts';
import type { Image } from './image.ts';
import { stackMapSchemes } from './stack-map.ts';

/** Numbers of the note `.note.fathom` (docs/executables.md). */
const targetNumbers = { x86_64: 0, armv7: 1 } as const;
const orderNumbers = { relaxed: 0, release: 1, seq_cst: 2 } as const;

/** The ELF file of a laid-out and written executable: what is in it lies where its sections say, and none is both written and executed. */
export function executableFile(
  layout: ExecutableLayout,
  glue: Glue,
  target: Target,
  dumpSignal: number,
): Uint8Array {
  const { linux } = target;
  const { rodata, text, data, bss, memory, maps } = layout;
  const unwind = unwindSections(layout, glue, target);
  const { alloc, write, execute } = SectionFlag;
  const section = (name: string, flags: number, area: Area): ElfSection => ({
    name,
    type: SectionType.progbits,
    flags: alloc | flags,
    address: area.start,
    align: 16,
    content: area.bytes,
  });
  const note: ElfSection = {
    name: '.note.fathom',
    type: SectionType.note,
    flags: alloc,
    address: layout.note,
    align: 4,
    content: noteOf(layout.instances.app.image, target, dumpSignal),
  };
  const readOnly: ElfSection[] = [
    note,
    section('.rodata', 0, rodata),
    ...partNames.map(
      (name): ElfSection => ({
        name: `.fathom.map.${name}`,
        type: SectionType.progbits,
        flags: alloc,
        address: maps[name].address,
        align: 16,
        content: maps[name].bytes,
      }),
    ),
    ...unwind.mapped,
  ];
  const code = section('.text', execute, text);
  const written = section('.data', write, data);
  const zeros: ElfSection = {
    name: '.bss',
    type: SectionType.nobits,
    flags: alloc | write,
    address: bss.start,
    align: 16,
    content: bss.size,
  };
  const load = (access: number, sections: readonly ElfSection[], headers = false): ElfSegment => ({
    type: SegmentType.load,
    flags: SegmentFlag.read | access,
    align: linux.pageBytes,
    sections,
    headers,
  });
  const area = ({ address, bytes }: Range): ElfSegment => ({
    ...load(SegmentFlag.write, []),
    address,
    memoryBytes: bytes,
  });
  return writeElf({
    class: linux.elfClass,
    type: ElfType.exec,
    machine: linux.machine,
    flags: linux.flags,
    entry: layout.glue.start,
    sections: [...readOnly, code, written, zeros, ...unwind.debug],
    segments: [
      load(0, readOnly, true),
      load(SegmentFlag.execute, [code]),
      load(SegmentFlag.write, [written, zeros]),
      ...(memory.tail === undefined ? [] : [area(memory.tail)]),
      area(memory.stack),
      area(memory.signalStack),
      area(memory.wasi),
      area(memory.handler),
      { type: SegmentType.note, flags: SegmentFlag.read, align: 4, sections: [note] },
      ...unwind.mapped.slice(0, 1).map((table) => ({
        type: SegmentType.gnuEhFrame,
        flags: SegmentFlag.read,
        align: 4,
        sections: [table],
      })),
      // Not executable.
      { type: SegmentType.gnuStack, flags: SegmentFlag.read | SegmentFlag.write, align: 16, sections: [] },
    ],
    symbols: symbolsOf(layout, glue, target, code, written),
  });
}

/** Name, type 1, and what a reader must know before it believes anything else. */
export function noteOf(
  { abiVersion, layoutHash, scheme, order }: Image,
  target: Target,
  dumpSignal: number,
): Uint8Array {
  const out = new ByteWriter();
  for (const word of [7, 6 * 4, 1]) out.u32(word);
  out.string('Fathom');
  out.align(4);
  out.u32(abiVersion);
  out.u32(layoutHash);
  out.u32(targetNumbers[target.name]);
  out.u32(stackMapSchemes.indexOf(scheme));
  out.u32(orderNumbers[order]);
  out.u32(dumpSignal);
  return out.result();
}

/** Functions under their own names, those of the runtime behind the name of their image; exec envs and the program info. */
function symbolsOf(
  layout: ExecutableLayout,
  glue: Glue,
  target: Target,
  text: ElfSection,
  data: ElfSection,
): ElfSymbol[] {
  const { instances } = layout;
  const { func, object } = SymbolType;
  const symbols: ElfSymbol[] = [];
  const add = (name: string, value: number, size: number, type: number, section: ElfSection): void => {
    symbols.push({ name, value, size, type, binding: SymbolBinding.local, section });
  };
  const mapping = (name: '$a' | '$d', value: number): void => {
    // Where code and data begin in a section: disassemblers of ARM code ask for it (IHI 0044, 4.5.5).
    if (target.name === 'armv7') add(name, value, 0, SymbolType.none, text);
  };
  mapping('$a', text.address);
  add('fathom_signal', layout.glue.trampoline, glue.trampoline.offset, func, text);
  add('fathom_restorer', layout.glue.restorer, glue.restorer.offset, func, text);
  add('fathom_no_service', layout.glue.noService, glue.noService.offset, func, text);
  for (const name of partNames) {
    const { image, code, env } = instances[name];
    mapping('$a', code);
    for (const f of image.functions)
      add(symbolName(name, f.name, f.wasmIndex < 0), code + f.offset, f.size, func, text);
    if (image.constantsOffset < image.code.length) mapping('$d', code + image.constantsOffset);
    add(`fathom_${name}_env`, env, image.env.size, object, data);
  }
  add('fathom_info', layout.info, layout.records - layout.info, object, data);
  symbols.push({
    name: '_start',
    value: layout.glue.start,
    size: glue.start.offset,
    type: func,
    binding: SymbolBinding.global,
    section: text,
  });
  return symbols;
}

/** Control characters, which a listing could not show, become U+FFFD. */
function symbolName(part: PartName, name: string, made: boolean): string {
  const clean = name.replace(/\p{Cc}/gu, '\ufffd');
  if (part === 'app' && !made) return clean;
  return `fathom_${part}_${made ? clean.replaceAll(' ', '_') : clean}`;
}
