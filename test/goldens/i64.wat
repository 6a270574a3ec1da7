;; 64-bit integers: one register, or pairs of words of which constant halves cost nothing.
(module
  (func (export "arithmetic") (param $a i64) (param $b i64) (result i64)
    (i64.xor (i64.add (local.get $a) (local.get $b)) (i64.mul (local.get $a) (i64.const 10))))
  (func (export "widened") (param $a i32) (param $b i32) (result i32)
    ;; The upper half of a product of two 32-bit numbers.
    (i32.wrap_i64 (i64.shr_u
      (i64.mul (i64.extend_i32_u (local.get $a)) (i64.extend_i32_u (local.get $b)))
      (i64.const 32))))
  (func (export "less") (param $a i64) (param $b i64) (result i32)
    (i64.lt_s (local.get $a) (local.get $b))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "arithmetic" wasm [0] (i64, i64) -> (i64) at 72 {
;; block0():
;;   v0 = param.i64 0
;;   v1 = param.i64 1
;;   v2 = add.i64 v0, v1
;;   v3 = const.i64 10
;;   v4 = mul.i64 v0, v3
;;   v5 = xor.i64 v2, v4
;;   return v5
;; }
;;
;; function @1 "widened" wasm [1] (i32, i32) -> (i32) at 86 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = extend_u.i64 v0
;;   v3 = extend_u.i64 v1
;;   v4 = mul.i64 v2, v3
;;   v5 = const.i64 32
;;   v6 = shr_u.i64 v4, v5
;;   v7 = wrap.i32 v6
;;   return v7
;; }
;;
;; function @2 "less" wasm [2] (i64, i64) -> (i32) at 100 {
;; block0():
;;   v0 = param.i64 0
;;   v1 = param.i64 1
;;   v2 = lt_s v0, v1
;;   return v2
;; }
;;
;; ---- x86_64: machine code
;; arithmetic: 12 bytes, frame 8
;;     0  lea rax, [rdi + rsi]
;;     4  imul rcx, rdi, 0xa
;;     8  xor rax, rcx
;;     b  ret
;;
;; widened: 11 bytes, frame 8
;;    10  imul rdi, rsi
;;    14  shr rdi, 0x20
;;    18  mov eax, edi
;;    1a  ret
;;
;; less: 9 bytes, frame 8
;;    20  xor eax, eax
;;    22  cmp rdi, rsi
;;    25  setl al
;;    28  ret
;;
;; ---- armv7: SSA
;; function @0 "arithmetic" wasm [0] (i32, i32, i32, i32) -> (i32, i32) at 72 {
;; block0():
;;   v8 = param.i32 0
;;   v9 = param.i32 1
;;   v10 = param.i32 2
;;   v11 = param.i32 3
;;   v7 = const.i32 0
;;   v12 = pair_add v8, v9, v10, v11
;;   v13 = result.i32 0, v12
;;   v14 = result.i32 1, v12
;;   v15 = const.i32 10
;;   v16 = pair_mul v8, v9, v15, v7
;;   v17 = result.i32 0, v16
;;   v18 = result.i32 1, v16
;;   v19 = xor.i32 v13, v17
;;   v20 = xor.i32 v14, v18
;;   return v19, v20
;; }
;;
;; function @1 "widened" wasm [1] (i32, i32) -> (i32) at 86 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v9 = const.i32 0
;;   v10 = pair_mul v0, v9, v1, v9
;;   v12 = result.i32 1, v10
;;   return v12
;; }
;;
;; function @2 "less" wasm [2] (i32, i32, i32, i32) -> (i32) at 100 {
;; block0():
;;   v5 = param.i32 0
;;   v6 = param.i32 1
;;   v7 = param.i32 2
;;   v8 = param.i32 3
;;   v2 = pair_lt_s v5, v6, v7, v8
;;   return v2
;; }
;;
;; ---- armv7: machine code
;; arithmetic: 36 bytes, frame 8
;;     0  push {ip, lr}
;;     4  adds r2, r0, r2
;;     8  adc r3, r1, r3
;;     c  mov sb, #0xa
;;    10  umull r0, lr, r0, sb
;;    14  mla r1, r1, sb, lr
;;    18  eor r0, r2, r0
;;    1c  eor r1, r3, r1
;;    20  pop {ip, pc}
;;
;; widened: 8 bytes, frame 0
;;    30  umull r3, r0, r0, r1
;;    34  bx lr
;;
;; less: 20 bytes, frame 0
;;    40  cmp r0, r2
;;    44  sbcs r3, r1, r3
;;    48  mov r0, #0
;;    4c  movlt r0, #1
;;    50  bx lr
