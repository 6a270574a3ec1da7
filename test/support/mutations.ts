import { Assembler } from '../../compiler/backend/assembler.ts';
import type { MFunction } from '../../compiler/backend/machine.ts';
import type { Image, StackMap } from '../../compiler/image/image.ts';
import {
  type MemoryOrder,
  type Publication,
  type SchemeName,
  schemeNames,
} from '../../compiler/stack/scheme.ts';
import type { FrameLayout, Target, TargetName } from '../../compiler/target.ts';
import type { CheckDifference } from '../../emu/check/difference.ts';
import type { Machine } from '../../emu/machine.ts';
import { Reg } from '../../targets/armv7/registers.ts';
import {
  armLoad,
  armStore,
  aroundEntryStore,
  disassemblers,
  type Emit,
  littleEndian,
  placesFromSp,
  type Row,
  recordBehindTop,
  withoutStore,
} from './changed-code.ts';

/** How the mutated code is compiled. */
export interface Build {
  readonly level: 0 | 1 | 2;
  /** Functions' records have one word where it is relaxed, two otherwise. */
  readonly order: MemoryOrder;
}

export const builds = {
  plain: { level: 1, order: 'relaxed' },
  optimised: { level: 2, order: 'relaxed' },
  /** Records of two words. */
  named: { level: 2, order: 'release' },
} as const satisfies Readonly<Record<string, Build>>;

/** Compilers, images and machines that break publication on purpose: `fathom check` must find each. */
export interface Mutation {
  readonly name: string;
  /** The schemes that it breaks; for each other one, why it does not. */
  readonly applies: Readonly<Record<SchemeName, true | string>>;
  /** Why no executable shows it to its signal handler; undefined where one does. */
  readonly notByHandler?: string;
  /** Leaves publish, too. */
  readonly publishLeaves?: boolean;
  /** Plain where nothing is said. */
  readonly builds?: readonly Build[];
  /** True of what it must be found by, where that is more than that there is a difference. */
  readonly isFound?: (difference: CheckDifference) => boolean;
  readonly target?: (target: Target) => Target;
  readonly image?: (image: Image) => Image;
  readonly machine?: (machine: Machine) => void;
}

/** The code emitted last, to be changed in place. */
class Emitted {
  private readonly target: TargetName;
  private readonly asm: Assembler;
  /** The instruction that stores `top`. */
  private readonly store: Row;

  constructor(target: TargetName, asm: Assembler, from: number) {
    this.target = target;
    this.asm = asm;
    const at = asm.publications[asm.publications.length - 1];
    const rows: readonly Row[] = disassemblers[target].disassemble(asm.bytes().slice(from), from);
    const store = rows.find(({ address }) => address === at);
    if (store === undefined) throw new Error('no publication was emitted');
    this.store = store;
  }

  /** Takes the store to `top` out. */
  dropStore(at: 'entry' | 'exit'): void {
    this.asm.bytes().set(withoutStore(this.target, this.store, at), this.store.address);
  }
}

/** Functions that a scheme has publish; where none do, adapters, which publish under every scheme. */
const isMutated = (func: MFunction, { scheme }: Publication): boolean =>
  scheme.functions ? func.symbol.kind === 'wasm' : func.symbol.kind !== 'wasm';

/** Lets `change` at the bytes that `emit` emits for functions that publish. */
const changed =
  (
    target: Target,
    emit: Emit,
    change: (emitted: Emitted) => void,
    only: (func: MFunction) => boolean = () => true,
  ): Emit =>
  (func, frame, publication, asm) => {
    const from = asm.offset;
    emit(func, frame, publication, asm);
    if (frame.publishes && isMutated(func, publication) && only(func))
      change(new Emitted(target.name, asm, from));
  };

const dropEntryStore = (target: Target, only?: (func: MFunction) => boolean): Emit =>
  changed(target, target.emitPrologue, (emitted) => emitted.dropStore('entry'), only);

const dropExitStore = (target: Target, only?: (func: MFunction) => boolean): Emit =>
  changed(target, target.emitEpilogue, (emitted) => emitted.dropStore('exit'), only);

/**
 * A store of the lower half of register `value`, which has the record's address, to `top`: what another core could see of two that are not one.
 */
