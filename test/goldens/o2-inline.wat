;; A division and a loop, two bodies deep: what is inlined is a leaf without a call, and its instructions say whose they are.
(module
  (func $divide (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func $powers (param $n i32) (result i32) (local $h i32)
    (loop $again
      (local.set $h (i32.xor (i32.mul (local.get $h) (i32.const 31)) (local.get $n)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $h))
  (func $both (param i32 i32) (result i32) (call $powers (call $divide (local.get 0) (local.get 1))))
  (func (export "run") (param i32 i32) (result i32)
    (loop $next (result i32)
      (local.set 1 (call $both (local.get 0) (local.get 1)))
      (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))
      (local.get 1))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "divide" wasm [0] (i32, i32) -> (i32) at 42 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = const.i32 0
;;   v3 = eq v1, v2
;;   trap_if divideByZero, v3
;;   v5 = div_u.i32 v0, v1
;;   return v5
;; }
;;
;; function @1 "powers" wasm [1] (i32) -> (i32) at 50 {
;; block0():
;;   v0 = param.i32 0
;;   v10 = const.i32 0
;;   jump block1
;; block1(block0, block1):
;;   v2 = phi.i32 v10, v6
;;   v5 = phi.i32 v0, v8
;;   v3 = const.i32 31
;;   v4 = mul.i32 v2, v3
;;   v6 = xor.i32 v4, v5
;;   v12 = const.i32 -1
;;   v8 = add.i32 v5, v12
;;   branch v8, block1, block2
;; block2(block1):
;;   return v6
;; }
;;
;; function @2 "both" wasm [2] (i32, i32) -> (i32) at 79 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v5 = const.i32 0
;;   v6 = eq v1, v5
;;   trap_if divideByZero, v6
;;   v8 = div_u.i32 v0, v1
;;   jump block1
;; block1(block0, block1):
;;   v11 = phi.i32 v5, v15
;;   v12 = phi.i32 v8, v17
;;   v13 = const.i32 31
;;   v14 = mul.i32 v11, v13
;;   v15 = xor.i32 v12, v14
;;   v16 = const.i32 -1
;;   v17 = add.i32 v12, v16
;;   branch v17, block1, block2
;; block2(block1):
;;   return v15
;; }
;;
;; function @3 "run" wasm [3] (i32, i32) -> (i32) at 90 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   jump block1
;; block1(block0, block4):
;;   v3 = phi.i32 v0, v7
;;   v4 = phi.i32 v1, v19
;;   v10 = const.i32 0
;;   v11 = eq v4, v10
;;   trap_if divideByZero, v11
;;   v13 = div_u.i32 v3, v4
;;   jump block3
;; block3(block1, block3):
;;   v15 = phi.i32 v10, v19
;;   v16 = phi.i32 v13, v21
;;   v17 = const.i32 31
;;   v18 = mul.i32 v15, v17
;;   v19 = xor.i32 v16, v18
;;   v20 = const.i32 -1
;;   v21 = add.i32 v16, v20
;;   branch v21, block3, block4
;; block4(block3):
;;   v7 = add.i32 v3, v20
;;   branch v7, block1, block2
;; block2(block4):
;;   return v19
;; }
;;
;; ---- x86_64: machine code
;; divide: 14 bytes, frame 8
;;     0  mov rax, rdi
;;     3  test esi, esi
;;     5  je 0xc
;;     7  xor edx, edx
;;     9  div esi
;;     b  ret
;;     c  ud2                                       ; traps: divide by zero
;;
;; powers: 13 bytes, frame 8
;;    10  xor eax, eax
;;    12  imul eax, eax, 0x1f
;;    15  xor eax, edi
;;    17  add edi, -1
;;    1a  jne 0x12
;;    1c  ret
;;
;; both: 29 bytes, frame 8
;;    20  mov rax, rdi
;;    23  test esi, esi                             ; divide: i32.div_u
;;    25  je 0x3b                                   ; divide: i32.div_u
;;    27  xor edx, edx                              ; divide: i32.div_u
;;    29  div esi                                   ; divide: i32.div_u
;;    2b  xor ecx, ecx                              ; powers: loop
;;    2d  imul ecx, ecx, 0x1f                       ; powers: i32.mul
;;    30  xor ecx, eax                              ; powers: i32.xor
;;    32  add eax, -1                               ; powers: i32.sub
;;    35  jne 0x2d                                  ; powers: br_if
;;    37  mov rax, rcx
;;    3a  ret
;;    3b  ud2                                       ; divide: i32.div_u, traps: divide by zero
;;
;; run: 39 bytes, frame 8
;;    40  test esi, esi                             ; both > divide: i32.div_u
;;    42  je 0x65                                   ; both > divide: i32.div_u
;;    44  mov rax, rdi                              ; both > divide: i32.div_u
;;    47  xor edx, edx                              ; both > divide: i32.div_u
;;    49  div esi                                   ; both > divide: i32.div_u
;;    4b  xor ecx, ecx                              ; both > powers: loop
;;    4d  imul ecx, ecx, 0x1f                       ; both > powers: i32.mul
;;    50  xor ecx, eax                              ; both > powers: i32.xor
;;    52  add eax, -1                               ; both > powers: i32.sub
;;    55  jne 0x4d                                  ; both > powers: br_if
;;    57  add edi, -1
;;    5a  je 0x61
;;    5c  mov rsi, rcx
;;    5f  jmp 0x40
;;    61  mov rax, rcx
;;    64  ret
;;    65  ud2                                       ; both > divide: i32.div_u, traps: divide by zero
;;
;; ---- armv7: SSA
;; function @0 "divide" wasm [0] (i32, i32) -> (i32) at 42 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = const.i32 0
;;   v3 = eq v1, v2
;;   trap_if divideByZero, v3
;;   v7 = convert_u.f64 v0
;;   v8 = convert_u.f64 v1
;;   v9 = fdiv.f64 v7, v8
;;   v5 = trunc_sat_u.i32 v9
;;   return v5
;; }
;;
;; function @1 "powers" wasm [1] (i32) -> (i32) at 50 {
;; block0():
;;   v0 = param.i32 0
;;   v10 = const.i32 0
;;   jump block1
;; block1(block0, block1):
;;   v2 = phi.i32 v10, v6
;;   v5 = phi.i32 v0, v8
;;   v3 = const.i32 31
;;   v4 = mul.i32 v2, v3
;;   v6 = xor.i32 v4, v5
;;   v12 = const.i32 -1
;;   v8 = add.i32 v5, v12
;;   branch v8, block1, block2
;; block2(block1):
;;   return v6
;; }
;;
;; function @2 "both" wasm [2] (i32, i32) -> (i32) at 79 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v5 = const.i32 0
;;   v6 = eq v1, v5
;;   trap_if divideByZero, v6
;;   v19 = convert_u.f64 v0
;;   v20 = convert_u.f64 v1
;;   v21 = fdiv.f64 v19, v20
;;   v8 = trunc_sat_u.i32 v21
;;   jump block1
;; block1(block0, block1):
;;   v11 = phi.i32 v5, v15
;;   v12 = phi.i32 v8, v17
;;   v13 = const.i32 31
;;   v14 = mul.i32 v11, v13
;;   v15 = xor.i32 v12, v14
;;   v16 = const.i32 -1
;;   v17 = add.i32 v12, v16
;;   branch v17, block1, block2
;; block2(block1):
;;   return v15
;; }
;;
;; function @3 "run" wasm [3] (i32, i32) -> (i32) at 90 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   jump block1
;; block1(block0, block4):
;;   v3 = phi.i32 v0, v7
;;   v4 = phi.i32 v1, v19
;;   v10 = const.i32 0
;;   v11 = eq v4, v10
;;   trap_if divideByZero, v11
;;   v24 = convert_u.f64 v3
;;   v25 = convert_u.f64 v4
;;   v26 = fdiv.f64 v24, v25
;;   v13 = trunc_sat_u.i32 v26
;;   jump block3
;; block3(block1, block3):
;;   v15 = phi.i32 v10, v19
;;   v16 = phi.i32 v13, v21
;;   v17 = const.i32 31
;;   v18 = mul.i32 v15, v17
;;   v19 = xor.i32 v16, v18
;;   v20 = const.i32 -1
;;   v21 = add.i32 v16, v20
;;   branch v21, block3, block4
;; block4(block3):
;;   v7 = add.i32 v3, v20
;;   branch v7, block1, block2
;; block2(block4):
;;   return v19
;; }
;;
;; ---- armv7: machine code
;; divide: 44 bytes, frame 0
;;     0  cmp r1, #0
;;     4  beq #0x28
;;     8  vmov s14, r0
;;     c  vcvt.f64.u32 d16, s14
;;    10  vmov s14, r1
;;    14  vcvt.f64.u32 d17, s14
;;    18  vdiv.f64 d16, d16, d17
;;    1c  vcvt.u32.f64 s14, d16
;;    20  vmov r0, s14
;;    24  bx lr
;;    28  udf #0                                    ; traps: divide by zero
;;
;; powers: 32 bytes, frame 0
;;    30  mov r3, #0
;;    34  mov r2, #0x1f
;;    38  mul r3, r3, r2
;;    3c  eor r3, r3, r0
;;    40  subs r0, r0, #1
;;    44  bne #0x34
;;    48  mov r0, r3
;;    4c  bx lr
;;
;; both: 72 bytes, frame 0
;;    50  cmp r1, #0                                ; divide: i32.div_u
;;    54  beq #0x94                                 ; divide: i32.div_u
;;    58  vmov s14, r0                              ; divide: i32.div_u
;;    5c  vcvt.f64.u32 d16, s14                     ; divide: i32.div_u
;;    60  vmov s14, r1                              ; divide: i32.div_u
;;    64  vcvt.f64.u32 d17, s14                     ; divide: i32.div_u
;;    68  vdiv.f64 d16, d16, d17                    ; divide: i32.div_u
;;    6c  vcvt.u32.f64 s14, d16                     ; divide: i32.div_u
;;    70  vmov r3, s14                              ; divide: i32.div_u
;;    74  mov r2, #0                                ; powers: loop
;;    78  mov r0, r2                                ; powers: loop
;;    7c  mov r2, #0x1f                             ; powers: i32.const
;;    80  mul r2, r0, r2                            ; powers: i32.mul
;;    84  eor r0, r3, r2                            ; powers: i32.xor
;;    88  subs r3, r3, #1                           ; powers: i32.sub
;;    8c  bne #0x7c                                 ; powers: br_if
;;    90  bx lr
;;    94  udf #0                                    ; divide: i32.div_u, traps: divide by zero
;;
;; run: 88 bytes, frame 0
;;    a0  cmp r1, #0                                ; both > divide: i32.div_u
;;    a4  beq #0xf4                                 ; both > divide: i32.div_u
;;    a8  vmov s14, r0                              ; both > divide: i32.div_u
;;    ac  vcvt.f64.u32 d16, s14                     ; both > divide: i32.div_u
;;    b0  vmov s14, r1                              ; both > divide: i32.div_u
;;    b4  vcvt.f64.u32 d17, s14                     ; both > divide: i32.div_u
;;    b8  vdiv.f64 d16, d16, d17                    ; both > divide: i32.div_u
;;    bc  vcvt.u32.f64 s14, d16                     ; both > divide: i32.div_u
;;    c0  vmov r3, s14                              ; both > divide: i32.div_u
;;    c4  mov r2, #0                                ; both > powers: loop
;;    c8  mov r1, #0x1f                             ; both > powers: i32.const
;;    cc  mul r2, r2, r1                            ; both > powers: i32.mul
;;    d0  eor r2, r3, r2                            ; both > powers: i32.xor
;;    d4  subs r3, r3, #1                           ; both > powers: i32.sub
;;    d8  bne #0xc8                                 ; both > powers: br_if
;;    dc  subs r0, r0, #1
;;    e0  beq #0xec
;;    e4  mov r1, r2
;;    e8  b #0xa0
;;    ec  mov r0, r2
;;    f0  bx lr
;;    f4  udf #0                                    ; both > divide: i32.div_u, traps: divide by zero
