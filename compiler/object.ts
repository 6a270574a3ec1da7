import { Assembler } from './backend/assembler.ts';
import { ElfType, Relocation, SectionFlag, SectionType, SymbolBinding, SymbolType } from './elf/constants.ts';
import {
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  undefinedSymbol,
  writeElf,
} from './elf/writer.ts';
import { CompileError, InternalError } from './errors.ts';
import { noteOf } from './image/executable-file.ts';
import type { Image, LoadRelocation } from './image/image.ts';
import type { CInterface } from './image/object-code.ts';
import type { AddressOf, DataRelocation } from './image/object-data.ts';
import { objectHeader } from './image/object-header.ts';
import { describeModule } from './image/object-module.ts';
import { type ObjectPlan, planObject } from './image/object-plan.ts';
import type { Target, TargetName } from './target.ts';

/** An object file and the C header that declares what is in it. */
export interface ObjectFile {
  readonly object: Uint8Array;
  readonly header: string;
}

/**
 * A relocatable ELF object of an image: its code, a C function for every exported function and calls of C functions for the imported
 * ones, and `<prefix>_module`, which `runtime/include/fathom.h` makes instances from. Nothing in it is written to but by the linker.
 *
 * @param prefix front of all symbols: a C identifier
 * @throws CompileError `unsupported` for imports that an object cannot have, and for scheme `tail`
 */
export function linkObject(image: Image, target: Target, c: CInterface, prefix: string): ObjectFile {
  if (image.scheme === 'tail')
    throw new CompileError(
      'unsupported',
      "scheme tail does not go into an object: a C program's stack has no word below its guard",
    );
  const plan = planObject(image, prefix);
  return { object: new ObjectLinker(image, target, c, plan).link(), header: objectHeader(image, plan) };
}

/** What ELF calls the things of a target. */
interface ElfTarget {
  /** Relocations: a word that is an address, and a call with what is added to the distance it is given. */
  readonly word: number;
  readonly call: number;
  readonly callAddend: number;
  readonly load: Readonly<Partial<Record<LoadRelocation['kind'], number>>>;
  /** Names of the symbols that tell code from literals apart (IHI 0044, 4.5.5). */
  readonly mapping: { readonly code: string; readonly data: string } | undefined;
}

const elfTargets: Readonly<Record<TargetName, ElfTarget>> = {
  x86_64: {
    word: Relocation.x86_64.abs64,
    call: Relocation.x86_64.plt32,
    callAddend: -4,
    load: {},
    mapping: undefined,
  },
  armv7: {
    word: Relocation.arm.abs32,
    call: Relocation.arm.call,
    callAddend: -8,
    load: { 'arm-movw': Relocation.arm.movwAbs, 'arm-movt': Relocation.arm.movtAbs },
    mapping: { code: '$a', data: '$d' },
  },
};

/** Code behind the image's: C functions around exports and imports. */
interface Glue {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const align16 = (n: number): number => (n + 15) & -16;

class ObjectLinker {
  private readonly image: Image;
  private readonly target: Target;
  private readonly c: CInterface;
  private readonly plan: ObjectPlan;
  private readonly elf: ElfTarget;
  private readonly glue: Glue[] = [];
  private textBytes: number;
  private readonly symbols: ElfSymbol[] = [];
  private readonly externals = new Map<string, ElfSymbol>();
  /** Calls of the program's functions: where, and whom. */
  private readonly calls: { readonly offset: number; readonly symbol: string }[] = [];

  constructor(image: Image, target: Target, c: CInterface, plan: ObjectPlan) {
    this.image = image;
    this.target = target;
    this.c = c;
    this.plan = plan;
    this.elf = elfTargets[target.name];
    this.textBytes = align16(image.code.length);
  }

  link(): Uint8Array {
    const { image, plan } = this;
    const { linux } = this.target;
    const exports = this.exports();
    const imports = plan.functionImports.map((f) => {
      const asm = new Assembler();
      this.c.emitImport(asm, f);
      const { offset } = this.addGlue(asm);
      for (const call of asm.relocations) this.calls.push({ offset: offset + call.offset, symbol: f.symbol });
      return offset;
    });
    const module = describeModule(image, plan, { bytes: this.textBytes, imports });
    const { alloc, write, execute } = SectionFlag;
    const relocations: Record<'text' | 'data', ElfRelocation[]> = { text: [], data: [] };
    const text = section('.text', alloc | execute, 16, this.text(), relocations.text);
    const rodata = section('.rodata', alloc, 16, module.rodata.bytes);
    const data = section('.data.rel.ro', alloc | write, 16, module.data.bytes, relocations.data);
    const sections = { text, rodata, data };
    const note = {
      ...section('.note.fathom', alloc, 4, noteOf(image, this.target, 0)),
      type: SectionType.note,
    };
    const bases = {
      text: sectionSymbol(text),
      rodata: sectionSymbol(rodata),
      data: sectionSymbol(data),
    };
    this.symbols.push(...Object.values(bases));
    const base = (of: AddressOf): ElfSymbol =>
      'section' in of ? bases[of.section] : this.external(of.symbol);
    relocations.data.push(...module.data.relocations.map((r) => this.addressRelocation(r, base(r.of))));
    relocations.text.push(...this.textRelocations(text));
    this.functionSymbols(text);
    for (const [symbol, { offset, bytes }] of exports)
      this.symbols.push(symbolOf(symbol, SymbolType.func, text, offset, bytes.length));
    this.symbols.push(
      symbolOf(`${plan.prefix}_module`, SymbolType.object, data, module.module, module.moduleBytes),
    );
    return writeElf({
      class: linux.elfClass,
      type: ElfType.rel,
      machine: linux.machine,
      flags: linux.flags,
      entry: 0,
      segments: [],
      sections: [...Object.values(sections), note, section('.note.GNU-stack', 0, 1, new Uint8Array())],
      symbols: [...this.symbols, ...this.externals.values()],
    });
  }

