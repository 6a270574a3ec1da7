import { defaults } from '../compiler/defaults.ts';
import { CompileError as CompilerError } from '../compiler/errors.ts';
import type { Image } from '../compiler/image/image.ts';
import { type CompileOptions, compile, validate as validateModule } from '../compiler/index.ts';
import type { OptimisationLevel } from '../compiler/passes/pipeline.ts';
import { abiDifference, stackAbi } from '../compiler/stack/compatibility.ts';
import type { MemoryOrder, SchemeName } from '../compiler/stack/scheme.ts';
import type { Target, TargetName } from '../compiler/target.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { CompileError, LinkError, RuntimeError } from './js-api/errors.ts';
import { globalClass } from './js-api/global.ts';
import { instanceClass } from './js-api/instance.ts';
import { memoryClass } from './js-api/memory.ts';
import { bytesOf, imageOf, moduleClass, moduleOf, viewOf } from './js-api/module.ts';
import { tableClass } from './js-api/table.ts';
import { Machine } from './machine.ts';
import { type Measurement, measure } from './measure.ts';

export interface WebAssemblyOptions {
  /** Whose machine code, on which emulated core: a target's name, or a target itself (a changed one, in tests). */
  readonly target: TargetName | Target;
  /** Optimisation level; as the command line's where it is not given (compiler/defaults.ts), and so are scheme and order. */
  readonly level?: OptimisationLevel;
  readonly scheme?: SchemeName;
  readonly order?: MemoryOrder;
  /** Leaves publish, too: see CompileOptions. */
  readonly publishLeaves?: boolean;
  /** Bytes of native stack; a mebibyte where it is not given. */
  readonly stackBytes?: number;
  /** A machine of that target to share with other namespaces; a new one where it is not given. */
  readonly machine?: Machine;
  /** What compiles, the compiler where it is not given: for who looks on, or keeps what was compiled. */
  readonly compile?: (bytes: Uint8Array, options: CompileOptions) => Image;
}

const targets: Readonly<Record<TargetName, Target>> = { x86_64, armv7 };

/** What {@link createWebAssembly} makes. */
export type EmulatedWebAssembly = ReturnType<typeof createWebAssembly>;

/**
 * The `WebAssembly` namespace (WebAssembly JavaScript Interface, section 5), whose modules are compiled by Fathom and run on an
 * emulated core. JavaScript glue written for the real one runs with it unchanged.
 *
 * What differs from V8: `compileStreaming`, `instantiateStreaming`, exceptions and tags are absent; promises settle with work
 * done before they were returned. What modules allocate lives as long as the machine.
 *
 * @throws UnicornMissingError when no libunicorn serves, with advice for the user
 */
export function createWebAssembly(options: WebAssemblyOptions) {
  const {
    target,
    level = defaults.level,
    scheme = defaults.scheme,
    order = defaults.order,
    publishLeaves = false,
    stackBytes,
  } = options;
  const isa = typeof target === 'string' ? targets[target] : target;
  if (isa === undefined) throw new TypeError(`the target is x86_64 or armv7, not ${String(target)}`);
  const machine =
    options.machine ??
    new Machine(isa.name, { scheme, order, ...(stackBytes === undefined ? {} : { stackBytes }) });
  if (machine.target !== isa.name) throw new TypeError(`the machine is ${machine.target}, not ${isa.name}`);
  const difference = abiDifference(stackAbi(scheme, machine.wordBytes, order), machine.abi);
  if (difference !== null) throw new TypeError(`the machine serves other code: ${difference}`);
  const toImage = (bytes: Uint8Array) =>
    (options.compile ?? compile)(bytes, { target: isa, level, scheme, order, publishLeaves });

  const Module = moduleClass(toImage);
  const Memory = memoryClass(machine);
  const Table = tableClass(machine);
  const Global = globalClass(machine);
  const Instance = instanceClass(machine, { Memory, Table, Global });

  type Module = InstanceType<typeof Module>;
  type Instance = InstanceType<typeof Instance>;

  function validate(source: unknown): boolean {
    const bytes = bytesOf(source, 'WebAssembly.validate()');
    try {
      validateModule(bytes, isa);
      return true;
    } catch (error) {
      if (error instanceof CompilerError) return false;
      throw error;
    }
  }

  async function compileModule(source: unknown): Promise<Module> {
    const where = 'WebAssembly.compile()';
    return named(where, () => new Module(bytesOf(source, where)));
  }

  async function instantiate(source: unknown, imports?: unknown): Promise<unknown> {
    const where = 'WebAssembly.instantiate()';
    if (imageOf(source) !== undefined) return named(where, () => new Instance(source, imports));
    if (viewOf(source) === undefined) {
      throw new TypeError(`${where}: Argument 0 must be a buffer source or a WebAssembly.Module object`);
    }
    const module = named(where, () => new Module(bytesOf(source, where)));
    return { module, instance: named(where, () => new Instance(module, imports)) };
  }

  return {
    compile: compileModule,
    validate,
    /** Of bytes: `{module, instance}`; of a Module: the instance. */
    instantiate: instantiate as {
      /** `Exports` says for TypeScript what the module exports; nothing checks it. */
      <Exports extends object = object>(
        bytes: ArrayBufferView | ArrayBufferLike,
        imports?: object,
      ): Promise<{ module: Module; instance: Instance & { readonly exports: Exports } }>;
      <Exports extends object = object>(
        module: Module,
        imports?: object,
      ): Promise<Instance & { readonly exports: Exports }>;
    },
    Module,
    /**
     * A Module of an image that was compiled before, or read from a file.
     * @throws TypeError if it is for another target or publishes the stack differently
     */
    moduleOf(image: Image): Module {
      if (image.target !== isa.name) throw new TypeError(`the image is for ${image.target}, not ${isa.name}`);
      const difference = abiDifference(image, machine.abi);
      if (difference !== null) throw new TypeError(`the image cannot run here: ${difference}`);
      return moduleOf(Module, image);
    },
    Instance,
    Memory,
    Table,
    Global,
    CompileError,
    LinkError,
    RuntimeError,
    /**
     * Does `work`, which may be asynchronous, and counts what is executed meanwhile. This is none of the real `WebAssembly`'s.
     * @throws what `work` does; RangeError while another measurement is under way
     */
    measure: <T>(work: () => T): Promise<Measurement<Awaited<T>>> => measure(machine, work),
    /** The machine that everything here lives on. */
    machine,
    [Symbol.toStringTag]: 'WebAssembly',
  };
}

/** The same error, with the function that was called in place of the constructor that it calls. */
function named<T>(where: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof Error) {
      error.message = error.message.replace(/^WebAssembly\.(Module|Instance)\(\)/, where);
    }
    throw error;
  }
}
