;; Phases whose innermost functions are known, for signals.spec.ts. `signals-phases ROUNDS` prints `begin PHASE` and `end PHASE`
;; around each one, and at the end a number that all of them went into.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (type $step (func (param i32) (result i32)))
  (memory (export "memory") 2)
  (table 2 funcref)
  (elem (i32.const 0) $double $odd)
  ;; 0: iovec, 8: bytes written, 16: argv, 256: arguments, 512: lines, 65536: the array of $fill.
  (data (i32.const 512)
    "begin count \0a" "end   count \0a"
    "begin fill  \0a" "end   fill  \0a"
    "begin divide\0a" "end   divide\0a"
    "begin float \0a" "end   float \0a"
    "begin walk  \0a" "end   walk  \0a"
    "begin fib   \0a" "end   fib   \0a"
    "begin deep  \0a" "end   deep  \0a")

  (func $write (param $at i32) (param $bytes i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $bytes))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  ;; Line number `line`, of 13 bytes.
  (func $say (param $line i32)
    (call $write
      (i32.add (i32.const 512) (i32.mul (local.get $line) (i32.const 13)))
      (i32.const 13)))

  (func $number (param $at i32) (result i32)
    (local $value i32)
    (block $end
      (loop $next
        (br_if $end (i32.eqz (i32.load8_u (local.get $at))))
        (local.set $value
          (i32.add
            (i32.mul (local.get $value) (i32.const 10))
            (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $value))

  (func $print (param $value i32)
    (local $at i32)
    (local.set $at (i32.const 1100))
    (i32.store8 (local.get $at) (i32.const 10))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10))))
      (br_if $next (local.tee $value (i32.div_u (local.get $value) (i32.const 10)))))
    (call $write (local.get $at) (i32.sub (i32.const 1101) (local.get $at))))

  (func $count (param $seed i32) (result i32)
    (local $k i32)
    (local.set $k (i32.const 1000000))
    (loop $next
      (local.set $seed
        (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (local.get $seed))

  (func $fill (param $seed i32) (result i32)
    (local $k i32)
    (local $at i32)
    (local.set $k (i32.const 500000))
    (loop $next
      (local.set $at
        (i32.add (i32.const 65536) (i32.and (i32.shl (local.get $k) (i32.const 2)) (i32.const 0xfffc))))
      (local.set $seed
        (i32.add (i32.rotl (local.get $seed) (i32.const 5)) (i32.load (local.get $at))))
      (i32.store (local.get $at) (local.get $seed))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (local.get $seed))

  (func $divide (param $seed i32) (result i32)
    (local $k i32)
    (local $sum i64)
    (local.set $k (i32.const 50000))
    (loop $next
      (local.set $sum
        (i64.add
          (i64.const 0x123456789abcdef)
          (i64.div_u
            (i64.xor (local.get $sum) (i64.extend_i32_u (local.get $seed)))
            (i64.extend_i32_u (local.get $k)))))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (i32.wrap_i64 (i64.xor (local.get $sum) (i64.shr_u (local.get $sum) (i64.const 32)))))

  (func $float (param $seed i32) (result i32)
    (local $k i32)
    (local $x f64)
    (local.set $k (i32.const 200000))
    (local.set $x (f64.convert_i32_u (local.get $seed)))
    (loop $next
      (local.set $x
        (f64.add (f64.sqrt (f64.add (local.get $x) (f64.const 2.5))) (f64.convert_i32_u (local.get $k))))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (i32.xor (local.get $seed) (i32.wrap_i64 (i64.reinterpret_f64 (local.get $x)))))

  (func $double (param $value i32) (result i32)
    (i32.rotl (i32.mul (local.get $value) (i32.const 2654435761)) (i32.const 7)))
  (func $odd (param $value i32) (result i32)
    (i32.or (local.get $value) (i32.const 1)))
  (func $walk (param $seed i32) (result i32)
    (local $k i32)
    (local.set $k (i32.const 200000))
    (loop $next
      (local.set $seed
        (call_indirect (type $step) (local.get $seed) (i32.and (local.get $k) (i32.const 1))))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (local.get $seed))

  (func $fib (param $n i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else
        (i32.add
          (call $fib (i32.sub (local.get $n) (i32.const 1)))
          (call $fib (i32.sub (local.get $n) (i32.const 2)))))))

  ;; A leaf under 300 frames of $deep.
  (func $bottom (param $seed i32) (result i32)
    (local $k i32)
    (local.set $k (i32.const 300000))
    (loop $next
      (local.set $seed (i32.xor (i32.rotl (local.get $seed) (i32.const 3)) (local.get $k)))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (local.get $seed))
  (func $deep (param $left i32) (param $seed i32) (result i32)
    (if (i32.eqz (local.get $left)) (then (return (call $bottom (local.get $seed)))))
    (i32.add
      (local.get $left)
      (call $deep (i32.sub (local.get $left) (i32.const 1)) (local.get $seed))))

  (func $_start (export "_start")
    (local $rounds i32)
    (local $sum i32)
    (drop (call $args_get (i32.const 16) (i32.const 256)))
    (local.set $rounds (call $number (i32.load (i32.const 20))))
    (loop $next
      (call $say (i32.const 0))
      (local.set $sum (call $count (local.get $sum)))
      (call $say (i32.const 1))
      (call $say (i32.const 2))
      (local.set $sum (call $fill (local.get $sum)))
      (call $say (i32.const 3))
      (call $say (i32.const 4))
      (local.set $sum (call $divide (local.get $sum)))
      (call $say (i32.const 5))
      (call $say (i32.const 6))
      (local.set $sum (call $float (local.get $sum)))
      (call $say (i32.const 7))
      (call $say (i32.const 8))
      (local.set $sum (call $walk (local.get $sum)))
      (call $say (i32.const 9))
      (call $say (i32.const 10))
      (local.set $sum (i32.add (local.get $sum) (call $fib (i32.const 23))))
      (call $say (i32.const 11))
      (call $say (i32.const 12))
      (local.set $sum (call $deep (i32.const 299) (local.get $sum)))
      (call $say (i32.const 13))
      (br_if $next (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (call $print (local.get $sum))))
