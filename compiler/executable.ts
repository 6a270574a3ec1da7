import { linkCommand } from './image/command.ts';
import { type ExecutableOptions, linkExecutable } from './image/executable.ts';
import type { Image } from './image/image.ts';
import { type CompileOptions, compile } from './index.ts';
import { decodeModule } from './wasm/reader.ts';
import { validateModule } from './wasm/validate.ts';

/** The wasm modules that an executable consists of besides the user's (docs/executables.md). */
export interface RuntimeModules {
  readonly wasi: Uint8Array;
  readonly handler: Uint8Array;
}

export interface ExecutableCompileOptions extends CompileOptions, ExecutableOptions {
  readonly runtime: RuntimeModules;
}

export interface Executable {
  /** The ELF file. */
  readonly file: Uint8Array;
  /** The compiled module. */
  readonly image: Image;
}

/**
 * Compiles a WASI command to a Linux executable. Observers and progress see the module's functions, not the runtime's.
 * @throws CompileError if the module is malformed, invalid, uses what Fathom does not compile, is no WASI command, or imports
 *   what an executable does not provide
 */
export function compileExecutable(bytes: Uint8Array, options: ExecutableCompileOptions): Executable {
  const { target, level, scheme, order, publishLeaves = false, runtime } = options;
  // Before the minutes that a large module takes.
  const module = decodeModule(bytes);
  validateModule(module);
  linkCommand(module, decodeModule(runtime.wasi));
  const app = compile(bytes, { ...options, intrinsics: false });
  const own = { target, level, order } as const;
  const wasi = compileRuntime(runtime.wasi, { ...own, scheme, publishLeaves });
  // Nobody reads the handler's stack.
  const handler = compileRuntime(runtime.handler, { ...own, scheme: 'none', publishLeaves: false });
  return { file: linkExecutable({ app, wasi, handler }, target, options), image: app };
}

const runtimeOptions = ['target', 'level', 'scheme', 'order', 'publishLeaves'] as const;
type RuntimeOptions = Required<Pick<CompileOptions, (typeof runtimeOptions)[number]>>;

/** What {@link compileRuntime} has compiled. */
const compiled = new WeakMap<Uint8Array, { readonly options: RuntimeOptions; readonly image: Image }[]>();

/** Compiles a module of the runtime, once for all executables of a process: it takes longer than most programs do. */
function compileRuntime(module: Uint8Array, options: RuntimeOptions): Image {
  const known = compiled.get(module) ?? [];
  const same = known.find((other) => runtimeOptions.every((name) => other.options[name] === options[name]));
  if (same !== undefined) return same.image;
  const image = compile(module, { ...options, intrinsics: true });
  compiled.set(module, [...known, { options, image }]);
  return image;
}
