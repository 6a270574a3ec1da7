;; A counted loop without memory: one block, both values in registers, the test at the bottom.
(module
  (func (export "sum") (param $n i32) (result i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "sum" wasm [0] (i32) -> (i32) at 33 {
;; block0():
;;   v0 = param.i32 0
;;   v8 = const.i32 0
;;   jump block1
;; block1(block0, block1):
;;   v2 = phi.i32 v8, v4
;;   v3 = phi.i32 v0, v6
;;   v4 = add.i32 v2, v3
;;   v10 = const.i32 -1
;;   v6 = add.i32 v3, v10
;;   branch v6, block1, block2
;; block2(block1):
;;   return v4
;; }
;;
;; ---- x86_64: machine code
;; sum: 10 bytes, frame 8
;;     0  xor eax, eax
;;     2  add eax, edi
;;     4  add edi, -1
;;     7  jne 2
;;     9  ret
;;
;; ---- armv7: SSA
;; function @0 "sum" wasm [0] (i32) -> (i32) at 33 {
;; block0():
;;   v0 = param.i32 0
;;   v8 = const.i32 0
;;   jump block1
;; block1(block0, block1):
;;   v2 = phi.i32 v8, v4
;;   v3 = phi.i32 v0, v6
;;   v4 = add.i32 v2, v3
;;   v10 = const.i32 -1
;;   v6 = add.i32 v3, v10
;;   branch v6, block1, block2
;; block2(block1):
;;   return v4
;; }
;;
;; ---- armv7: machine code
;; sum: 24 bytes, frame 0
;;     0  mov r3, #0
;;     4  add r3, r3, r0
;;     8  subs r0, r0, #1
;;     c  bne #4
;;    10  mov r0, r3
;;    14  bx lr
