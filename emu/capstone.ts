import { createRequire } from 'node:module';
import type { TargetName } from '../compiler/target.ts';

/** One disassembled instruction. */
export interface DisassembledInstruction {
  /** Address of its first byte. */
  readonly address: number;
  readonly size: number;
  readonly mnemonic: string;
  /** Operands as printed: Intel syntax, UAL. */
  readonly operands: string;
}

/** A disassembler of one instruction set. */
export interface Disassembler {
  /**
   * Disassembles `code`, which lies at `address`, up to its end. Bytes that are no instruction become `.byte` rows
   * (x86-64, one byte each) or `.word` rows (ARMv7).
   */
  disassemble(code: Uint8Array, address: number): DisassembledInstruction[];
}

/** The part of capstone.js that is used here; the package has no types of its own. */
interface CapstoneModule {
  readonly ARCH_X86: number;
  readonly ARCH_ARM: number;
  readonly MODE_64: number;
  readonly MODE_ARM: number;
  readonly Capstone: new (
    arch: number,
    mode: number,
  ) => {
    disasm(
      code: Uint8Array | number[],
      address: number,
      max?: number,
    ): { address: number | bigint; size: number; mnemonic: string; op_str: string }[];
  };
}

let loading: Promise<CapstoneModule> | undefined;

/** Loads Capstone (npm `@alexaltea/capstone-js`) once, and gives a disassembler of `target`. */
export async function createDisassembler(target: TargetName): Promise<Disassembler> {
  loading ??= (createRequire(import.meta.url)('@alexaltea/capstone-js') as () => Promise<CapstoneModule>)();
  const module = await loading;
  const x86 = target === 'x86_64';
  const capstone = x86
    ? new module.Capstone(module.ARCH_X86, module.MODE_64)
    : new module.Capstone(module.ARCH_ARM, module.MODE_ARM);
  const step = x86 ? 1 : 4;
  return {
    disassemble(code, address) {
      const rows: DisassembledInstruction[] = [];
      let at = 0;
      while (at < code.length) {
        for (const found of decode(capstone, code.subarray(at, at + chunkBytes), address + at)) {
          rows.push(found);
          at += found.size;
        }
        if (at >= code.length) break;
        // Capstone stops at what it cannot decode, and at a chunk's border.
        const rest = decode(capstone, code.subarray(at, at + 16), address + at);
        if (rest.length > 0) continue;
        const bytes = code.subarray(at, at + step);
        rows.push({
          address: address + at,
          size: bytes.length,
          mnemonic: x86 ? '.byte' : '.word',
          operands: hex(bytes),
        });
        at += bytes.length;
      }
      return rows;
    },
  };
}

/** Bounds the memory that one call into Capstone takes. */
const chunkBytes = 1 << 14;

const hex = (bytes: Uint8Array): string =>
  `0x${[...bytes]
    .reverse()
    .map((b) => b.toString(16).padStart(2, '0'))
    .join('')}`;

function decode(
  capstone: InstanceType<CapstoneModule['Capstone']>,
  code: Uint8Array,
  address: number,
): DisassembledInstruction[] {
  try {
    return capstone
      .disasm(code, address)
      .map((i) => ({ address: Number(i.address), size: i.size, mnemonic: i.mnemonic, operands: i.op_str }));
  } catch {
    // The binding throws where not a single instruction could be decoded.
    return [];
  }
}
