;; Division traps by checks of its own on both targets; constants need none, and no division either.
(module
  (func (export "quotient") (param $a i32) (param $b i32) (result i32)
    (i32.div_s (local.get $a) (local.get $b)))
  (func (export "tenth") (param $a i32) (result i32) (i32.div_u (local.get $a) (i32.const 10)))
  (func (export "rest") (param $a i32) (result i32) (i32.rem_s (local.get $a) (i32.const 8))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "quotient" wasm [0] (i32, i32) -> (i32) at 61 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = const.i32 0
;;   v3 = eq v1, v2
;;   trap_if divideByZero, v3
;;   v5 = const.i32 -2147483648
;;   v6 = eq v0, v5
;;   v7 = const.i32 -1
;;   v8 = eq v1, v7
;;   v9 = and.i32 v6, v8
;;   trap_if integerOverflow, v9
;;   v11 = div_s.i32 v0, v1
;;   return v11
;; }
;;
;; function @1 "tenth" wasm [1] (i32) -> (i32) at 69 {
;; block0():
;;   v0 = param.i32 0
;;   v4 = extend_u.i64 v0
;;   v5 = const.i64 3435973837
;;   v6 = mul.i64 v4, v5
;;   v7 = const.i64 35
;;   v8 = shr_u.i64 v6, v7
;;   v9 = wrap.i32 v8
;;   return v9
;; }
;;
;; function @2 "rest" wasm [2] (i32) -> (i32) at 77 {
;; block0():
;;   v0 = param.i32 0
;;   v4 = const.i32 31
;;   v5 = shr_s.i32 v0, v4
;;   v6 = const.i32 29
;;   v7 = shr_u.i32 v5, v6
;;   v8 = add.i32 v0, v7
;;   v9 = const.i32 3
;;   v10 = shr_s.i32 v8, v9
;;   v11 = shl.i32 v10, v9
;;   v2 = sub.i32 v0, v11
;;   return v2
;; }
;;
;; ---- x86_64: machine code
;; quotient: 37 bytes, frame 8
;;     0  mov rax, rdi
;;     3  test esi, esi
;;     5  je 0x21
;;     7  xor ecx, ecx
;;     9  cmp eax, 0x80000000
;;     e  sete cl
;;    11  xor edx, edx
;;    13  cmp esi, -1
;;    16  sete dl
;;    19  test edx, ecx
;;    1b  jne 0x23
;;    1d  cdq
;;    1e  idiv esi
;;    20  ret
;;    21  ud2                                       ; traps: divide by zero
;;    23  ud2                                       ; traps: divide result unrepresentable
;;
;; tenth: 16 bytes, frame 8
;;    30  mov eax, 0xcccccccd
;;    35  imul rdi, rax
;;    39  shr rdi, 0x23
;;    3d  mov eax, edi
;;    3f  ret
;;
;; rest: 27 bytes, frame 8
;;    40  mov rax, rdi
;;    43  sar eax, 0x1f
;;    46  shr eax, 0x1d
;;    49  add eax, edi
;;    4b  sar eax, 3
;;    4e  lea eax, [rax*8]
;;    55  sub edi, eax
;;    57  mov rax, rdi
;;    5a  ret
;;
;; ---- armv7: SSA
;; function @0 "quotient" wasm [0] (i32, i32) -> (i32) at 61 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = const.i32 0
;;   v3 = eq v1, v2
;;   trap_if divideByZero, v3
;;   v5 = const.i32 -2147483648
;;   v6 = eq v0, v5
;;   v7 = const.i32 -1
;;   v8 = eq v1, v7
;;   v9 = and.i32 v6, v8
;;   trap_if integerOverflow, v9
;;   v13 = convert_s.f64 v0
;;   v14 = convert_s.f64 v1
;;   v15 = fdiv.f64 v13, v14
;;   v11 = trunc_sat_s.i32 v15
;;   return v11
;; }
;;
;; function @1 "tenth" wasm [1] (i32) -> (i32) at 69 {
;; block0():
;;   v0 = param.i32 0
;;   v10 = const.i32 0
;;   v11 = const.i32 -858993459
;;   v12 = pair_mul v0, v10, v11, v10
;;   v14 = result.i32 1, v12
;;   v16 = const.i32 3
;;   v17 = shr_u.i32 v14, v16
;;   return v17
;; }
;;
;; function @2 "rest" wasm [2] (i32) -> (i32) at 77 {
;; block0():
;;   v0 = param.i32 0
;;   v4 = const.i32 31
;;   v5 = shr_s.i32 v0, v4
;;   v6 = const.i32 29
;;   v7 = shr_u.i32 v5, v6
;;   v8 = add.i32 v0, v7
;;   v9 = const.i32 3
;;   v10 = shr_s.i32 v8, v9
;;   v11 = shl.i32 v10, v9
;;   v2 = sub.i32 v0, v11
;;   return v2
;; }
;;
;; ---- armv7: machine code
;; quotient: 60 bytes, frame 0
;;     0  cmp r1, #0
;;     4  beq #0x34
;;     8  cmp r0, #0x80000000
;;     c  cmneq r1, #1
;;    10  beq #0x38
;;    14  vmov s14, r0
;;    18  vcvt.f64.s32 d16, s14
;;    1c  vmov s14, r1
;;    20  vcvt.f64.s32 d17, s14
;;    24  vdiv.f64 d16, d16, d17
;;    28  vcvt.s32.f64 s14, d16
;;    2c  vmov r0, s14
;;    30  bx lr
;;    34  udf #0                                    ; traps: divide by zero
;;    38  udf #0                                    ; traps: divide result unrepresentable
;;
;; tenth: 20 bytes, frame 0
;;    40  movw r3, #0xcccd
;;    44  movt r3, #0xcccc
;;    48  umull r2, r3, r0, r3
;;    4c  lsr r0, r3, #3
;;    50  bx lr
;;
;; rest: 20 bytes, frame 0
;;    60  asr r3, r0, #0x1f
;;    64  add r3, r0, r3, lsr #29
;;    68  asr r3, r3, #3
;;    6c  sub r0, r0, r3, lsl #3
;;    70  bx lr