  /** C functions for exports, one for each exported function; two names of one are two symbols. */
  private exports(): Map<string, Glue> {
    const { image, plan, target } = this;
    const { module, env, symbols } = image;
    const made = new Map<number, Glue>();
    const named = new Map<string, Glue>();
    for (const f of plan.functions) {
      let glue = made.get(f.index);
      if (glue === undefined) {
        const imported = f.index < module.importedFunctions;
        const asm = new Assembler();
        this.c.emitExport(asm, {
          ...f,
          imported,
          descriptor: imported ? env.functionImports[f.index] : env.descriptors[f.index],
          entry: symbols.entry[module.functions[f.index].typeIndex],
        });
        glue = this.addGlue(asm);
        for (const { offset, kind, index } of asm.relocations)
          target.patch(glue.bytes, offset, kind, image.functions[index].offset - glue.offset);
        made.set(f.index, glue);
      }
      named.set(f.symbol, glue);
    }
    return named;
  }

  private addGlue(asm: Assembler): Glue {
    const glue = { offset: this.textBytes, bytes: asm.bytes().slice() };
    this.textBytes = align16(glue.offset + glue.bytes.length);
    this.glue.push(glue);
    return glue;
  }

  private text(): Uint8Array {
    const { image } = this;
    const text = new Uint8Array(this.textBytes);
    text.set(image.code);
    for (const { offset, bytes } of this.glue) text.set(bytes, offset);
    return text;
  }

  /** `movw` and `movt` hold addends of 16 bits, signed (IHI 0044, 4.6.1.1): too few for code, so each place has a symbol. */
  private textRelocations(text: ElfSection): ElfRelocation[] {
    const { image, elf } = this;
    const places = new Map<number, ElfSymbol>();
    const place = (offset: number): ElfSymbol => {
      let symbol = places.get(offset);
      if (symbol === undefined) {
        const name = `${this.plan.prefix}__literal_${places.size}`;
        symbol = symbolOf(name, SymbolType.none, text, offset, 0, SymbolBinding.local);
        places.set(offset, symbol);
        this.symbols.push(symbol);
      }
      return symbol;
    };
    const code = image.relocations.map(({ offset, kind, addend }) => {
      const type = elf.load[kind];
      if (type === undefined) throw new InternalError(`${kind} on ${image.target}`);
      return { offset, symbol: place(addend), type, addend: 0 };
    });
    const calls = this.calls.map(({ offset, symbol }) => ({
      offset,
      symbol: this.external(symbol),
      type: elf.call,
      addend: elf.callAddend,
    }));
    return [...code, ...calls];
  }

  private addressRelocation({ offset, addend }: DataRelocation, symbol: ElfSymbol): ElfRelocation {
    return { offset, symbol, type: this.elf.word, addend };
  }

  private external(name: string): ElfSymbol {
    let symbol = this.externals.get(name);
    if (symbol === undefined) {
      symbol = undefinedSymbol(name);
      this.externals.set(name, symbol);
    }
    return symbol;
  }

  /** Local symbols, for debuggers and profilers: `<prefix>__<name>`, the name that the module gives a function. */
  private functionSymbols(text: ElfSection): void {
    const { image, plan, elf } = this;
    const { local } = SymbolBinding;
    for (const { name, offset, size } of image.functions) {
      const label = `${plan.prefix}__${name.replace(/\p{Cc}/gu, '\ufffd').replaceAll(' ', '_')}`;
      this.symbols.push(symbolOf(label, SymbolType.func, text, offset, size, local));
    }
    if (elf.mapping === undefined) return;
    const { code, data } = elf.mapping;
    const marks: [string, number][] = [
      [code, 0],
      [data, image.constantsOffset],
      [code, align16(image.code.length)],
    ];
    for (const [name, offset] of marks)
      this.symbols.push(symbolOf(name, SymbolType.none, text, offset, 0, local));
  }
}

const section = (
  name: string,
  flags: number,
  align: number,
  content: Uint8Array,
  relocations: readonly ElfRelocation[] = [],
): ElfSection => ({ name, type: SectionType.progbits, flags, address: 0, align, content, relocations });

const sectionSymbol = (of: ElfSection): ElfSymbol => ({
  name: '',
  value: 0,
  size: 0,
  type: SymbolType.section,
  binding: SymbolBinding.local,
  section: of,
});

const symbolOf = (
  name: string,
  type: number,
  of: ElfSection,
  value: number,
  size: number,
  binding: number = SymbolBinding.global,
): ElfSymbol => ({ name, value, size, type, binding, section: of });