function storeHalf(
  target: Target,
  { scheme: { top } }: Publication,
  value: number,
  base: number,
): readonly number[] {
  if (target.name === 'x86_64') {
    // mov dword [r15 + disp32], esp or mov dword [r11 - disp32], esp (Intel SDM volume 2, MOV; REX.B).
    const [rm, displacement] = top.kind === 'env' ? [7, top.offset] : [3, -top.distance];
    return [0x41, 0x89, 0xa0 | rm, ...littleEndian(displacement)];
  }
  // strh value, [base, #+offset] or [base, #-offset] (DDI 0406C A8.8.217).
  const [up, offset] = top.kind === 'env' ? [1, top.offset] : [0, top.distance - (top.distance & ~0xfff)];
  if (offset > 0xff) throw new Error('no halfword store reaches top');
  const word = 0xe140_00b0 | (up << 23) | (base << 16) | (value << 12) | ((offset >> 4) << 8) | (offset & 15);
  return littleEndian(word);
}

/** Stores half of the stack pointer in front of the whole. */
const tornPrologue = (target: Target): Emit =>
  aroundEntryStore(target, (func, frame, publication) => {
    if (!frame.publishes || !isMutated(func, publication)) return undefined;
    const trial = new Assembler();
    target.emitPrologue(func, frame, publication, trial);
    // ARM's store has registers Rn and Rt (DDI 0406C A8.8.204).
    const store = trial.bytes().slice(trial.publications[0]);
    return { before: storeHalf(target, publication, store[1] >> 4, store[2] & 15) };
  });

/** Shows the record before it is whole. */
const earlyPrologue = (target: Target): Emit =>
  aroundEntryStore(target, (func, frame, publication, asm) =>
    frame.publishes && isMutated(func, publication)
      ? recordBehindTop(target, frame, publication, asm)
      : undefined,
  );

/** Whose record says that it is another function's: of the number after its own, or, where it is a code address, of who called. */
function misnamedPrologue(target: Target): Emit {
  const misnames = (func: MFunction, frame: FrameLayout): boolean =>
    frame.publishes && func.symbol.kind === 'wasm';
  if (target.name === 'x86_64')
    return (func, frame, publication, asm) => {
      const symbol = { ...func.symbol, id: func.symbol.id + 1 };
      const misnamed: MFunction = Object.create(func, { symbol: { value: symbol } });
      target.emitPrologue(misnames(func, frame) ? misnamed : func, frame, publication, asm);
    };
  return aroundEntryStore(target, (func, frame, _publication, asm) => {
    if (!misnames(func, frame)) return undefined;
    // lr is saved, as the function calls, in the frame's highest word.
    const { record, cfa } = placesFromSp(frame, asm);
    return { before: [armLoad(Reg.lr, cfa - 4), armStore(Reg.lr, record + 4)].flatMap(littleEndian) };
  });
}

/** As if nothing needed a record: the function's code and its tables agree, but it publishes nothing. */
const unpublished =
  (target: Target): Target['layoutFrame'] =>
  (func, publication): FrameLayout => {
    const { scheme } = publication;
    const elided = scheme.functions && func.symbol.kind === 'wasm';
    return target.layoutFrame(
      func,
      elided ? { ...publication, leaves: false, scheme: { ...scheme, functions: false } } : publication,
    );
  };

/** Rows of the table of frames of functions that `only` accepts, changed by `row`; rows that it gives undefined for stay. */
function withFrames(
  image: Image,
  only: (kind: Image['functions'][number]) => boolean,
  row: (map: StackMap, rows: readonly number[], f: Image['functions'][number]) => void,
): Image {
  const map: StackMap = {
    ...image.map,
    frameAt: image.map.frameAt.slice(),
    cfa: image.map.cfa.slice(),
  };
  for (const f of image.functions.filter(only)) {
    const rows = [...map.frameAt.keys()].filter(
      (k) => map.frameAt[k] >= f.offset && map.frameAt[k] < f.offset + f.size,
    );
    row(map, rows, f);
  }
  return { ...image, map };
}

const isWasm = ({ kind }: Image['functions'][number]): boolean => kind === 'wasm';

/** Frames are said to be a word larger than they are. */
function wrongSize(image: Image): Image {
  const { word } = image.env;
  const grown = withFrames(image, isWasm, ({ cfa }, rows, f) => {
    for (const row of rows) if (cfa[row] === f.frameBytes) cfa[row] += word;
  });
  const functions = image.functions.map((f) => (isWasm(f) ? { ...f, frameBytes: f.frameBytes + word } : f));
  return { ...grown, functions };
}

