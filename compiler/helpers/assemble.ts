import wabt from 'wabt';
import { conversionText } from './conversion.wat.ts';
import { divisionText } from './division.wat.ts';
import { memoryText, type Pointer } from './memory.wat.ts';
import { roundingText } from './rounding.wat.ts';

/** The module of all helper functions as text: one memory, which stands for all native memory. */
export function helperText(pointer: Pointer): string {
  const memory = pointer === 'i64' ? '(memory (export "memory") i64 1)' : '(memory (export "memory") 1)';
  return `(module ${memory}\n${memoryText(pointer)}${divisionText}${conversionText}${roundingText})`;
}

/**
 * Assembles the helpers. Only the test that keeps `binary.generated.ts` true to the text does: the compiler itself
 * starts without an assembler.
 */
export async function assembleHelpers(pointer: Pointer): Promise<Uint8Array> {
  const { parseWat } = await wabt();
  const parsed = parseWat(`helpers-${pointer}.wat`, helperText(pointer), { memory64: pointer === 'i64' });
  try {
    parsed.validate();
    return parsed.toBinary({}).buffer;
  } finally {
    parsed.destroy();
  }
}
