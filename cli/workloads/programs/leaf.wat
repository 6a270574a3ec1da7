;; Hot leaves, called through a table so that nothing can inline them: only their caller publishes, once.
(module
  (type $step (func (param i32) (result i32)))
  (table funcref (elem $add $rotate $multiply))
  (func $add (type $step) (i32.add (local.get 0) (i32.const 12345)))
  (func $rotate (type $step) (i32.rotl (local.get 0) (i32.const 7)))
  (func $multiply (type $step) (i32.mul (local.get 0) (i32.const 16777619)))
  (func (export "run") (param $times i32) (result i32)
    (local $hash i32)
    (loop $again
      (local.set $hash (call_indirect (type $step) (local.get $hash) (i32.rem_u (local.get $times) (i32.const 3))))
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times)))
    (local.get $hash))
)
