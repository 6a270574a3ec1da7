import type { CompileContext } from '../context.ts';
import type { Func, FunctionKind } from '../ir/function.ts';
import type { Target } from '../target.ts';
import { copies } from './copies.ts';
import { cse } from './cse.ts';
import { dce } from './dce.ts';
import { fold } from './fold.ts';
import { inline } from './inline.ts';
import { legalize } from './legalize.ts';
import { lower64 } from './lower64.ts';

/** 0: what the target needs and nothing else; 1: cheap passes; 2: inlining, too. 3 is 2 until there are passes that only it runs. */
export type OptimisationLevel = 0 | 1 | 2 | 3;

/** What a pass does: it changes the function in place. */
type Run = (func: Func, ctx: CompileContext) => void;

const passes = {
  inline: { name: 'inline', run: inline },
  copies: { name: 'copies', run: copies },
  fold: { name: 'fold', run: fold },
  cse: { name: 'cse', run: cse },
  legalize: { name: 'legalize', run: legalize },
  lower64: { name: 'lower64', run: lower64 },
  dce: { name: 'dce', run: dce },
} as const satisfies Record<string, { readonly name: string; readonly run: Run }>;

export type PassName = keyof typeof passes;

export interface Pass {
  readonly name: PassName;
  readonly run: Run;
}

/** Names of all passes, in no particular order. */
export const passNames: readonly string[] = Object.keys(passes);

/** Passes of a level: on the function as built, and on machine words after the mandatory lowering. */
interface Level {
  readonly before: readonly Pass[];
  readonly after: readonly Pass[];
}

const none: Level = { before: [], after: [] };
const cheap: Level = {
  before: [passes.fold, passes.copies, passes.cse],
  after: [passes.fold, passes.copies, passes.cse, passes.dce],
};

const full: Level = { before: [passes.inline, ...cheap.before], after: cheap.after };

/** Which passes run at each level, around the lowering. */
const levels: readonly Level[] = [none, cheap, full, full];

/** Names of the passes that code can do without, which are all but the lowering: what `CompileOptions.without` takes. */
export const optionalPasses: readonly PassName[] = [
  ...new Set(levels.flatMap(({ before, after }) => [...before, ...after].map(({ name }) => name))),
];

/** What a body goes through before it is put in place of calls (inline-templates.ts). */
const templatePasses: readonly Pass[] = [...full.before, passes.dce];

/** Lowering that every function needs. Splitting words leaves operations behind that may need a helper in turn. */
const lowering: readonly Pass[] = [passes.legalize];
const splitLowering: readonly Pass[] = [passes.legalize, passes.lower64, passes.legalize];

/** The passes that a function goes through, in order. */
export function passesFor(kind: FunctionKind, level: OptimisationLevel, target: Target): readonly Pass[] {
  // Adapters set the pinned exec env, which optimisations take to be one value throughout a function.
  const adapter = kind === 'entry-adapter' || kind === 'cross-adapter' || kind === 'host-adapter';
  const { before, after } = adapter ? none : levels[level];
  return [...before, ...(target.lowering.splitWords ? splitLowering : lowering), ...after];
}

/** Optimises a body that is to be inlined, in place. It is lowered where it comes to be. */
export function runTemplatePasses(func: Func, ctx: CompileContext): void {
  for (const pass of templatePasses) if (!ctx.without?.has(pass.name)) pass.run(func, ctx);
}

/**
 * Optimises `func` and lowers it to what the target selects, in place.
 * @param observe called after every pass
 */
export function runPasses(
  func: Func,
  level: OptimisationLevel,
  ctx: CompileContext,
  observe?: (pass: string, func: Func) => void,
): void {
  for (const pass of passesFor(func.symbol.kind, level, ctx.target)) {
    if (ctx.without?.has(pass.name)) continue;
    pass.run(func, ctx);
    observe?.(pass.name, func);
  }
}
