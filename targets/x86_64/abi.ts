import type { Callee } from '../../compiler/ir/function.ts';
import { isInteger, Type } from '../../compiler/ir/types.ts';
import type { Location, Lowering, NativeConvention, SignatureLocations } from '../../compiler/target.ts';
import { Reg } from './registers.ts';

/** Registers of arguments and of results; floats travel in xmm0 to xmm7, both ways. */
const params = [Reg.rdi, Reg.rsi, Reg.rdx, Reg.rcx, Reg.r8, Reg.r9];
const results = [Reg.rax, Reg.rdx, Reg.rcx, Reg.rsi, Reg.rdi, Reg.r8];
const floats = 8;

function place(
  types: readonly Type[],
  registers: readonly number[],
  stack: number,
): { at: Location[]; stack: number } {
  let integer = 0;
  let float = 0;
  let end = stack;
  const at = types.map((type): Location => {
    if (isInteger(type) && integer < registers.length) return registers[integer++];
    if (!isInteger(type) && float < floats) return Reg.xmm0 + float++;
    const slot = end;
    end += type === Type.v128 ? 16 : 8;
    return ~slot;
  });
  return { at, stack: end };
}

/**
 * The wasm convention: registers first, then slots of 8 bytes, those of the results behind those of the arguments. An
 * i32 is zero-extended in its register and in its slot.
 */
export function locations(signature: Callee): SignatureLocations {
  const arguments_ = place(signature.params, params, 0);
  const returned = place(signature.results, results, arguments_.stack);
  return { params: arguments_.at, results: returned.at, stackBytes: (returned.stack + 15) & ~15 };
}

/** System V for word arguments (AMD64 ABI 3.2.3). */
export const native: NativeConvention = { params, result: Reg.rax };

/** Every operation has a rule. */
export const lowering: Lowering = { splitWords: false, helper: () => null };
