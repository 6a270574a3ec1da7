import { allocateRegisters } from './backend/allocate.ts';
import { type CompiledFunction, emitFunction } from './backend/emit.ts';
import { layoutBlocks } from './backend/layout.ts';
import type { MFunction } from './backend/machine.ts';
import { fillPositions } from './backend/positions.ts';
import { dropRedundantMoves } from './backend/redundant-moves.ts';
import { selectFunction } from './backend/select.ts';
import { Clock } from './clock.ts';
import type { Image } from './image/image.ts';
import { link } from './image/link.ts';
import type { Func } from './ir/function.ts';
import { type OptimisationLevel, type PassName, runPasses } from './passes/pipeline.ts';
import { Program } from './program.ts';
import { schemes } from './stack/index.ts';
import { none } from './stack/none.ts';
import type { MemoryOrder, SchemeName } from './stack/scheme.ts';
import type { Target } from './target.ts';
import { decodeModule } from './wasm/reader.ts';
import { validateModule } from './wasm/validate.ts';

/** What to compile for, how, and who looks on. */
export interface CompileOptions {
  readonly target: Target;
  readonly level: OptimisationLevel;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  /** Functions that call nothing publish too, for readers that do not know the program counter. */
  readonly publishLeaves?: boolean;
  /**
   * Passes that are left out, of those that the level has and code can do without (`optionalPasses`): to see what one is worth, or
   * whether it is to blame. Of an executable, the module is compiled without them, the runtime is not.
   */
  readonly without?: readonly PassName[];
  /**
   * Imports from the module `fathom` are instructions (frontend/intrinsics.ts), which reach all memory of the process: for
   * Fathom's own runtime, never for a user's module.
   */
  readonly intrinsics?: boolean;
  readonly observe?: Observers;
  /** Called after each function with the number done and the number known so far (helpers join while compiling). */
  readonly progress?: (done: number, of: number) => void;
}

/** Looks at the stages that a function goes through, and may throw. */
export interface Observers {
  /** After the front end (`build`) and after every pass. The function changes later. */
  readonly afterPass?: (pass: string, func: Func) => void;
  /** On virtual registers, then with allocated registers, then in its final order. */
  readonly afterStage?: (stage: MachineStage, func: MFunction) => void;
  /** Its machine code, before the linker puts it into the image. */
  readonly afterEmit?: (compiled: CompiledFunction) => void;
  /** How long one stage or pass of one function took. */
  readonly onTime?: (stage: string, milliseconds: number) => void;
}

export type MachineStage = 'select' | 'allocate' | 'layout';

/**
 * Compiles a module: the whole pipeline. Functions are taken in index order, so that the first invalid one is what is
 * reported.
 * @throws CompileError if the module is malformed, invalid, or uses what Fathom does not compile; with `intrinsics`, if it uses
 *   them other than by calls, or exports a `service` of another type
 */
export function compile(bytes: Uint8Array, options: CompileOptions): Image {
  const { target, scheme, order, publishLeaves = false } = options;
  const clock = new Clock(options.observe?.onTime);
  const module = decodeModule(bytes);
  validateModule(module);
  clock.lap('decode');
  const publication = { scheme: schemes[scheme](target.wordBytes), order, leaves: publishLeaves };
  const program = new Program(module, target, publication, options);
  const compiled: CompiledFunction[] = [];
  for (let id = 0; id < program.size; id++) {
    compiled.push(compileFunction(program, id, options, clock));
    options.progress?.(compiled.length, program.size);
  }
  clock.restart();
  const image = link(program, compiled);
  clock.lap('link');
  return image;
}

function compileFunction(
  program: Program,
  id: number,
  options: CompileOptions,
  clock: Clock,
): CompiledFunction {
  const { target, publication } = program;
  const observe = options.observe ?? {};
  clock.restart();
  const func = program.build(id);
  clock.lap('build');
  observe.afterPass?.('build', func);
  clock.restart();
  runPasses(func, options.level, program, (pass) => {
    clock.lap(pass);
    observe.afterPass?.(pass, func);
    clock.restart();
  });
  const machine = selectFunction(func, target);
  clock.lap('select');
  observe.afterStage?.('select', machine);
  clock.restart();
  allocateRegisters(machine, target);
  clock.lap('allocate');
  observe.afterStage?.('allocate', machine);
  clock.restart();
  dropRedundantMoves(machine, target);
  fillPositions(machine);
  layoutBlocks(machine, target);
  clock.lap('layout');
  observe.afterStage?.('layout', machine);
  clock.restart();
  const compiled = emitFunction(machine, target, publication);
  clock.lap('emit');
  observe.afterEmit?.(compiled);
  return compiled;
}

/**
 * Checks a module as WebAssembly validation does, and whether Fathom compiles its features.
 * @throws CompileError
 */
export function validate(bytes: Uint8Array, target: Target): void {
  const module = decodeModule(bytes);
  validateModule(module);
  const publication = { scheme: none(target.wordBytes), order: 'relaxed', leaves: false } as const;
  const program = new Program(module, target, publication);
  for (const id of program.symbols.wasm) {
    if (id >= 0) program.build(id);
  }
}
