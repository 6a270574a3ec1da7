;; More values than registers, across a call: they wait in spill slots, constants are made again.
(module
  (func $f (param i32) (result i32) (i32.sub (i32.const 0) (local.get 0)))
  (func (export "many") (param $a i32) (param $b i32) (param $c i32) (param $d i32) (param $e i32)
    (param $g i32) (param $h i32) (param $i i32) (param $j i32) (param $k i32) (result i32)
    (i32.add (call $f (local.get $a))
    (i32.xor (call $f (local.get $b))
    (i32.add (local.get $a) (i32.xor (local.get $b) (i32.add (local.get $c) (i32.xor (local.get $d)
    (i32.add (local.get $e) (i32.xor (local.get $g) (i32.add (local.get $h) (i32.xor (local.get $i)
    (i32.add (local.get $j) (i32.mul (local.get $k) (i32.const 1000003)))))))))))))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "f" wasm [0] (i32) -> (i32) at 49 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = const.i32 0
;;   v2 = sub.i32 v1, v0
;;   return v2
;; }
;;
;; function @1 "many" wasm [1] (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> (i32) at 57 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = param.i32 2
;;   v3 = param.i32 3
;;   v4 = param.i32 4
;;   v5 = param.i32 5
;;   v6 = param.i32 6
;;   v7 = param.i32 7
;;   v8 = param.i32 8
;;   v9 = param.i32 9
;;   v10 = call @0 (i32) -> (i32), v0
;;   v11 = call @0 (i32) -> (i32), v1
;;   v12 = const.i32 1000003
;;   v13 = mul.i32 v9, v12
;;   v14 = add.i32 v8, v13
;;   v15 = xor.i32 v7, v14
;;   v16 = add.i32 v6, v15
;;   v17 = xor.i32 v5, v16
;;   v18 = add.i32 v4, v17
;;   v19 = xor.i32 v3, v18
;;   v20 = add.i32 v2, v19
;;   v21 = xor.i32 v1, v20
;;   v22 = add.i32 v0, v21
;;   v23 = xor.i32 v11, v22
;;   v24 = add.i32 v10, v23
;;   return v24
;; }
;;
;; ---- x86_64: machine code
;; f: 6 bytes, frame 8
;;     0  mov rax, rdi
;;     3  neg eax
;;     5  ret
;;
;; many: 134 bytes, frame 80
;;    10  push qword ptr [r15 + 8]
;;    14  mov qword ptr [r15 + 8], rsp              ; publishes
;;    18  push rbx
;;    19  push rbp
;;    1a  push r12
;;    1c  push r13
;;    1e  push r14
;;    20  sub rsp, 0x18
;;    24  mov qword ptr [rsp], r9
;;    28  mov r14, r8
;;    2b  mov r13, rcx
;;    2e  mov r12, rdx
;;    31  mov rbp, rsi
;;    34  mov rbx, rdi
;;    37  call 0
;;    3c  mov qword ptr [rsp + 8], rax
;;    41  mov rdi, rbp
;;    44  call 0
;;    49  mov rcx, qword ptr [rsp + 0x68]
;;    4e  imul ecx, ecx, 0xf4243
;;    54  mov rdx, qword ptr [rsp + 0x60]
;;    59  add ecx, edx
;;    5b  mov rdx, qword ptr [rsp + 0x58]
;;    60  xor edx, ecx
;;    62  mov rcx, qword ptr [rsp + 0x50]
;;    67  add ecx, edx
;;    69  mov r9, qword ptr [rsp]
;;    6d  xor r9d, ecx
;;    70  lea ecx, [r14 + r9]
;;    74  xor r13d, ecx
;;    77  lea ecx, [r12 + r13]
;;    7b  xor ecx, ebp
;;    7d  add ecx, ebx
;;    7f  xor eax, ecx
;;    81  add eax, dword ptr [rsp + 8]
;;    85  add rsp, 0x18
;;    89  pop r14
;;    8b  pop r13
;;    8d  pop r12
;;    8f  pop rbp
;;    90  pop rbx
;;    91  pop qword ptr [r15 + 8]                   ; publishes
;;    95  ret
;;
;; ---- armv7: SSA
;; function @0 "f" wasm [0] (i32) -> (i32) at 49 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = const.i32 0
;;   v2 = sub.i32 v1, v0
;;   return v2
;; }
;;
;; function @1 "many" wasm [1] (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> (i32) at 57 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = param.i32 2
;;   v3 = param.i32 3
;;   v4 = param.i32 4
;;   v5 = param.i32 5
;;   v6 = param.i32 6
;;   v7 = param.i32 7
;;   v8 = param.i32 8
;;   v9 = param.i32 9
;;   v10 = call @0 (i32) -> (i32), v0
;;   v11 = call @0 (i32) -> (i32), v1
;;   v12 = const.i32 1000003
;;   v13 = mul.i32 v9, v12
;;   v14 = add.i32 v8, v13
;;   v15 = xor.i32 v7, v14
;;   v16 = add.i32 v6, v15
;;   v17 = xor.i32 v5, v16
;;   v18 = add.i32 v4, v17
;;   v19 = xor.i32 v3, v18
;;   v20 = add.i32 v2, v19
;;   v21 = xor.i32 v1, v20
;;   v22 = add.i32 v0, v21
;;   v23 = xor.i32 v11, v22
;;   v24 = add.i32 v10, v23
;;   return v24
;; }
;;
;; ---- armv7: machine code
;; f: 8 bytes, frame 0
;;     0  rsb r0, r0, #0
;;     4  bx lr
;;
;; many: 136 bytes, frame 32
;;    10  ldr ip, [sl, #8]
;;    14  push {r4, r5, r6, r7, r8, fp, ip, lr}
;;    18  add ip, sp, #0x18
;;    1c  str ip, [sl, #8]                          ; publishes
;;    20  mov r7, r3
;;    24  mov r6, r2
;;    28  mov r5, r1
;;    2c  mov r4, r0
;;    30  bl #0
;;    34  mov r8, r0
;;    38  mov r0, r5
;;    3c  bl #0
;;    40  movw r3, #0x4243
;;    44  movt r3, #0xf
;;    48  ldr r1, [sp, #0x48]
;;    4c  ldr r2, [sp, #0x40]
;;    50  mla r3, r1, r3, r2
;;    54  ldr r2, [sp, #0x38]
;;    58  eor r3, r2, r3
;;    5c  ldr r2, [sp, #0x30]
;;    60  add r3, r2, r3
;;    64  ldr r2, [sp, #0x28]
;;    68  eor r3, r2, r3
;;    6c  ldr r2, [sp, #0x20]
;;    70  add r3, r2, r3
;;    74  eor r3, r7, r3
;;    78  add r3, r6, r3
;;    7c  eor r3, r5, r3
;;    80  add r3, r4, r3
;;    84  eor r3, r0, r3
;;    88  add r0, r8, r3
;;    8c  ldr ip, [sp, #0x18]
;;    90  str ip, [sl, #8]                          ; publishes
;;    94  pop {r4, r5, r6, r7, r8, fp, ip, pc}
