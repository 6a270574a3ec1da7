/** Neither assembler could read a text module. */
export class AssembleError extends Error {
  override readonly name = 'AssembleError';
}

/** The part of npm `wabt` used here. */
interface Wabt {
  parseWat(
    name: string,
    text: ArrayBuffer,
    features: Readonly<Record<string, boolean>>,
  ): {
    toBinary(options: { write_debug_names: boolean }): { readonly buffer: Uint8Array };
    destroy(): void;
  };
}

/** The part of npm `binaryen` used here. */
interface Binaryen {
  parseText(text: string): {
    setFeatures(features: number): void;
    emitBinary(): Uint8Array;
    dispose(): void;
  };
  readonly Features: Readonly<Record<string, number>>;
}

const features = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  function_references: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  annotations: true,
  gc: true,
  memory64: true,
  multi_memory: true,
  extended_const: true,
  relaxed_simd: true,
} as const;

/** WebAssembly 3.0 and threads. With younger features on, binaryen writes even plain modules in forms of theirs. */
const binaryenFeatures = [
  'Atomics',
  'MutableGlobals',
  'NontrappingFPToInt',
  'SIMD128',
  'BulkMemory',
  'BulkMemoryOpt',
  'CallIndirectOverlong',
  'SignExt',
  'ExceptionHandling',
  'TailCall',
  'ReferenceTypes',
  'Multivalue',
  'GC',
  'Memory64',
  'RelaxedSIMD',
  'ExtendedConst',
  'MultiMemory',
  'CustomPageSizes',
  'WideArithmetic',
];

/**
 * Text modules to binary: by wabt, which keeps what is written and validates nothing, and by binaryen where wabt does not
 * know a form yet.
 */
export class Assembler {
  private readonly wabt: Wabt;
  private binaryen: Binaryen | undefined;

  private constructor(wabt: Wabt) {
    this.wabt = wabt;
  }

  /** Loads wabt, which is a wasm module itself; binaryen follows when first needed. */
  static async load(): Promise<Assembler> {
    const { default: makeWabt } = await import('wabt');
    return new Assembler((await makeWabt()) as unknown as Wabt);
  }

  /**
   * Assembles by wabt alone. The binary may be invalid.
   * @throws AssembleError with wabt's message
   */
  assembleStrictly(text: string): Uint8Array {
    let parsed: ReturnType<Wabt['parseWat']>;
    try {
      parsed = this.wabt.parseWat('module.wast', new TextEncoder().encode(text).slice().buffer, features);
    } catch (error) {
      throw new AssembleError(firstLine(error));
    }
    try {
      return parsed.toBinary({ write_debug_names: true }).buffer.slice();
    } catch (error) {
      throw new AssembleError(firstLine(error));
    } finally {
      parsed.destroy();
    }
  }

  /**
   * Assembles by wabt or else by binaryen. Binaryen rebuilds the module from its own form, so what it gives is for
   * modules that are meant to be valid.
   * @throws AssembleError with wabt's message
   */
  async assemble(text: string): Promise<Uint8Array> {
    try {
      // wabt writes data segments without their memory's index, and no sound reference to a type.
      const needsBinaryen = /\(\s*(data\s+(\$\S+\s+)?\(\s*memory\b|ref\s+(null\s+)?[$0-9])/.test(text);
      return (needsBinaryen ? await this.byBinaryen(text) : undefined) ?? this.assembleStrictly(text);
    } catch (error) {
      const binary = await this.byBinaryen(text);
      if (binary === undefined) throw error;
      return binary;
    }
  }

  private async byBinaryen(text: string): Promise<Uint8Array | undefined> {
    this.binaryen ??= (await import('binaryen')).default as unknown as Binaryen;
    const { binaryen } = this;
    try {
      const module = binaryen.parseText(text);
      try {
        module.setFeatures(binaryenFeatures.reduce((set, name) => set | binaryen.Features[name], 0));
        return module.emitBinary().slice();
      } finally {
        module.dispose();
      }
    } catch {
      return undefined;
    }
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').find((line) => line.includes('error:')) ?? text.split('\n')[0];
}
