;; Keeps what looks like a publication record at the start of its memory, which says that $innocent runs and that nobody called it
;; (prev 0, self 0: function 0 on x86-64). A reader that takes this memory for the stack tells of $innocent, which is never called.
(module
  (import "host" "again" (func $again (param i32) (result i32)))
  (memory 1)
  (data (i32.const 0) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  (func $innocent (param i32) (result i32) (local.get 0))
  (func $descend (param $n i32) (result i32)
    (if (result i32) (i32.eqz (local.get $n))
      (then (call $again (local.get $n)))
      (else (i32.add (call $descend (i32.sub (local.get $n) (i32.const 1))) (call $leaf (local.get $n))))))
  (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
  (func (export "back") (param i32) (result i32) (call $middle (local.get 0)))
  (func $middle (param i32) (result i32) (i32.add (call $leaf (local.get 0)) (i32.const 1)))
  (func (export "run") (param $n i32) (result i32) (call $descend (local.get $n)))
)
