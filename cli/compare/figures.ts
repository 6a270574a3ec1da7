import { CodeNote } from '../../compiler/backend/assembler.ts';
import type { ImageFunction } from '../../compiler/image/image.ts';
import type { FunctionKind } from '../../compiler/ir/function.ts';
import { type CortexA9, createCortexA9 } from '../../emu/cortex-a9.ts';
import type { ExecutedBlock } from '../../emu/execution-counts.ts';
import { createLister, type ListingRow } from '../listing.ts';
import type { Build } from './build.ts';

/** What a function became. Of all together: sums, but the largest frame. */
export interface Figures {
  /** Of the body in the module; 0 for what is the compiler's own. */
  readonly wasmBytes: number;
  /** Jump tables included. */
  readonly codeBytes: number;
  readonly instructions: number;
  readonly spills: number;
  readonly reloads: number;
  /** Of memories and tables, by a comparison: x86-64 needs none for memories. */
  readonly boundsChecks: number;
  /** Instructions that are there because the function publishes its frame. */
  readonly publication: number;
  readonly frameBytes: number;
}

/** What a run executed of it, exactly; cycles are an estimate. */
export interface RunFigures {
  /** How often the function was entered. */
  readonly calls: number;
  readonly executed: number;
  readonly loads: number;
  readonly stores: number;
  readonly takenBranches: number;
  /** Executed instructions that are there because the function publishes its frame. */
  readonly publicationExecuted: number;
  /** On a Cortex-A9 (docs/cortex-a9.md); undefined for x86-64. */
  readonly cycles?: number;
  /** Samples in it, as the innermost function; undefined where the run was not sampled. */
  readonly samples?: number;
}

/** A function of one build. */
export interface FunctionReport extends Figures {
  /** What it is matched by in other builds and reports. */
  readonly key: string;
  readonly name: string;
  readonly kind: FunctionKind;
  /** In the module's function space, or -1. */
  readonly index: number;
  readonly run?: RunFigures;
}

/** A build in figures. */
export interface BuildReport {
  readonly total: Figures & { readonly run?: RunFigures };
  readonly functions: readonly FunctionReport[];
}

/** An instruction with all that is known of it. */
export interface CodeRow extends ListingRow {
  /** {@link CodeNote}, or -1. */
  readonly note: number;
  readonly executed: number;
  /** How often execution did not go on behind it. */
  readonly taken: number;
  /** Samples at it; 0 where there was no sampling. */
  readonly samples: number;
}

/** Reads the functions of a build, one at a time: they are many. */
export class BuildReader {
  readonly build: Build;
  /** Those that have code, and their keys. */
  readonly functions: readonly { readonly f: ImageFunction; readonly key: string }[];
  private readonly lister: (f: ImageFunction, bytes?: number) => ListingRow[];
  private readonly model: CortexA9 | undefined;

  private constructor(
    build: Build,
    lister: (f: ImageFunction, bytes?: number) => ListingRow[],
    model: CortexA9 | undefined,
  ) {
    this.build = build;
    this.lister = lister;
    this.model = model;
    const keys = new Keys();
    this.functions = build.image.functions
      .filter(({ size }) => size > 0)
      .map((f) => ({ f, key: keys.of(f) }));
  }

  static async of(build: Build): Promise<BuildReader> {
    const estimates = build.run !== undefined && build.configuration.target === 'armv7';
    return new BuildReader(
      build,
      await createLister(build.image),
      estimates ? await createCortexA9() : undefined,
    );
  }

  /** The instructions of a function. */
  rows(f: ImageFunction): CodeRow[] {
    const { compiled, run } = this.build;
    const { notes = [], instructionBytes = f.size } = compiled.get(f.id) ?? {};
    const noteAt = new Map<number, number>();
    for (let k = 0; k < notes.length; k += 2) noteAt.set(f.offset + notes[k], notes[k + 1]);
    return this.lister(f, instructionBytes).map((row) => ({
      ...row,
      note: noteAt.get(row.offset) ?? -1,
      executed: run?.counts.at(row.offset) ?? 0,
      taken: run?.counts.takenTo(row.offset + row.bytes.length) ?? 0,
      samples: run?.samples?.get(row.offset) ?? 0,
    }));
  }

  report(): BuildReport {
    const blocks = this.blocksByFunction();
    const functions = this.functions.map(({ f, key }) => this.reportOf(f, key, blocks.get(f.offset) ?? []));
    return { total: totalOf(functions), functions };
  }

