;; A hot leaf without stores or calls, reached through call_indirect: its time must be its own.
(module
  (type $step (func (param i32) (result i32)))
  (table funcref (elem $leaf $other))
  (func $leaf (type $step)
    (local $i i32) (local $h i32)
    (local.set $h (local.get 0))
    (loop $again
      (local.set $h (i32.xor (i32.mul (local.get $h) (i32.const 16777619)) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 500))))
    (local.get $h))
  (func $other (type $step) (i32.add (local.get 0) (i32.const 1)))
  (func $run (export "run") (param $times i32) (result i32)
    (local $h i32)
    (loop $again
      (local.set $h (call_indirect (type $step) (local.get $h) (i32.and (local.get $times) (i32.const 0))))
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times)))
    (local.get $h))
)
