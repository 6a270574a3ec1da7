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
;; apply: 91 bytes, frame 32
;;     0  sub rsp, 8
;;     4  push 0
;;     6  push qword ptr [r15 + 8]
;;     a  mov qword ptr [r15 + 8], rsp              ; publishes
;;     e  mov rax, rdi
;;    11  mov rdi, rsi
;;    14  mov rsi, rdx
;;    17  mov rcx, rax
;;    1a  cmp rcx, qword ptr [r15 + 0x38]
;;    1e  jae 0x55
;;    20  lea eax, [rax*8]
;;    27  mov rcx, qword ptr [r15 + 0x30]
;;    2b  mov r10, qword ptr [rcx + rax]
;;    2f  test r10, r10
;;    32  je 0x57
;;    34  mov eax, dword ptr [r10]
;;    37  cmp eax, dword ptr [r15 + 0x40]
;;    3b  jne 0x59
;;    3d  mov rax, qword ptr [r10 + 0x10]
;;    41  cmp r15, qword ptr [r10 + 0x18]
;;    45  cmove rax, qword ptr [r10 + 8]
;;    4a  call rax
;;    4c  pop qword ptr [r15 + 8]                   ; publishes
;;    50  add rsp, 0x10
;;    54  ret
;;    55  ud2                                       ; traps: table index is out of bounds
;;    57  ud2                                       ; traps: null function or function signature mismatch
;;    59  ud2                                       ; traps: null function or function signature mismatch
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
;; apply: 120 bytes, frame 16
;;     0  push {ip, lr}
;;     4  ldr ip, [sl, #8]
;;     8  push {ip, pc}
;;     c  str sp, [sl, #8]                          ; publishes
;;    10  mov r3, r0
;;    14  mov r0, r1
;;    18  mov r1, r2
;;    1c  ldr r2, [sl, #0x24]
;;    20  cmp r3, r2
;;    24  bhs #0x6c
;;    28  ldr r2, [sl, #0x20]
;;    2c  ldr sb, [r2, r3, lsl #2]
;;    30  cmp sb, #0
;;    34  beq #0x70
;;    38  ldr r3, [sb]
;;    3c  ldr r2, [sl, #0x28]
;;    40  cmp r3, r2
;;    44  bne #0x74
;;    48  ldr r3, [sb, #0x10]
;;    4c  ldr r2, [sb, #8]
;;    50  ldr lr, [sb, #0xc]
;;    54  cmp sl, r3
;;    58  moveq lr, r2
;;    5c  blx lr
;;    60  ldr ip, [sp]
;;    64  str ip, [sl, #8]                          ; publishes
;;    68  pop {r2, r3, ip, pc}
;;    6c  udf #0                                    ; traps: table index is out of bounds
;;    70  udf #0                                    ; traps: null function or function signature mismatch
;;    74  udf #0                                    ; traps: null function or function signature mismatch