  private reportOf(f: ImageFunction, key: string, blocks: readonly ExecutedBlock[]): FunctionReport {
    const { image, run } = this.build;
    const rows = this.rows(f);
    const noted = (note: number): number => rows.filter((row) => row.note === note).length;
    const { name, kind, wasmIndex, size, frameBytes } = f;
    const { bodyStart = 0, bodyEnd = 0 } = image.module.functions[wasmIndex] ?? {};
    const cycles = this.model?.programCycles(blocks, (at, bytes) =>
      image.code.subarray(at, at + bytes),
    ).cycles;
    return {
      key,
      name,
      kind,
      index: wasmIndex,
      wasmBytes: bodyEnd - bodyStart,
      codeBytes: size,
      instructions: rows.length,
      spills: noted(CodeNote.spill),
      reloads: noted(CodeNote.reload),
      boundsChecks: noted(CodeNote.boundsCheck),
      publication: noted(CodeNote.publication),
      frameBytes,
      ...(run && {
        run: {
          ...executedOf(rows, run.counts, f),
          ...(cycles !== undefined && { cycles }),
          ...(run.samples && { samples: rows.reduce((sum, row) => sum + row.samples, 0) }),
        },
      }),
    };
  }

  private blocksByFunction(): Map<number, ExecutedBlock[]> {
    const found = new Map<number, ExecutedBlock[]>();
    let k = 0;
    // Both ascend.
    for (const block of this.build.run?.counts.blocks ?? []) {
      while (k + 1 < this.functions.length && this.functions[k + 1].f.offset <= block.address) k++;
      const { offset } = this.functions[k].f;
      const known = found.get(offset);
      if (known === undefined) found.set(offset, [block]);
      else known.push(block);
    }
    return found;
  }
}

function executedOf(
  rows: readonly CodeRow[],
  counts: NonNullable<Build['run']>['counts'],
  { offset }: ImageFunction,
): Omit<RunFigures, 'cycles' | 'samples'> {
  const { instructions, ...rest } = counts.totals(
    rows.map(({ offset: address, bytes, mnemonic, operands }) => ({
      address,
      size: bytes.length,
      mnemonic,
      operands,
    })),
  );
  let publicationExecuted = 0;
  for (const { note, executed } of rows) if (note === CodeNote.publication) publicationExecuted += executed;
  return { calls: counts.at(offset), executed: instructions, ...rest, publicationExecuted };
}

/** Names tell functions apart that a change may have moved; those of the same name are numbered. */
class Keys {
  private readonly known = new Map<string, number>();

  of({ name, kind }: ImageFunction): string {
    const plain = kind === 'wasm' ? name : `${name} (${kind})`;
    const before = this.known.get(plain) ?? 0;
    this.known.set(plain, before + 1);
    return before === 0 ? plain : `${plain} #${before + 1}`;
  }
}

/** Sums; the largest frame. */
export function totalOf(functions: readonly FunctionReport[]): BuildReport['total'] {
  const sum = (of: (f: FunctionReport) => number): number => functions.reduce((total, f) => total + of(f), 0);
  const ran = functions.some(({ run }) => run !== undefined);
  const sumOfRun = (key: keyof RunFigures): number => sum(({ run }) => run?.[key] ?? 0);
  const has = (key: 'cycles' | 'samples'): boolean => functions.some(({ run }) => run?.[key] !== undefined);
  return {
    wasmBytes: sum((f) => f.wasmBytes),
    codeBytes: sum((f) => f.codeBytes),
    instructions: sum((f) => f.instructions),
    spills: sum((f) => f.spills),
    reloads: sum((f) => f.reloads),
    boundsChecks: sum((f) => f.boundsChecks),
    publication: sum((f) => f.publication),
    frameBytes: functions.reduce((most, f) => Math.max(most, f.frameBytes), 0),
    ...(ran && {
      run: {
        calls: sumOfRun('calls'),
        executed: sumOfRun('executed'),
        loads: sumOfRun('loads'),
        stores: sumOfRun('stores'),
        takenBranches: sumOfRun('takenBranches'),
        publicationExecuted: sumOfRun('publicationExecuted'),
        ...(has('cycles') && { cycles: sumOfRun('cycles') }),
        ...(has('samples') && { samples: sumOfRun('samples') }),
      },
    }),
  };
}
