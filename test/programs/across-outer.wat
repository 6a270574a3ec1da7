;; Calls another instance, directly and through a table.
(module
  (type $unary (func (param i32) (result i32)))
  (import "inner" "enter" (func $enter (type $unary)))
  (import "inner" "trap" (func $inner-trap (type $unary)))
  (table funcref (elem $enter $plain))
  (func $plain (type $unary) (i32.add (local.get 0) (i32.const 7)))
  (func (export "step") (param $n i32) (result i32)
    (i32.add
      (i32.add (call $enter (local.get $n)) (call_indirect (type $unary) (local.get $n) (i32.const 0)))
      (call_indirect (type $unary) (local.get $n) (i32.const 1))))
  (func (export "trap") (param i32) (result i32) (i32.add (call $inner-trap (local.get 0)) (i32.const 1)))
)
