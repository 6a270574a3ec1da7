;; Bounds of the table, null, signature, then the call; the callee's exec env decides which of its entries is taken.
(module
  (type $binary (func (param i32 i32) (result i32)))
  (table 8 funcref)
  (func (export "apply") (param $f i32) (param $a i32) (param $b i32) (result i32)
    (call_indirect (type $binary) (local.get $a) (local.get $b) (local.get $f))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "apply" wasm [0] (i32, i32, i32) -> (i32) at 49 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = param.i32 2
;;   v4 = env.i64
;;   v3 = extend_u.i64 v0
;;   v5 = load.i64 v4, offset 56, region tableInfo
;;   v6 = ge_u v3, v5
;;   trap_if indirectCallOutOfBounds, v6
;;   v8 = const.i32 3
;;   v9 = shl.i32 v0, v8
;;   v10 = load.i64 v4, offset 48, region tableInfo
;;   v11 = load_indexed.i64 v10, v9, region tableElement
;;   v12 = const.i64 0
;;   v13 = eq v11, v12
;;   trap_if indirectCallNull, v13
;;   v15 = load.i32 v11, region constant
;;   v16 = load.i32 v4, offset 64, region constant
;;   v17 = ne v15, v16
;;   trap_if indirectCallSignature, v17
;;   v19 = load.i64 v11, offset 24, region constant
;;   v20 = eq v4, v19
;;   v21 = load.i64 v11, offset 8, region constant
;;   v22 = load.i64 v11, offset 16, region constant
;;   v23 = select.i64 v20, v21, v22
;;   v24 = call_ptr @-1 (i32, i32) -> (i32), v23, v11, v1, v2
;;   return v24
;; }
;;
;; ---- x86_64: machine code
;; apply: 81 bytes, frame 16
;;     0  push qword ptr [r15 + 8]
;;     4  mov qword ptr [r15 + 8], rsp              ; publishes
;;     8  mov rax, rdi
;;     b  mov rdi, rsi
;;     e  mov rsi, rdx
;;    11  mov rcx, rax
;;    14  cmp rcx, qword ptr [r15 + 0x38]
;;    18  jae 0x4b
;;    1a  lea eax, [rax*8]
;;    21  mov rcx, qword ptr [r15 + 0x30]
;;    25  mov r10, qword ptr [rcx + rax]
;;    29  test r10, r10
;;    2c  je 0x4d
;;    2e  mov eax, dword ptr [r10]
;;    31  cmp eax, dword ptr [r15 + 0x40]
;;    35  jne 0x4f
;;    37  mov rax, qword ptr [r10 + 0x10]
;;    3b  cmp r15, qword ptr [r10 + 0x18]
;;    3f  cmove rax, qword ptr [r10 + 8]
;;    44  call rax
;;    46  pop qword ptr [r15 + 8]                   ; publishes
;;    4a  ret
;;    4b  ud2                                       ; traps: table index is out of bounds
;;    4d  ud2                                       ; traps: null function or function signature mismatch
;;    4f  ud2                                       ; traps: null function or function signature mismatch
;;
;; ---- armv7: SSA
;; function @0 "apply" wasm [0] (i32, i32, i32) -> (i32) at 49 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = param.i32 2
;;   v3 = env.i32
;;   v4 = load.i32 v3, offset 36, region tableInfo
;;   v5 = ge_u v0, v4
;;   trap_if indirectCallOutOfBounds, v5
;;   v7 = const.i32 2
;;   v8 = shl.i32 v0, v7
;;   v9 = load.i32 v3, offset 32, region tableInfo
;;   v10 = load_indexed.i32 v9, v8, region tableElement
;;   v11 = const.i32 0
;;   v12 = eq v10, v11
;;   trap_if indirectCallNull, v12
;;   v14 = load.i32 v10, region constant
;;   v15 = load.i32 v3, offset 40, region constant
;;   v16 = ne v14, v15
;;   trap_if indirectCallSignature, v16
;;   v18 = load.i32 v10, offset 16, region constant
;;   v19 = eq v3, v18
;;   v20 = load.i32 v10, offset 8, region constant
;;   v21 = load.i32 v10, offset 12, region constant
;;   v22 = select.i32 v19, v20, v21
;;   v23 = call_ptr @-1 (i32, i32) -> (i32), v22, v10, v1, v2
;;   return v23
;; }
;;
;; ---- armv7: machine code
;; apply: 116 bytes, frame 8
;;     0  ldr ip, [sl, #8]
;;     4  push {ip, lr}
;;     8  str sp, [sl, #8]                          ; publishes
;;     c  mov r3, r0
;;    10  mov r0, r1
;;    14  mov r1, r2
;;    18  ldr r2, [sl, #0x24]
;;    1c  cmp r3, r2
;;    20  bhs #0x68
;;    24  ldr r2, [sl, #0x20]
;;    28  ldr sb, [r2, r3, lsl #2]
;;    2c  cmp sb, #0
;;    30  beq #0x6c
;;    34  ldr r3, [sb]
;;    38  ldr r2, [sl, #0x28]
;;    3c  cmp r3, r2
;;    40  bne #0x70
;;    44  ldr r3, [sb, #0x10]
;;    48  ldr r2, [sb, #8]
;;    4c  ldr lr, [sb, #0xc]
;;    50  cmp sl, r3
;;    54  moveq lr, r2
;;    58  blx lr
;;    5c  ldr ip, [sp]
;;    60  str ip, [sl, #8]                          ; publishes
;;    64  pop {ip, pc}
;;    68  udf #0                                    ; traps: table index is out of bounds
;;    6c  udf #0                                    ; traps: null function or function signature mismatch
;;    70  udf #0                                    ; traps: null function or function signature mismatch
