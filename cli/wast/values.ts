/**
 * Number literals of the text format as bit patterns (spec, "Text Format", Values). Everything stays in bits, because a
 * NaN's payload does not survive being a JavaScript number.
 */

/** Bits of an integer literal of `width` bits, unsigned. Throws SyntaxError for anything that is none. */
export function integerBits(text: string, width: 8 | 16 | 32 | 64): bigint {
  const match = /^([+-]?)(0x[0-9a-fA-F](?:_?[0-9a-fA-F])*|[0-9](?:_?[0-9])*)$/.exec(text);
  if (match === null) throw new SyntaxError(`not an integer: ${text}`);
  const magnitude = BigInt(match[2].replaceAll('_', ''));
  return BigInt.asUintN(width, match[1] === '-' ? -magnitude : magnitude);
}

/** How wide the parts of an IEEE 754 binary format are. */
interface FloatFormat {
  readonly width: 32 | 64;
  readonly mantissa: bigint;
  readonly exponent: bigint;
}

const formats: Readonly<Record<32 | 64, FloatFormat>> = {
  32: { width: 32, mantissa: 23n, exponent: 8n },
  64: { width: 64, mantissa: 52n, exponent: 11n },
};

/** Bits of a float literal: decimal, hexadecimal, `inf`, `nan`, `nan:0x...`, correctly rounded. Throws SyntaxError. */
export function floatBits(text: string, width: 32 | 64): bigint {
  const format = formats[width];
  const sign = text.startsWith('-') ? 1n << BigInt(width - 1) : 0n;
  const body = text.replace(/^[+-]/, '').replaceAll('_', '');
  const infinity = ((1n << format.exponent) - 1n) << format.mantissa;
  if (body === 'inf') return sign | infinity;
  if (body === 'nan') return sign | infinity | (1n << (format.mantissa - 1n));
  const payload = /^nan:(0x[0-9a-fA-F]+)$/.exec(body);
  if (payload !== null) return sign | infinity | BigInt(payload[1]);
  if (body.startsWith('0x')) return sign | hexFloatBits(body, format);
  if (!/^[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$/.test(body)) throw new SyntaxError(`not a float: ${text}`);
  return sign | (width === 64 ? doubleBits(Number(body)) : decimalToSingle(body, format));
}

/** Bits of a double. */
export function doubleBits(value: number): bigint {
  return new BigUint64Array(Float64Array.of(value).buffer)[0];
}

/** Bits of a number rounded to single precision. */
export function singleBits(value: number): bigint {
  return BigInt(new Uint32Array(Float32Array.of(value).buffer)[0]);
}

/**
 * By exact rational arithmetic: rounding the decimal to a double first would round twice, and the suite has literals
 * that show it.
 */
function decimalToSingle(text: string, format: FloatFormat): bigint {
  const match = /^([0-9]+)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
  if (match === null) throw new SyntaxError(`not a float: ${text}`);
  const fraction = match[2] ?? '';
  const digits = BigInt(match[1] + fraction);
  const exponent = Number(match[3] ?? 0) - fraction.length;
  if (digits === 0n || exponent < -5000) return 0n;
  return exponent >= 0
    ? roundRational(digits * 10n ** BigInt(exponent), 1n, format)
    : roundRational(digits, 10n ** BigInt(-exponent), format);
}

function hexFloatBits(text: string, format: FloatFormat): bigint {
  const match = /^0x([0-9a-fA-F]+)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?$/.exec(text);
  if (match === null) throw new SyntaxError(`not a float: ${text}`);
  const fraction = match[2] ?? '';
  const digits = BigInt(`0x${match[1]}${fraction}`);
  const exponent = Number(match[3] ?? 0) - 4 * fraction.length;
  if (digits === 0n || exponent < -20000) return 0n;
  return exponent >= 0
    ? roundRational(digits << BigInt(exponent), 1n, format)
    : roundRational(digits, 1n << BigInt(-exponent), format);
}

/** The bits of numerator / denominator (both positive), to nearest, ties to even; infinity on overflow. */
function roundRational(numerator: bigint, denominator: bigint, format: FloatFormat): bigint {
  const bias = (1n << (format.exponent - 1n)) - 1n;
  const smallest = 1n - bias - format.mantissa;
  let scale = BigInt(bitLength(numerator) - bitLength(denominator)) - 1n - format.mantissa;
  if (scale < smallest) scale = smallest;
  for (;;) {
    const top = scale < 0n ? numerator << -scale : numerator;
    const bottom = scale > 0n ? denominator << scale : denominator;
    let quotient = top / bottom;
    const twice = 2n * (top % bottom);
    if (twice > bottom || (twice === bottom && (quotient & 1n) === 1n)) quotient += 1n;
    if (quotient >> (format.mantissa + 1n) !== 0n) {
      scale += 1n;
      continue;
    }
    const biased = scale - smallest + 1n;
    if (quotient >> format.mantissa === 0n) return quotient;
    const infinity = (1n << format.exponent) - 1n;
    if (biased >= infinity) return infinity << format.mantissa;
    return (biased << format.mantissa) | (quotient & ((1n << format.mantissa) - 1n));
  }
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
