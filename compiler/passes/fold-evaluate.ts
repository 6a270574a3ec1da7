import { InternalError } from '../errors.ts';
import { Op } from '../ir/ops.ts';

type Rule32 = (a: number, b: number) => number;
type Rule64 = (a: bigint, b: bigint) => bigint;

const unsigned64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const count64 = (value: bigint): bigint => value & 63n;

const rules32: (Rule32 | undefined)[] = [];
rules32[Op.add] = (a, b) => a + b;
rules32[Op.sub] = (a, b) => a - b;
rules32[Op.mul] = Math.imul;
rules32[Op.div_s] = (a, b) => a / b;
rules32[Op.div_u] = (a, b) => (a >>> 0) / (b >>> 0);
rules32[Op.rem_s] = (a, b) => a % b;
rules32[Op.rem_u] = (a, b) => (a >>> 0) % (b >>> 0);
rules32[Op.and] = (a, b) => a & b;
rules32[Op.or] = (a, b) => a | b;
rules32[Op.xor] = (a, b) => a ^ b;
rules32[Op.shl] = (a, b) => a << b;
rules32[Op.shr_s] = (a, b) => a >> b;
rules32[Op.shr_u] = (a, b) => a >>> b;
rules32[Op.rotl] = (a, b) => (a << b) | (a >>> -b);
rules32[Op.rotr] = (a, b) => (a >>> b) | (a << -b);
rules32[Op.clz] = (a) => Math.clz32(a);
rules32[Op.ctz] = (a) => (a === 0 ? 32 : 31 - Math.clz32(a & -a));
rules32[Op.popcnt] = (a) => {
  let count = 0;
  for (let rest = a; rest !== 0; rest &= rest - 1) count++;
  return count;
};
rules32[Op.extend8_s] = (a) => (a << 24) >> 24;
rules32[Op.extend16_s] = (a) => (a << 16) >> 16;
rules32[Op.eq] = (a, b) => (a === b ? 1 : 0);
rules32[Op.ne] = (a, b) => (a !== b ? 1 : 0);
rules32[Op.lt_s] = (a, b) => (a < b ? 1 : 0);
rules32[Op.gt_s] = (a, b) => (a > b ? 1 : 0);
rules32[Op.le_s] = (a, b) => (a <= b ? 1 : 0);
rules32[Op.ge_s] = (a, b) => (a >= b ? 1 : 0);
rules32[Op.lt_u] = (a, b) => (a >>> 0 < b >>> 0 ? 1 : 0);
rules32[Op.gt_u] = (a, b) => (a >>> 0 > b >>> 0 ? 1 : 0);
rules32[Op.le_u] = (a, b) => (a >>> 0 <= b >>> 0 ? 1 : 0);
rules32[Op.ge_u] = (a, b) => (a >>> 0 >= b >>> 0 ? 1 : 0);

const flag = (condition: boolean): bigint => (condition ? 1n : 0n);

const rules64: (Rule64 | undefined)[] = [];
rules64[Op.add] = (a, b) => a + b;
rules64[Op.sub] = (a, b) => a - b;
rules64[Op.mul] = (a, b) => a * b;
rules64[Op.div_s] = (a, b) => a / b;
rules64[Op.div_u] = (a, b) => unsigned64(a) / unsigned64(b);
rules64[Op.rem_s] = (a, b) => a % b;
rules64[Op.rem_u] = (a, b) => unsigned64(a) % unsigned64(b);
rules64[Op.and] = (a, b) => a & b;
rules64[Op.or] = (a, b) => a | b;
rules64[Op.xor] = (a, b) => a ^ b;
rules64[Op.shl] = (a, b) => a << count64(b);
rules64[Op.shr_s] = (a, b) => a >> count64(b);
rules64[Op.shr_u] = (a, b) => unsigned64(a) >> count64(b);
rules64[Op.rotl] = (a, b) => (a << count64(b)) | (unsigned64(a) >> (64n - count64(b)));
rules64[Op.rotr] = (a, b) => (unsigned64(a) >> count64(b)) | (a << (64n - count64(b)));
rules64[Op.clz] = (a) => (a === 0n ? 64n : BigInt(64 - unsigned64(a).toString(2).length));
rules64[Op.ctz] = (a) => (a === 0n ? 64n : BigInt((a & -a).toString(2).replace('-', '').length - 1));
rules64[Op.popcnt] = (a) => BigInt(unsigned64(a).toString(2).replaceAll('0', '').length);
rules64[Op.extend8_s] = (a) => BigInt.asIntN(8, a);
rules64[Op.extend16_s] = (a) => BigInt.asIntN(16, a);
rules64[Op.extend32_s] = (a) => BigInt.asIntN(32, a);
rules64[Op.wrap] = (a) => a;
rules64[Op.eq] = (a, b) => flag(a === b);
rules64[Op.ne] = (a, b) => flag(a !== b);
rules64[Op.lt_s] = (a, b) => flag(a < b);
rules64[Op.gt_s] = (a, b) => flag(a > b);
rules64[Op.le_s] = (a, b) => flag(a <= b);
rules64[Op.ge_s] = (a, b) => flag(a >= b);
rules64[Op.lt_u] = (a, b) => flag(unsigned64(a) < unsigned64(b));
rules64[Op.gt_u] = (a, b) => flag(unsigned64(a) > unsigned64(b));
rules64[Op.le_u] = (a, b) => flag(unsigned64(a) <= unsigned64(b));
rules64[Op.ge_u] = (a, b) => flag(unsigned64(a) >= unsigned64(b));

/** An integer operation on i32 constants; signed 32 bits in and out. Divisors are not zero. */
export function evaluate32(op: number, a: number, b: number): number {
  const rule = rules32[op];
  if (rule === undefined) throw new InternalError(`no evaluation of operation ${op} on i32`);
  return rule(a, b) | 0;
}

/** An integer operation on i64 constants; signed in, any representative of the result out. Divisors are not zero. */
export function evaluate64(op: number, a: bigint, b: bigint): bigint {
  const rule = rules64[op];
  if (rule === undefined) throw new InternalError(`no evaluation of operation ${op} on i64`);
  return rule(a, b);
}
