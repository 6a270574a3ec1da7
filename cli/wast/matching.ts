import type { ValueType } from '../../compiler/wasm/module.ts';
import type { Machine } from '../../emu/machine.ts';
import type { Window } from '../../emu/window.ts';
import { laneWidth } from './parse.ts';
import type { Argument, Expected, ExpectedBits, NanClass } from './script.ts';

/** A value as its bits: 128 for v128, a machine word for references. */
export interface RawValue {
  readonly type: ValueType;
  readonly bits: bigint;
}

/** Bytes that a value takes as a slot. */
export const slotSize = (type: ValueType): number => (type === 'v128' ? 16 : 8);

/** Reads a slot or a global's cell. */
export function readRaw(machine: Machine, window: Window, address: number, type: ValueType): RawValue {
  const low = BigInt.asUintN(64, window.i64[(address - window.address) / 8]);
  if (type === 'v128') {
    const high = BigInt.asUintN(64, window.i64[(address - window.address) / 8 + 1]);
    return { type, bits: low | (high << 64n) };
  }
  const narrow = type === 'i32' || type === 'f32' || (isReference(type) && machine.wordBytes === 4);
  return { type, bits: narrow ? low & 0xffff_ffffn : low };
}

/** Writes an argument to its slot. Throws RangeError for host references, which no type here holds. */
export function writeArgument(machine: Machine, window: Window, address: number, argument: Argument): number {
  const at = (address - window.address) / 8;
  switch (argument.kind) {
    case 'number':
      window.i64[at] = argument.bits;
      return 8;
    case 'v128':
      window.bytes.set(argument.bytes, address - window.address);
      return 16;
    case 'null':
      window.i64[at] = 0n;
      return 8;
    case 'extern':
      window.i64[at] = BigInt(machine.references.toWord(argument.value));
      return 8;
    case 'host':
      throw new RangeError('host references are not supported');
  }
}

/** True if `value` is what the script expects. */
export function matches(machine: Machine, expected: Expected, value: RawValue): boolean {
  switch (expected.kind) {
    case 'number':
      return (
        expected.type === value.type && bitsMatch(expected.bits, value.bits, widthOf(expected.type), true)
      );
    case 'v128': {
      if (value.type !== 'v128') return false;
      const width = 8 * laneWidth(expected.shape);
      const mask = (1n << BigInt(width)) - 1n;
      return expected.lanes.every((lane, i) =>
        bitsMatch(lane, (value.bits >> BigInt(i * width)) & mask, width, expected.shape.startsWith('f')),
      );
    }
    case 'null':
      return isReference(value.type) && value.bits === 0n;
    case 'ref':
      return isReference(value.type) && referenceMatches(machine, expected, value);
    case 'either':
      return expected.of.some((one) => matches(machine, one, value));
  }
}

function referenceMatches(
  machine: Machine,
  expected: { readonly heap: string; readonly value: number | undefined },
  { type, bits }: RawValue,
): boolean {
  if (bits === 0n) return false;
  if (type === 'funcref') return expected.heap === 'func';
  if (expected.heap !== 'extern') return false;
  return expected.value === undefined || machine.references.toValue(Number(bits)) === expected.value;
}

const isReference = (type: ValueType): boolean => type === 'funcref' || type === 'externref';

const widthOf = (type: 'i32' | 'i64' | 'f32' | 'f64'): number => (type.endsWith('32') ? 32 : 64);

function bitsMatch(expected: ExpectedBits, bits: bigint, width: number, float: boolean): boolean {
  if (typeof expected === 'bigint') return expected === bits;
  return float && isNan(expected, bits, width);
}

/** Spec, "Numerics", NaN propagation: a canonical NaN's payload is its highest bit alone; an arithmetic one has it set. */
function isNan(kind: NanClass, bits: bigint, width: number): boolean {
  const canonical = width === 32 ? 0x7fc0_0000n : 0x7ff8_0000_0000_0000n;
  if (kind === 'arithmetic') return (bits & canonical) === canonical;
  return BigInt.asUintN(width - 1, bits) === canonical;
}

/** A value for people: in hexadecimal, numbers of the text format aside. */
export function describeRaw({ type, bits }: RawValue): string {
  return `${type}:0x${bits.toString(16)}`;
}

/** What was expected, for people. */
export function describeExpected(expected: Expected): string {
  const bits = (b: ExpectedBits): string => (typeof b === 'bigint' ? `0x${b.toString(16)}` : `nan:${b}`);
  switch (expected.kind) {
    case 'number':
      return `${expected.type}:${bits(expected.bits)}`;
    case 'v128':
      return `v128 ${expected.shape} ${expected.lanes.map(bits).join(' ')}`;
    case 'null':
      return `ref.null ${expected.heap ?? ''}`.trim();
    case 'ref':
      return `ref.${expected.heap} ${expected.value ?? ''}`.trim();
    case 'either':
      return expected.of.map(describeExpected).join(' or ');
  }
}
