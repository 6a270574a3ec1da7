;; A function that calls publishes its record; the leaf it calls does not. Values that live across the call are in
;; call-saved registers.
(module
  (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
  (func (export "twice") (param $a i32) (param $b i32) (result i32)
    (i32.add (call $leaf (local.get $a)) (call $leaf (local.get $b)))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "leaf" wasm [0] (i32) -> (i32) at 42 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = mul.i32 v0, v0
;;   return v1
;; }
;;
;; function @1 "twice" wasm [1] (i32, i32) -> (i32) at 50 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = call @0 (i32) -> (i32), v0
;;   v3 = call @0 (i32) -> (i32), v1
;;   v4 = add.i32 v2, v3
;;   return v4
;; }
;;
;; ---- x86_64: machine code
;; leaf: 7 bytes, frame 8
;;     0  mov rax, rdi
;;     3  imul eax, edi
;;     6  ret
;;
;; twice: 48 bytes, frame 48
;;    10  push rbx
;;    11  push rbp
;;    12  sub rsp, 8
;;    16  push 1
;;    18  push qword ptr [r15 + 8]
;;    1c  mov qword ptr [r15 + 8], rsp              ; publishes
;;    20  mov rbx, rsi
;;    23  call 0
;;    28  mov rbp, rax
;;    2b  mov rdi, rbx
;;    2e  call 0
;;    33  add eax, ebp
;;    35  pop qword ptr [r15 + 8]                   ; publishes
;;    39  add rsp, 0x10
;;    3d  pop rbp
;;    3e  pop rbx
;;    3f  ret
;;
;; ---- armv7: SSA
;; function @0 "leaf" wasm [0] (i32) -> (i32) at 42 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = mul.i32 v0, v0
;;   return v1
;; }
;;
;; function @1 "twice" wasm [1] (i32, i32) -> (i32) at 50 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = call @0 (i32) -> (i32), v0
;;   v3 = call @0 (i32) -> (i32), v1
;;   v4 = add.i32 v2, v3
;;   return v4
;; }
;;
;; ---- armv7: machine code
;; leaf: 8 bytes, frame 0
;;     0  mul r0, r0, r0
;;     4  bx lr
;;
;; twice: 52 bytes, frame 24
;;    10  push {r4, r5, ip, lr}
;;    14  ldr ip, [sl, #8]
;;    18  push {ip, pc}
;;    1c  str sp, [sl, #8]                          ; publishes
;;    20  mov r4, r1
;;    24  bl #0
;;    28  mov r5, r0
;;    2c  mov r0, r4
;;    30  bl #0
;;    34  add r0, r5, r0
;;    38  ldr ip, [sp]
;;    3c  str ip, [sl, #8]                          ; publishes
;;    40  pop {r2, r3, r4, r5, ip, pc}
