;; Everything that crosses the border to C: arguments and results of all types, imports, memory, globals, tables, traps.
(module $app
  (type $binary (func (param i32 i32) (result i32)))
  (import "env" "log" (func $log (param i32)))
  (import "env" "mix" (func $mix (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64) (result f64)))
  (import "env" "divide" (func $divide (param i64 i64) (result i64 i64)))
  (import "env" "depth" (func $depth (param i32) (result i32)))
  (import "env" "limit" (global $limit i32))
  (import "env" "calls" (global $calls (mut i64)))

  (memory (export "memory") 1 4)
  (global $count (export "count") (mut i32) (i32.const 0))
  (table (export "table") 2 8 funcref)
  (elem (i32.const 0) $sum $product)
  (data (i32.const 16) "Hello from WebAssembly\00")

  (func $sum (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func $product (type $binary) (i32.mul (local.get 0) (local.get 1)))

  (func (export "add") (type $binary)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (call $sum (local.get 0) (local.get 1)))

  ;; Two results.
  (func (export "divide") (param i64 i64) (result i64 i64)
    (global.set $calls (i64.add (global.get $calls) (i64.const 1)))
    (call $divide (local.get 0) (local.get 1)))

  ;; Four results of four types.
  (func (export "swap") (param f64 f32 i64 i32) (result i32 i64 f32 f64)
    local.get 3 local.get 2 local.get 1 local.get 0)

  ;; More arguments than registers.
  (func (export "mix") (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64) (result f64)
    (call $mix (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)
      (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11)))

  (func (export "choose") (param $which i32) (param i32 i32) (result i32)
    (call_indirect (type $binary) (local.get 1) (local.get 2) (local.get $which)))

  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow-table") (param i32) (result i32) (table.grow (ref.func $sum) (local.get 0)))
  (func (export "limit") (result i32) (global.get $limit))

  ;; Down to 0 by way of C, which calls this again.
  (func (export "descend") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 0))
      (else
        (call $log (local.get 0))
        (i32.add (i32.const 1) (call $depth (i32.sub (local.get 0) (i32.const 1)))))))

  (func $forever (export "forever") (param i32) (result i32)
    (i32.add (i32.const 1) (call $forever (i32.add (local.get 0) (i32.const 1)))))

  ;; The import itself.
  (export "log" (func $log)))
