;; Several results, some of them on the stack, behind the arguments there.
(module
  (func $spread (param i64 i64 i64 i64) (result i64 i64 i64 i64 i64 i64 i64)
    (local.get 3) (local.get 2) (local.get 1) (local.get 0) (local.get 0) (local.get 1) (i64.const 7))
  (func (export "gather") (param i64) (result i64)
    (call $spread (local.get 0) (i64.const 1) (i64.const 2) (local.get 0))
    i64.add i64.add i64.add i64.add i64.add i64.add))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "spread" wasm [0] (i64, i64, i64, i64) -> (i64, i64, i64, i64, i64, i64, i64) at 51 {
;; block0():
;;   v0 = param.i64 0
;;   v1 = param.i64 1
;;   v2 = param.i64 2
;;   v3 = param.i64 3
;;   v4 = const.i64 7
;;   return v3, v2, v1, v0, v0, v1, v4
;; }
;;
;; function @1 "gather" wasm [1] (i64) -> (i64) at 68 {
;; block0():
;;   v0 = param.i64 0
;;   v1 = const.i64 1
;;   v2 = const.i64 2
;;   v3 = call @0 (i64, i64, i64, i64) -> (i64, i64, i64, i64, i64, i64, i64), v0, v1, v2, v0
;;   v4 = result.i64 0, v3
;;   v5 = result.i64 1, v3
;;   v6 = result.i64 2, v3
;;   v7 = result.i64 3, v3
;;   v8 = result.i64 4, v3
;;   v9 = result.i64 5, v3
;;   v10 = result.i64 6, v3
;;   v11 = add.i64 v9, v10
;;   v12 = add.i64 v8, v11
;;   v13 = add.i64 v7, v12
;;   v14 = add.i64 v6, v13
;;   v15 = add.i64 v5, v14
;;   v16 = add.i64 v4, v15
;;   return v16
;; }
;;
;; ---- x86_64: machine code
;; spread: 23 bytes, frame 8
;;     0  mov rax, rcx
;;     3  mov r8, rsi
;;     6  mov ecx, 7
;;     b  mov qword ptr [rsp + 8], rcx
;;    10  mov rsi, rdi
;;    13  mov rcx, r8
;;    16  ret
;;
;; gather: 61 bytes, frame 32
;;    20  push qword ptr [r15 + 8]
;;    24  mov qword ptr [r15 + 8], rsp              ; publishes
;;    28  sub rsp, 0x10
;;    2c  mov esi, 1
;;    31  mov edx, 2
;;    36  mov rcx, rdi
;;    39  call 0
;;    3e  mov r9, qword ptr [rsp]
;;    42  add r8, r9
;;    45  add rdi, r8
;;    48  add rsi, rdi
;;    4b  add rcx, rsi
;;    4e  add rcx, rdx
;;    51  add rax, rcx
;;    54  add rsp, 0x10
;;    58  pop qword ptr [r15 + 8]                   ; publishes
;;    5c  ret
;;
;; ---- armv7: SSA
;; function @0 "spread" wasm [0] (i32, i32, i32, i32, i32, i32, i32, i32) -> (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) at 51 {
;; block0():
;;   v7 = param.i32 0
;;   v8 = param.i32 1
;;   v9 = param.i32 2
;;   v10 = param.i32 3
;;   v11 = param.i32 4
;;   v12 = param.i32 5
;;   v13 = param.i32 6
;;   v14 = param.i32 7
;;   v6 = const.i32 0
;;   v15 = const.i32 7
;;   return v13, v14, v11, v12, v9, v10, v7, v8, v7, v8, v9, v10, v15, v6
;; }
;;
;; function @1 "gather" wasm [1] (i32, i32) -> (i32, i32) at 68 {
;; block0():
;;   v19 = param.i32 0
;;   v20 = param.i32 1
;;   v18 = const.i32 0
;;   v21 = const.i32 1
;;   v22 = const.i32 2
;;   v3 = call @0 (i32, i32, i32, i32, i32, i32, i32, i32) -> (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32), v19, v20, v21, v18, v22, v18, v19, v20
;;   v23 = result.i32 0, v3
;;   v24 = result.i32 1, v3
;;   v25 = result.i32 2, v3
;;   v26 = result.i32 3, v3
;;   v27 = result.i32 4, v3
;;   v28 = result.i32 5, v3
;;   v29 = result.i32 6, v3
;;   v30 = result.i32 7, v3
;;   v31 = result.i32 8, v3
;;   v32 = result.i32 9, v3
;;   v33 = result.i32 10, v3
;;   v34 = result.i32 11, v3
;;   v35 = result.i32 12, v3
;;   v36 = result.i32 13, v3
;;   v37 = pair_add v33, v34, v35, v36
;;   v38 = result.i32 0, v37
;;   v39 = result.i32 1, v37
;;   v40 = pair_add v31, v32, v38, v39
;;   v41 = result.i32 0, v40
;;   v42 = result.i32 1, v40
;;   v43 = pair_add v29, v30, v41, v42
;;   v44 = result.i32 0, v43
;;   v45 = result.i32 1, v43
;;   v46 = pair_add v27, v28, v44, v45
;;   v47 = result.i32 0, v46
;;   v48 = result.i32 1, v46
;;   v49 = pair_add v25, v26, v47, v48
;;   v50 = result.i32 0, v49
;;   v51 = result.i32 1, v49
;;   v52 = pair_add v23, v24, v50, v51
;;   v53 = result.i32 0, v52
;;   v54 = result.i32 1, v52
;;   return v53, v54
;; }
;;
;; ---- armv7: machine code
;; spread: 88 bytes, frame 24
;;     0  push {r4, r5, r6, r7, ip, lr}
;;     4  ldr sb, [sp, #0x18]
;;     8  ldr lr, [sp, #0x20]
;;     c  ldr r4, [sp, #0x28]
;;    10  ldr r5, [sp, #0x30]
;;    14  mov r6, #7
;;    18  mov r7, #0
;;    1c  str r2, [sp, #0x38]
;;    20  str r3, [sp, #0x40]
;;    24  str r0, [sp, #0x48]
;;    28  str r1, [sp, #0x50]
;;    2c  str r0, [sp, #0x58]
;;    30  str r1, [sp, #0x60]
;;    34  str r2, [sp, #0x68]
;;    38  str r3, [sp, #0x70]
;;    3c  str r6, [sp, #0x78]
;;    40  str r7, [sp, #0x80]
;;    44  mov r3, lr
;;    48  mov r2, sb
;;    4c  mov r1, r5
;;    50  mov r0, r4
;;    54  pop {r4, r5, r6, r7, ip, pc}
;;
;; gather: 172 bytes, frame 160
;;    60  ldr ip, [sl, #8]
;;    64  push {r4, r5, r6, r7, r8, fp, ip, lr}
;;    68  add ip, sp, #0x18
;;    6c  str ip, [sl, #8]                          ; publishes
;;    70  sub sp, sp, #0x80
;;    74  mov r2, #1
;;    78  mov r3, #0
;;    7c  mov sb, #2
;;    80  str sb, [sp]
;;    84  str r3, [sp, #8]
;;    88  str r0, [sp, #0x10]
;;    8c  str r1, [sp, #0x18]
;;    90  bl #0
;;    94  str r1, [sp, #0x78]
;;    98  str r0, [sp, #0x70]
;;    9c  ldr sb, [sp, #0x20]
;;    a0  ldr lr, [sp, #0x28]
;;    a4  ldr r4, [sp, #0x30]
;;    a8  ldr r5, [sp, #0x38]
;;    ac  ldr r6, [sp, #0x40]
;;    b0  ldr r7, [sp, #0x48]
;;    b4  ldr r8, [sp, #0x50]
;;    b8  ldr fp, [sp, #0x58]
;;    bc  ldr r1, [sp, #0x60]
;;    c0  ldr r0, [sp, #0x68]
;;    c4  adds r1, r8, r1
;;    c8  adc r0, fp, r0
;;    cc  adds r1, r6, r1
;;    d0  adc r0, r7, r0
;;    d4  adds r1, r4, r1
;;    d8  adc r0, r5, r0
;;    dc  adds r1, sb, r1
;;    e0  adc r0, lr, r0
;;    e4  adds r2, r2, r1
;;    e8  adc r3, r3, r0
;;    ec  ldr r0, [sp, #0x70]
;;    f0  adds r0, r0, r2
;;    f4  ldr r1, [sp, #0x78]
;;    f8  adc r1, r1, r3
;;    fc  ldr ip, [sp, #0x98]
;;   100  str ip, [sl, #8]                          ; publishes
;;   104  add sp, sp, #0x80
;;   108  pop {r4, r5, r6, r7, r8, fp, ip, pc}
