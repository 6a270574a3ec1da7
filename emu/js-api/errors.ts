import { type CompileErrorKind, CompileError as CompilerError } from '../../compiler/errors.ts';
import { TrapKind } from '../../compiler/ir/types.ts';
import { renderFrames, type TraceFrame } from '../trace.ts';
import { Trap } from '../trap.ts';

/**
 * The three error classes of the WebAssembly JavaScript interface. Their own, not the host's: code on emulated cores fails
 * with these, so a handler can tell which implementation failed.
 */
export class CompileError extends Error {
  static {
    CompileError.prototype.name = 'CompileError';
  }
  /** Why the compiler refused; undefined when thrown by user code. */
  readonly kind: CompileErrorKind | undefined;
  /** Byte offset in the module, or -1. */
  readonly offset: number;

  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    const { cause } = this;
    this.kind = cause instanceof CompilerError ? cause.kind : undefined;
    this.offset = cause instanceof CompilerError ? cause.offset : -1;
  }
}

/** Instantiation failed because an import does not fit. */
export class LinkError extends Error {
  static {
    LinkError.prototype.name = 'LinkError';
  }
}

/** Compiled code trapped. */
export class RuntimeError extends Error {
  static {
    RuntimeError.prototype.name = 'RuntimeError';
  }
  /** Which trap, by the name in `TrapKind`; undefined when thrown by user code. */
  readonly kind: string | undefined;
  /** The wasm frames at the trap, innermost first. */
  readonly frames: readonly TraceFrame[];

  constructor(message?: string, options?: ErrorOptions & { readonly trap?: Trap }) {
    super(message, options);
    this.kind = options?.trap?.kindName;
    this.frames = options?.trap?.frames ?? [];
  }
}

/** Puts wasm frames into an error's `stack` where V8 has them: above the JavaScript frames. */
function insertFrames(error: Error, frames: readonly TraceFrame[]): void {
  const stack = error.stack ?? '';
  const first = stack.search(/\n {4}at /);
  const head = first < 0 ? stack : stack.slice(0, first);
  const tail = first < 0 ? '' : stack.slice(first);
  error.stack = head + renderFrames(frames) + tail;
}

/**
 * What an exported function throws for what its machine threw: exhausting the stack is a RangeError, as in V8, other traps are
 * RuntimeErrors, and errors of host functions stay what they are.
 *
 * @param exported the function called, whose own frames and those below are left out of `stack`
 */
export function fromTrap(error: unknown, exported: (...args: never[]) => unknown): unknown {
  if (!(error instanceof Trap)) return error;
  let thrown: Error;
  if (error.kind === TrapKind.stackOverflow) {
    thrown = Object.assign(new RangeError(error.message), { kind: error.kindName, frames: error.frames });
  } else {
    thrown = new RuntimeError(error.message, { trap: error });
  }
  Error.captureStackTrace(thrown, exported);
  insertFrames(thrown, error.frames);
  return thrown;
}
