import type { Inst } from '../ir/function.ts';
import type { Type } from '../ir/types.ts';
import type { Location, SignatureLocations, Target } from '../target.ts';
import { Mem, MInst, Pseudo } from './machine.ts';

/** Arguments, results and native calls: where values travel is the target's to say, how they get there is the same for all. */

/** What the call sequences need of the selection in progress. */
export interface CallSite {
  readonly target: Target;
  /** Appends an instruction to the group being selected. */
  push(inst: MInst): void;
  readonly origin: number;
}

/** Registers destroyed by a call whose results arrive in `defs`. */
function clobbersBeside(target: Target, defs: readonly number[]): readonly number[] {
  const all = target.registers.callClobbered;
  return defs.length === 0 ? all : all.filter((register) => !defs.includes(register));
}

/** All defs <- uses at once, if there are any. */
export function pushMoves(site: CallSite, defs: number[], uses: number[]): void {
  if (defs.length > 0) site.push(new MInst(Pseudo.parallelMove, defs, uses, site.origin));
}

/** A value and where it belongs. */
export interface Placed {
  readonly type: Type;
  readonly register: number;
  readonly location: Location;
}

const stackMem = (location: Location, area: 'outgoing' | 'incoming'): Mem =>
  new Mem(-1, ~location, -1, 0, area);

/** Stores what belongs on the stack, then moves the rest to its registers, with `extra` moves; returns these registers. */
export function placeValues(
  site: CallSite,
  values: readonly Placed[],
  area: 'outgoing' | 'incoming',
  extra: readonly (readonly [value: number, register: number])[] = [],
): number[] {
  const defs: number[] = [];
  const uses: number[] = [];
  for (const { type, register, location } of values) {
    if (location >= 0) {
      defs.push(location);
      uses.push(register);
    } else {
      const store = site.target.store(type, register, stackMem(location, area));
      store.origin = site.origin;
      site.push(store);
    }
  }
  for (const [value, register] of extra) {
    defs.push(register);
    uses.push(value);
  }
  pushMoves(site, defs, uses);
  return defs.slice();
}

/** Fetches values from where they arrive: registers first, as the loads may overwrite none of these. */
export function fetchValues(
  site: CallSite,
  values: readonly Placed[],
  area: 'outgoing' | 'incoming',
): readonly MInst[] {
  const inRegisters = values.filter(({ location }) => location >= 0);
  pushMoves(
    site,
    inRegisters.map(({ register }) => register),
    inRegisters.map(({ location }) => location),
  );
  return values
    .filter(({ location }) => location < 0)
    .map(({ type, register, location }) => {
      const load = site.target.load(type, register, stackMem(location, area));
      load.origin = site.origin;
      site.push(load);
      return load;
    });
}

/** A whole call. `results` holds the registers that want a result, by its index; -1: nobody does. */
export function pushCall(
  site: CallSite,
  call: Inst,
  locations: SignatureLocations,
  args: readonly number[],
  extra: readonly (readonly [value: number, register: number])[],
  results: readonly number[],
  emitCall: (uses: number[], defs: number[]) => MInst,
): void {
  const { callee } = call;
  if (callee === null) throw new TypeError('call without a signature');
  const placed = args.map((register, k) => ({
    type: callee.params[k],
    register,
    location: locations.params[k],
  }));
  const uses = placeValues(site, placed, 'outgoing', extra);
  const defs = locations.results.filter((location) => location >= 0);
  emitCall(uses, defs).clobbers = clobbersBeside(site.target, defs);
  const wanted: Placed[] = [];
  results.forEach((register, k) => {
    if (register >= 0) {
      wanted.push({ type: callee.results[k], register, location: locations.results[k] });
    }
  });
  fetchValues(site, wanted, 'outgoing');
}

/** A call by the native C convention with word arguments, all in registers; `result` -1: not wanted. */
export function pushNativeCall(
  site: CallSite,
  args: readonly number[],
  result: number,
  emitCall: (uses: number[], defs: number[]) => MInst,
): void {
  const { native } = site.target;
  const uses = native.params.slice(0, args.length);
  pushMoves(site, uses.slice(), args.slice());
  const defs = [native.result];
  emitCall(uses, defs).clobbers = clobbersBeside(site.target, defs);
  if (result >= 0) pushMoves(site, [result], [native.result]);
}
