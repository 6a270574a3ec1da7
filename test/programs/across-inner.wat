;; Called by another instance, and calls the host, which calls both of them again.
(module
  (import "host" "again" (func $again (param i32) (result i32)))
  (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
  (func (export "enter") (param $n i32) (result i32)
    (i32.add (call $leaf (local.get $n)) (call $again (local.get $n))))
  (func $trap (export "trap") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (unreachable)))
    (call $trap (i32.sub (local.get 0) (i32.const 1))))
)
