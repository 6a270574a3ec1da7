;; Every kind of call, for signals-emulated.spec.ts: direct, indirect, recursive, of a helper (64-bit division on ARM), into the runtime (fd_write
;; of nothing) and its services (memory.grow, table.grow). Short, as it is interrupted at every instruction.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (type $value (func (param i32) (result i32)))
  (memory (export "memory") 1 3)
  (table $t 2 4 funcref)
  (elem (i32.const 0) $leaf $twice)
  (global $zero (mut i64) (i64.const 0))

  (func $leaf (param $x i32) (result i32)
    (i32.add (i32.load (local.get $x)) (i32.const 3)))
  (func $twice (param $x i32) (result i32)
    (i32.add (call $leaf (local.get $x)) (call $leaf (local.get $x))))
  (func $divide (param $x i32) (result i32)
    (i32.wrap_i64
      (i64.div_u (i64.const 0x123456789abcdef) (i64.add (global.get $zero) (i64.extend_i32_u (local.get $x))))))
  (func $down (param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (call $leaf (local.get $n)))))
    (i32.add (local.get $n) (call $down (i32.sub (local.get $n) (i32.const 1)))))
  (func $grow (result i32)
    (i32.add
      (memory.grow (i32.const 1))
      (table.grow $t (ref.func $leaf) (i32.const 1))))
  (func $print (param $digit i32)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 2))
    (i32.store8 (i32.const 16) (i32.add (i32.const 48) (local.get $digit)))
    (i32.store8 (i32.const 17) (i32.const 10))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func $_start (export "_start")
    (local $sum i32)
    (local.set $sum (call $leaf (i32.const 64)))
    (local.set $sum (i32.add (local.get $sum) (call_indirect (type $value) (i32.const 68) (i32.const 1))))
    (local.set $sum (i32.add (local.get $sum) (call $divide (i32.const 1000))))
    (local.set $sum (i32.add (local.get $sum) (call $down (i32.const 3))))
    (local.set $sum (i32.add (local.get $sum) (call $grow)))
    (call $print (i32.and (local.get $sum) (i32.const 7)))))
