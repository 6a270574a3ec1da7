/**
 * Rewrites how floats go to and from linear memory in an ARM executable: the compiler moves them through core registers, as
 * VFP accesses fault at odd addresses on a Cortex-A9. To see such faults handled, this makes `vldr` and `vstr` of them (ARM DDI 0406C,
 * A8.8.333, A8.8.413). Returns how many accesses it replaced.
 */
export function useVfpAccesses(file: Uint8Array): number {
  const code = new DataView(file.buffer, file.byteOffset, file.byteLength & ~3);
  let replaced = 0;
  for (let at = 0; at + 16 <= code.byteLength; at += 4) {
    const words = [0, 4, 8, 12].map((k) => code.getUint32(at + k, true));
    for (const { matches, size, rewrite } of idioms) {
      if (!matches.every(([mask, bits], k) => (words[k] & mask) >>> 0 === bits)) continue;
      rewrite(words).forEach((word, k) => {
        code.setUint32(at + 4 * k, word, true);
      });
      replaced++;
      at += 4 * (size - 1);
      break;
    }
  }
  return replaced;
}

const nop = 0xe320f000;
const load = 0xed100a00;
const store = 0xed000a00;
const up = 1 << 23;
const double = 1 << 8;

/** `vldr` or `vstr` of the base and offset of a core register's access. */
function access(kind: number, core: number, d: number, vd: number): number {
  return (kind | up | (core & 0xf0000) | (d << 22) | (vd << 12) | ((core & 0xfff) >>> 2)) >>> 0;
}

interface Idiom {
  /** Mask and bits of each instruction. */
  readonly matches: readonly (readonly [mask: number, bits: number])[];
  readonly size: number;
  readonly rewrite: (words: readonly number[]) => number[];
}

const ldr = [0xfff00000, 0xe5900000] as const;
const str = [0xfff00000, 0xe5800000] as const;
const add = [0xfff00010, 0xe0800000] as const;

const idioms: readonly Idiom[] = [
  // ldr r, [b, #o]; vmov s, r
  {
    matches: [ldr, [0xfff00f7f, 0xee000a10]],
    size: 2,
    rewrite: ([access0, move]) => [access(load, access0, (move >>> 7) & 1, (move >>> 16) & 15), nop],
  },
  // ldr low, [b, #o]; ldr high, [b, #o + 4]; vmov d, low, high
  {
    matches: [ldr, ldr, [0xfff00fd0, 0xec400b10]],
    size: 3,
    rewrite: ([low, , move]) => [access(load | double, low, (move >>> 5) & 1, move & 15), nop, nop],
  },
  // vmov r, s; add b, ...; str r, [b, #o]
  {
    matches: [[0xfff00f7f, 0xee100a10], add, str],
    size: 3,
    rewrite: ([move, address, access0]) => [
      nop,
      address,
      access(store, access0, (move >>> 7) & 1, (move >>> 16) & 15),
    ],
  },
  // vmov low, high, d; add b, ...; str high, [b, #o + 4]; str low, [b, #o]
  {
    matches: [[0xfff00fd0, 0xec500b10], add, str, str],
    size: 4,
    rewrite: ([move, address, , low]) => [
      nop,
      address,
      nop,
      access(store | double, low, (move >>> 5) & 1, move & 15),
    ],
  },
];
