import { CompileError } from '../errors.ts';
import { ByteReader } from './bytes.ts';
import type { CustomSection, Module } from './module.ts';

const moduleSubsection = 0;
const functionSubsection = 1;

/**
 * Module and function names from the name section (appendix A.4). A name section cannot make a module malformed:
 * where it is, what was read before the fault counts.
 */
export function readNameSection(bytes: Uint8Array, sections: readonly CustomSection[]): Module['names'] {
  let module: string | undefined;
  const functions = new Map<number, string>();
  const section = sections.find((s) => s.name === 'name');
  if (section === undefined) return { module, functions };
  const r = new ByteReader(bytes, section.start, section.end);
  try {
    while (r.pos < section.end) {
      const id = r.u8();
      const size = r.u32();
      if (size > r.remaining) break;
      const end = r.pos + size;
      r.end = end;
      if (id === moduleSubsection) module = r.name();
      else if (id === functionSubsection) {
        for (let n = r.u32(); n > 0; n--) {
          const index = r.u32();
          functions.set(index, r.name());
        }
      }
      r.pos = end;
      r.end = section.end;
    }
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
  }
  return { module, functions };
}
