import { CompileError as CompilerError } from '../../compiler/errors.ts';
import type { Image } from '../../compiler/image/image.ts';
import { CompileError } from './errors.ts';
import { isObject } from './wrapping.ts';

/** Compiles a module binary; throws the compiler's CompileError. */
export type Compile = (bytes: Uint8Array) => Image;

/** What `WebAssembly.Module.exports` and `.imports` say of an entry. */
export interface ExportDescription {
  readonly name: string;
  readonly kind: 'function' | 'table' | 'memory' | 'global';
}

export interface ImportDescription extends ExportDescription {
  readonly module: string;
}

const images = new WeakMap<object, Image>();

/** The image of a `WebAssembly.Module` object, or undefined for anything else. */
export function imageOf(module: unknown): Image | undefined {
  return isObject(module) ? images.get(module) : undefined;
}

/** A `WebAssembly.Module` of that class for an image that was compiled before. */
export function moduleOf<T extends object>(Module: { readonly prototype: T }, image: Image): T {
  const module: T = Object.create(Module.prototype);
  images.set(module, image);
  return module;
}

/** The image of a Module argument. Throws TypeError in V8's words. */
export function requireImage(module: unknown, where: string): Image {
  const image = imageOf(module);
  if (image === undefined) throw new TypeError(`${where}: Argument 0 must be a WebAssembly.Module`);
  return image;
}

/** `WebAssembly.Module` of the JavaScript interface (section 5.1). */
export function moduleClass(compile: Compile) {
  class Module {
    /** Compiles at once. Throws CompileError. */
    constructor(bytes: unknown) {
      const where = 'WebAssembly.Module()';
      images.set(this, compileBytes(compile, bytesOf(bytes, where), where));
    }

    static exports(module: unknown): ExportDescription[] {
      return requireImage(module, 'WebAssembly.Module.exports()').module.exports.map(({ name, kind }) => ({
        name,
        kind,
      }));
    }

    static imports(module: unknown): ImportDescription[] {
      const image = requireImage(module, 'WebAssembly.Module.imports()');
      return image.module.imports.map(({ module, name, kind }) => ({ module, name, kind }));
    }

    /** Contents of the custom sections of that name, copied. */
    static customSections(module: unknown, name?: unknown): ArrayBuffer[] {
      const where = 'WebAssembly.Module.customSections()';
      const { bytes, customSections } = requireImage(module, where).module;
      if (name === undefined) throw new TypeError(`${where}: Argument 1 is required`);
      const wanted = String(name);
      return customSections
        .filter((section) => section.name === wanted)
        .map(({ start, end }) => new Uint8Array(bytes.subarray(start, end)).buffer);
    }

    get [Symbol.toStringTag](): string {
      return 'WebAssembly.Module';
    }
  }
  return Module;
}

/** The bytes of a BufferSource, copied: what happens to them later must not matter. */
export function bytesOf(source: unknown, where: string): Uint8Array {
  const bytes = viewOf(source);
  if (bytes === undefined) throw new TypeError(`${where}: Argument 0 must be a buffer source`);
  return bytes.slice();
}

/** A view of a BufferSource's bytes, or undefined for anything else. */
export function viewOf(source: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) return new Uint8Array(source);
  // Buffers of other contexts.
  const tag = Object.prototype.toString.call(source);
  const isBuffer = tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]';
  return isBuffer ? new Uint8Array(source as ArrayBuffer) : undefined;
}

/** Compiles, with the compiler's refusal turned into the interface's CompileError. */
export function compileBytes(compile: Compile, bytes: Uint8Array, where: string): Image {
  try {
    return compile(bytes);
  } catch (error) {
    if (!(error instanceof CompilerError)) throw error;
    throw new CompileError(`${where}: ${error.message}`, { cause: error });
  }
}
