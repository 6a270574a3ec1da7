import type { Machine } from './machine.ts';
import { codeAt } from './stack/code.ts';

/** A frame of a trap's backtrace. */
export interface TraceFrame {
  /** The function's name, or undefined where the module has no names. */
  readonly name: string | undefined;
  /** What V8 calls the script: the module's name and a hash of its bytes. */
  readonly module: string;
  readonly wasmIndex: number;
  /** Byte offset of the operator in the module binary, or -1. */
  readonly wasmOffset: number;
}

/** Deeper frames of a runaway recursion say nothing new. */
const mostFrames = 64;

/**
 * The wasm frames of a stopped machine, innermost first: by the frame tables alone, so it serves every publication scheme.
 * It crosses host functions into the compiled code that called them.
 */
export function backtrace(machine: Machine): TraceFrame[] {
  const frames: TraceFrame[] = [];
  const { core, entries } = machine;
  unwind(machine, { pc: core.pc, sp: core.sp, interrupted: true }, frames);
  for (let i = entries.length - 1; i > 0; i--) {
    const { caller } = entries[i];
    if (caller !== undefined) unwind(machine, { ...caller, interrupted: false }, frames);
  }
  return frames;
}

/**
 * Unwinds until code that is no image's: the stub that ends an entry. The tables may be anybody's: only the interrupted frame
 * may still have its return address in ARM's link register, and frames outside of it hold theirs, so that the stack pointer ascends and this ends.
 */
function unwind(
  machine: Machine,
  from: { pc: number; sp: number; interrupted: boolean },
  frames: TraceFrame[],
): void {
  let { pc, sp, interrupted } = from;
  while (frames.length < mostFrames) {
    const code = codeAt(machine, pc, interrupted);
    if (code === undefined) return;
    const { symbol, image, cfa, returnAddress } = code;
    if (symbol.kind === 'wasm') {
      const { names } = image.image.module;
      for (const { symbol: logical, wasmOffset } of code.frames.slice(0, mostFrames - frames.length))
        frames.push({
          name: names.functions.get(logical.wasmIndex),
          module: image.label,
          wasmIndex: logical.wasmIndex,
          wasmOffset,
        });
    }
    const place = sp + returnAddress;
    if (interrupted && returnAddress < 0 && machine.target === 'armv7') pc = Number(machine.core.read('lr'));
    else if (returnAddress < 0 || returnAddress >= cfa || cfa < machine.wordBytes) return;
    else if (machine.stack.contains(place, machine.wordBytes)) pc = machine.readStack(place);
    else return;
    sp += cfa;
    interrupted = false;
  }
}

/** Frames as V8 prints them in `Error.stack`, each on a line of its own with a line feed before it. */
export function renderFrames(frames: readonly TraceFrame[]): string {
  return frames
    .map((frame) => {
      const offset = frame.wasmOffset < 0 ? '' : `:0x${frame.wasmOffset.toString(16)}`;
      const place = `wasm://wasm/${frame.module}:wasm-function[${frame.wasmIndex}]${offset}`;
      return `\n    at ${frame.name === undefined ? place : `${frame.name} (${place})`}`;
    })
    .join('');
}
