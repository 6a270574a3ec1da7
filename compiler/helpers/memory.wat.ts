/** Address type of the assembled text: the target's word. */
export type Pointer = 'i32' | 'i64';

/**
 * Copying and filling. Up to 16 bytes go as two accesses that may overlap each other, whatever the length and direction
 * (everything is loaded before anything is stored); more goes in steps of 16, and the last 16 bytes were loaded
 * before the loop, so that no remainder is left. Units are words that may stand unaligned: plain loads and stores of
 * a word at any address work on both targets.
 */
export function memoryText(P: Pointer): string {
  const add = (a: string, n: number) => `(${P}.add (local.get $${a}) (${P}.const ${n}))`;
  const end = (base: string, n: number) =>
    `(${P}.sub (${P}.add (local.get $${base}) (local.get $n)) (${P}.const ${n}))`;
  const copyBoth = (type: string, bytes: number, load: string, store: string) => `
    (local.set $${type}a (${load} (local.get $s)))
    (local.set $${type}b (${load} ${end('s', bytes)}))
    (${store} (local.get $d) (local.get $${type}a))
    (${store} ${end('d', bytes)} (local.get $${type}b))
    return`;
  const locals = `(local $ia i32) (local $ib i32) (local $la i64) (local $lb i64) (local $ta i64) (local $tb i64)`;
  const more = (n: number) => `(${P}.gt_u (local.get $n) (${P}.const ${n}))`;
  return `
(func $memory_copy (export "memory_copy") (param $d ${P}) (param $s ${P}) (param $n ${P}) ${locals}
  (if ${more(16)} (then
    ;; Backwards where the destination begins inside the source.
    (if (${P}.lt_u (${P}.sub (local.get $d) (local.get $s)) (local.get $n))
      (then (call $copy_backward (local.get $d) (local.get $s) (local.get $n)))
      (else (call $copy_forward (local.get $d) (local.get $s) (local.get $n))))
    return))
  (if ${more(7)} (then ${copyBoth('l', 8, 'i64.load', 'i64.store')}))
  (if ${more(3)} (then ${copyBoth('i', 4, 'i32.load', 'i32.store')}))
  (if ${more(1)} (then ${copyBoth('i', 2, 'i32.load16_u', 'i32.store16')}))
  (if ${more(0)} (then (i32.store8 (local.get $d) (i32.load8_u (local.get $s))))))

(func $copy_forward (export "memory_copy_forward") (param $d ${P}) (param $s ${P}) (param $n ${P}) ${locals}
  (local.set $ta (i64.load ${end('s', 16)}))
  (local.set $tb (i64.load ${end('s', 8)}))
  (loop $next
    (local.set $la (i64.load (local.get $s)))
    (local.set $lb (i64.load offset=8 (local.get $s)))
    (i64.store (local.get $d) (local.get $la))
    (i64.store offset=8 (local.get $d) (local.get $lb))
    (local.set $s ${add('s', 16)})
    (local.set $d ${add('d', 16)})
    (local.set $n ${add('n', -16)})
    (br_if $next ${more(16)}))
  (i64.store ${end('d', 16)} (local.get $ta))
  (i64.store ${end('d', 8)} (local.get $tb)))

(func $copy_backward (export "memory_copy_backward") (param $d ${P}) (param $s ${P}) (param $n ${P}) ${locals}
  (local $from ${P}) (local $to ${P})
  (local.set $ta (i64.load (local.get $s)))
  (local.set $tb (i64.load offset=8 (local.get $s)))
  (local.set $from (${P}.add (local.get $s) (local.get $n)))
  (local.set $to (${P}.add (local.get $d) (local.get $n)))
  (loop $next
    (local.set $from ${add('from', -16)})
    (local.set $to ${add('to', -16)})
    (local.set $la (i64.load (local.get $from)))
    (local.set $lb (i64.load offset=8 (local.get $from)))
    (i64.store (local.get $to) (local.get $la))
    (i64.store offset=8 (local.get $to) (local.get $lb))
    (local.set $n ${add('n', -16)})
    (br_if $next ${more(16)}))
  (i64.store (local.get $d) (local.get $ta))
  (i64.store offset=8 (local.get $d) (local.get $tb)))

(func $memory_fill (export "memory_fill") (param $d ${P}) (param $byte i32) (param $n ${P})
  (local $word i32) (local $long i64)
  (local.set $word (i32.mul (i32.and (local.get $byte) (i32.const 255)) (i32.const 0x01010101)))
  (local.set $long (i64.or (i64.extend_i32_u (local.get $word))
    (i64.shl (i64.extend_i32_u (local.get $word)) (i64.const 32))))
  (if ${more(16)} (then
    (i64.store ${end('d', 16)} (local.get $long))
    (i64.store ${end('d', 8)} (local.get $long))
    (loop $next
      (i64.store (local.get $d) (local.get $long))
      (i64.store offset=8 (local.get $d) (local.get $long))
      (local.set $d ${add('d', 16)})
      (local.set $n ${add('n', -16)})
      (br_if $next ${more(16)}))
    return))
  (if ${more(7)} (then
    (i64.store (local.get $d) (local.get $long))
    (i64.store ${end('d', 8)} (local.get $long))
    return))
  (if ${more(3)} (then
    (i32.store (local.get $d) (local.get $word))
    (i32.store ${end('d', 4)} (local.get $word))
    return))
  (if ${more(1)} (then
    (i32.store16 (local.get $d) (local.get $word))
    (i32.store16 ${end('d', 2)} (local.get $word))
    return))
  (if ${more(0)} (then (i32.store8 (local.get $d) (local.get $word)))))

(func $words_copy (export "words_copy") (param $d ${P}) (param $s ${P}) (param $n ${P})
  (call $memory_copy (local.get $d) (local.get $s)
    (${P}.shl (local.get $n) (${P}.const ${P === 'i64' ? 3 : 2}))))

(func $words_fill (export "words_fill") (param $d ${P}) (param $value ${P}) (param $n ${P})
  (if ${more(0)} (then
    (loop $next
      (${P}.store (local.get $d) (local.get $value))
      (local.set $d ${add('d', P === 'i64' ? 8 : 4)})
      (br_if $next (${P}.ne (local.tee $n ${add('n', -1)}) (${P}.const 0)))))))
`;
}
