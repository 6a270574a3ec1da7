import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Type, typeNames } from '../ir/types.ts';

/**
 * The helper functions: what hardware lacks, by name. `<type>_<operation>` carries out that wasm operator. Signatures
 * in the operation table's letters: i i32, l i64, f f32, d f64, w a word.
 */
export const helperSignatures: Readonly<Record<string, string>> = {
  // Destination, source, length in bytes; any overlap. Destination, byte (its low 8 bits), length.
  memory_copy: 'www>',
  memory_copy_forward: 'www>',
  memory_copy_backward: 'www>',
  memory_fill: 'wiw>',
  // Destination, source, number of words; any overlap. Destination, word, number of words. Addresses are aligned.
  words_copy: 'www>',
  words_fill: 'www>',

  // Divisions: the caller has excluded divisor zero and MIN / -1 (the remainder of that is 0). Those of i32 are short
  // enough to stand in place (passes/legalize).
  i64_div_s: 'll>l',
  i64_div_u: 'll>l',
  i64_rem_s: 'll>l',
  i64_rem_u: 'll>l',

  f32_convert_i64_s: 'l>f',
  f32_convert_i64_u: 'l>f',
  f64_convert_i64_s: 'l>d',
  f64_convert_i64_u: 'l>d',
  i64_trunc_sat_f32_s: 'f>l',
  i64_trunc_sat_f32_u: 'f>l',
  i64_trunc_sat_f64_s: 'd>l',
  i64_trunc_sat_f64_u: 'd>l',

  f32_ceil: 'f>f',
  f32_floor: 'f>f',
  f32_trunc: 'f>f',
  f32_nearest: 'f>f',
  f64_ceil: 'd>d',
  f64_floor: 'd>d',
  f64_trunc: 'd>d',
  f64_nearest: 'd>d',
};

/** Names of all helpers. */
export const helperNames: readonly string[] = Object.keys(helperSignatures);

const plainNames: ReadonlyMap<number, string> = new Map([
  [Op.div_s, 'div_s'],
  [Op.div_u, 'div_u'],
  [Op.rem_s, 'rem_s'],
  [Op.rem_u, 'rem_u'],
  [Op.fceil, 'ceil'],
  [Op.ffloor, 'floor'],
  [Op.ftrunc, 'trunc'],
  [Op.fnearest, 'nearest'],
]);

const conversionNames: ReadonlyMap<number, readonly [operation: string, sign: string]> = new Map([
  [Op.convert_s, ['convert', 's']],
  [Op.convert_u, ['convert', 'u']],
  [Op.trunc_s, ['trunc_sat', 's']],
  [Op.trunc_u, ['trunc_sat', 'u']],
  [Op.trunc_sat_s, ['trunc_sat', 's']],
  [Op.trunc_sat_u, ['trunc_sat', 'u']],
]);

/**
 * The helper that carries out `inst` (or the name under which legalize expands it in place: i32 division), or null if
 * there is none for its operation and types: for targets to answer
 * `Lowering.helper` with where they lack the instruction. A truncation that traps has the saturating helper; legalize
 * puts the check before it.
 */
export function helperFor(inst: Inst): string | null {
  const plain = plainNames.get(inst.op);
  const conversion = conversionNames.get(inst.op);
  let name: string;
  if (plain !== undefined) name = `${typeNames[inst.type]}_${plain}`;
  else if (conversion !== undefined) {
    name = `${typeNames[inst.type]}_${conversion[0]}_${typeNames[inst.args[0].type]}_${conversion[1]}`;
  } else return null;
  return name in helperSignatures || /^i32_(div|rem)/.test(name) ? name : null;
}

const letters: Readonly<Record<string, Type>> = { i: Type.i32, l: Type.i64, f: Type.f32, d: Type.f64 };

/** A helper's signature in SSA types, not split, or undefined for a name that no helper has. */
export function helperSignature(
  name: string,
  word: Type,
): { readonly params: readonly Type[]; readonly results: readonly Type[] } | undefined {
  const text = Object.hasOwn(helperSignatures, name) ? helperSignatures[name] : undefined;
  if (text === undefined) return undefined;
  const types = (list: string) => [...list].map((letter) => (letter === 'w' ? word : letters[letter]));
  const [params, results] = text.split('>');
  return { params: types(params), results: types(results) };
}
