;; A change that gives the same results and squares by adding, which the gate finds.
(module
  (func $square (param i32) (result i32) (local $sum i32) (local $k i32)
    (local.set $k (local.get 0))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (local.get 0)))
      (br_if $again (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (local.get $sum))
  (func $sum (export "sum") (param $n i32) (result i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (call $square (local.get $n))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