/** The row of the prologue that matters, the one of the publication or the first, begins one instruction late. */
function lateRow(image: Image): Image {
  const disassembler = disassemblers[image.target];
  const { published } = image.map;
  const publishing = published.some((value, k) => value !== 0 && isWasm(functionOfRow(image, k)));
  return withFrames(image, isWasm, ({ frameAt }, rows, f) => {
    const late = publishing ? rows.find((k) => published[k] !== 0) : rows[1];
    if (late === undefined) return;
    const code = image.code.subarray(frameAt[late], f.offset + f.size);
    const [instruction] = disassembler.disassemble(code, frameAt[late]);
    frameAt[late] += instruction.size;
  });
}

function functionOfRow({ functions, map }: Image, row: number): Image['functions'][number] {
  const at = map.frameAt[row];
  return functions.findLast(({ offset }) => offset <= at) ?? functions[0];
}

/** Whether the interrupt came right behind the store to `top` on entry: there, and nowhere else, the record is not whole. */
function isInWindow({ place }: CheckDifference): boolean {
  if (place === undefined) return false;
  const { image, symbol, offset, bytes } = place;
  const rows: readonly Row[] = disassemblers[image.target].disassemble(bytes, symbol.offset);
  const store = rows.findIndex(({ address }) => image.map.publicationAt.includes(address));
  return store >= 0 && offset === rows[store + 1]?.address;
}

const applies = (reasons: Partial<Record<SchemeName, string>>): Readonly<Record<SchemeName, true | string>> =>
  Object.fromEntries(
    schemeNames.map((name) => [
      name,
      reasons[name] ?? (name === 'none' ? 'nothing but the innermost frame is read' : true),
    ]),
  ) as Record<SchemeName, true | string>;

/** Where no function publishes, what publishes, adapters, is mutated in place of functions. */
export const mutations: readonly Mutation[] = [
  {
    name: 'top before record',
    applies: applies({
      unwind: 'records of adapters are read where the host calls back, which is long after they are whole',
    }),
    builds: [builds.plain, builds.named],
    isFound: isInWindow,
    target: (target) => ({ ...target, emitPrologue: earlyPrologue(target) }),
  },
  {
    name: 'missing push',
    applies: applies({}),
    builds: [builds.plain, builds.named],
    target: (target) => ({ ...target, emitPrologue: dropEntryStore(target) }),
  },
  {
    name: 'missing pop',
    applies: applies({}),
    builds: [builds.optimised],
    target: (target) => ({ ...target, emitEpilogue: dropExitStore(target) }),
  },
  {
    name: 'missing pop on a trap edge',
    applies: applies({}),
    notByHandler: 'a trap ends an executable',
    machine: (machine) => {
      machine.writeTop = () => {};
    },
  },
  {
    name: 'torn store',
    applies: applies({
      unwind: 'top is read where the host calls back, which is long after an adapter stored it',
    }),
    builds: [builds.plain, builds.named],
    target: (target) => ({ ...target, emitPrologue: tornPrologue(target) }),
  },
  {
    name: "another function's self",
    applies: applies({ unwind: 'no function publishes' }),
    builds: [builds.named],
    isFound: ({ reason }) => reason.includes('wrong-function'),
    target: (target) => ({ ...target, emitPrologue: misnamedPrologue(target) }),
  },
  { name: 'wrong size in the stack map', applies: applies({}), image: wrongSize },
  {
    name: 'prologue row one instruction late',
    applies: applies({}),
    builds: [builds.optimised],
    image: lateRow,
  },
  {
    name: 'stores of a leaf elided by an optimiser',
    applies: applies({ unwind: 'no function publishes, so no store can be taken out' }),
    publishLeaves: true,
    target: (target) => {
      const isLeaf = ({ hasCalls }: MFunction): boolean => !hasCalls;
      return {
        ...target,
        emitPrologue: dropEntryStore(target, isLeaf),
        emitEpilogue: dropExitStore(target, isLeaf),
      };
    },
  },
  {
    name: 'a function that calls publishes nothing',
    applies: applies({ unwind: 'no function publishes' }),
    target: (target) => ({ ...target, layoutFrame: unpublished(target) }),
  },
  {
    name: 'a leaf publishes nothing where leaves must',
    applies: applies({ unwind: 'no function publishes' }),
    notByHandler: 'its program counter names the leaf, and what it reads is right',
    publishLeaves: true,
    target: (target) => ({
      ...target,
      layoutFrame: (func, publication) =>
        (func.hasCalls ? target.layoutFrame : unpublished(target))(func, publication),
    }),
  },
];

/** Rows for people: which mutation breaks which scheme, and why not the others. */
export const mutationTable = (): string[][] =>
  mutations.map(({ name, applies: to }) => [
    name,
    ...schemeNames.map((scheme) => (to[scheme] === true ? 'breaks' : to[scheme])),
  ]);
