/** $x with its last 11 bits cleared, and bit 11 set if any of them was. */
const roundedToOdd = `(i64.or
      (i64.and (local.get $x) (i64.const -2048))
      (i64.shl (i64.extend_i32_u (i64.ne (i64.and (local.get $x) (i64.const 2047)) (i64.const 0))) (i64.const 11)))`;

/** The words of $x, not negative: the high one is exact, and so is the difference that leaves the low one. */
const magnitude = `(i64.or
    (i64.shl (i64.extend_i32_u (i32.trunc_sat_f64_u (f64.mul (local.get $x) (f64.const 0x1p-32)))) (i64.const 32))
    (i64.extend_i32_u (i32.trunc_sat_f64_u (f64.sub (local.get $x) (f64.mul (f64.const 0x1p32)
      (f64.convert_i32_u (i32.trunc_sat_f64_u (f64.mul (local.get $x) (f64.const 0x1p-32)))))))))`;

function fromI64(sign: 's' | 'u'): string {
  return `
(func $f64_convert_i64_${sign} (export "f64_convert_i64_${sign}") (param $x i64) (result f64)
  (f64.add
    (f64.mul (f64.convert_i32_${sign} (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 32))))
      (f64.const 0x1p32))
    (f64.convert_i32_u (i32.wrap_i64 (local.get $x)))))`;
}

/**
 * Between 64-bit integers and floats by way of words: a word is exact as f64, and the sum of the words is rounded
 * once. To f32, numbers of more than 53 bits are first rounded to odd (their lost bits leave a mark in the last bit
 * kept), which a second rounding cannot mistake for a tie (Boldo and Melquiond, "When double rounding is odd").
 */
export const conversionText = `
${fromI64('s')}
${fromI64('u')}

(func $f32_convert_i64_u (export "f32_convert_i64_u") (param $x i64) (result f32)
  (if (i64.ge_u (local.get $x) (i64.const 0x20000000000000))
    (then (local.set $x ${roundedToOdd})))
  (f32.demote_f64 (call $f64_convert_i64_u (local.get $x))))

(func $f32_convert_i64_s (export "f32_convert_i64_s") (param $x i64) (result f32)
  (if (i64.ge_u (i64.add (local.get $x) (i64.const 0x20000000000000)) (i64.const 0x40000000000000))
    (then (local.set $x ${roundedToOdd})))
  (f32.demote_f64 (call $f64_convert_i64_s (local.get $x))))

;; Saturation of the words saturates the whole: below zero both are 0, beyond 2^64 both are all ones, NaN is 0.
(func $i64_trunc_sat_f64_u (export "i64_trunc_sat_f64_u") (param $x f64) (result i64)
  ${magnitude})

;; By magnitude and sign. Magnitudes from 2^63 on are the limits.
(func $i64_trunc_sat_f64_s (export "i64_trunc_sat_f64_s") (param $x f64) (result i64)
  (local $negative i32) (local $m i64)
  (local.set $negative (f64.lt (local.get $x) (f64.const 0)))
  (local.set $x (f64.abs (local.get $x)))
  (if (f64.ge (local.get $x) (f64.const 0x1p63)) (then
    (return (i64.sub (i64.const 0x7fffffffffffffff) (i64.sub (i64.const 0)
      (i64.extend_i32_u (local.get $negative)))))))
  (local.set $m ${magnitude})
  (if (result i64) (local.get $negative)
    (then (i64.sub (i64.const 0) (local.get $m)))
    (else (local.get $m))))

(func $i64_trunc_sat_f32_u (export "i64_trunc_sat_f32_u") (param $x f32) (result i64)
  (call $i64_trunc_sat_f64_u (f64.promote_f32 (local.get $x))))

(func $i64_trunc_sat_f32_s (export "i64_trunc_sat_f32_s") (param $x f32) (result i64)
  (call $i64_trunc_sat_f64_s (f64.promote_f32 (local.get $x))))
`;
