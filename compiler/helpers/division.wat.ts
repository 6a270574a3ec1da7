/**
 * 64-bit division for cores without a divider, by their floating-point one: f64 holds 32-bit numbers exactly, and a
 * 64-bit by 64-bit quotient below 2^32 is wrong by less than 2^-17 when both sides are rounded to f64. Scaled down by
 * 1 - 2^-50 it is never too large, so that truncated it is the quotient or one less, and one comparison settles it.
 * A divisor below 2^32 takes the high word of the dividend first, as in long division.
 */
export const divisionText = `
${unsigned('i64_div_u', '(i64.or (i64.shl (i64.extend_i32_u (local.get $high)) (i64.const 32)) (local.get $q))')}
${unsigned('i64_rem_u', '(local.get $r)')}

(func $i64_div_s (export "i64_div_s") (param $a i64) (param $b i64) (result i64) (local $s i64) (local $t i64)
  (local.set $s (i64.shr_s (local.get $a) (i64.const 63)))
  (local.set $t (i64.shr_s (local.get $b) (i64.const 63)))
  (local.set $a (call $i64_div_u
    (i64.sub (i64.xor (local.get $a) (local.get $s)) (local.get $s))
    (i64.sub (i64.xor (local.get $b) (local.get $t)) (local.get $t))))
  (local.set $s (i64.xor (local.get $s) (local.get $t)))
  (i64.sub (i64.xor (local.get $a) (local.get $s)) (local.get $s)))

(func $i64_rem_s (export "i64_rem_s") (param $a i64) (param $b i64) (result i64) (local $s i64) (local $t i64)
  (local.set $s (i64.shr_s (local.get $a) (i64.const 63)))
  (local.set $t (i64.shr_s (local.get $b) (i64.const 63)))
  (local.set $a (call $i64_rem_u
    (i64.sub (i64.xor (local.get $a) (local.get $s)) (local.get $s))
    (i64.sub (i64.xor (local.get $b) (local.get $t)) (local.get $t))))
  (i64.sub (i64.xor (local.get $a) (local.get $s)) (local.get $s)))
`;

/** An unsigned 64-bit integer as f64, rounded once (by the addition). */
function toF64(x: string): string {
  return `(f64.add
    (f64.mul (f64.convert_i32_u (i32.wrap_i64 (i64.shr_u ${x} (i64.const 32)))) (f64.const 4294967296))
    (f64.convert_i32_u (i32.wrap_i64 ${x})))`;
}

/** Quotient ($high: its upper word, $q: its lower) and remainder $r of $a by $b, of which `result` is returned. */
function unsigned(name: string, result: string): string {
  const quotient = (a: string, b: string) => `(i32.trunc_sat_f64_u (f64.div ${a} ${b}))`;
  const word = (x: string) => `(f64.convert_i32_u (local.get $${x}))`;
  return `
(func $${name} (export "${name}") (param $a i64) (param $b i64) (result i64)
  (local $al i32) (local $ah i32) (local $bl i32) (local $high i32) (local $q i64) (local $r i64)
  (local.set $al (i32.wrap_i64 (local.get $a)))
  (local.set $bl (i32.wrap_i64 (local.get $b)))
  (local.set $ah (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 32))))
  (if (i32.eqz (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 32)))) (then
    (if (i32.eqz (local.get $ah)) (then
      (local.set $q (i64.extend_i32_u ${quotient(word('al'), word('bl'))}))
      (local.set $r (i64.sub (local.get $a) (i64.mul (local.get $q) (local.get $b))))
      (return ${result})))
    (if (i32.ge_u (local.get $ah) (local.get $bl)) (then
      (local.set $high ${quotient(word('ah'), word('bl'))})
      (local.set $ah (i32.sub (local.get $ah) (i32.mul (local.get $high) (local.get $bl))))
      (local.set $a (i64.or (i64.shl (i64.extend_i32_u (local.get $ah)) (i64.const 32))
        (i64.extend_i32_u (local.get $al))))))))
  (local.set $q (i64.extend_i32_u (i32.trunc_sat_f64_u (f64.mul
    (f64.div ${toF64('(local.get $a)')} ${toF64('(local.get $b)')})
    (f64.const 0x0.ffffffffffffcp0)))))
  (local.set $r (i64.sub (local.get $a) (i64.mul (local.get $q) (local.get $b))))
  (if (i64.ge_u (local.get $r) (local.get $b)) (then
    (local.set $r (i64.sub (local.get $r) (local.get $b)))
    (local.set $q (i64.add (local.get $q) (i64.const 1)))))
  ${result})
`;
}
