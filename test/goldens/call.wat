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
;; twice: 38 bytes, frame 32
;;    10  push qword ptr [r15 + 8]
;;    14  mov qword ptr [r15 + 8], rsp              ; publishes
;;    18  push rbx
;;    19  push rbp
;;    1a  mov rbx, rsi
;;    1d  call 0
;;    22  mov rbp, rax
;;    25  mov rdi, rbx
;;    28  call 0
;;    2d  add eax, ebp
;;    2f  pop rbp
;;    30  pop rbx
;;    31  pop qword ptr [r15 + 8]                   ; publishes
;;    35  ret
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
;; twice: 52 bytes, frame 16
;;    10  ldr ip, [sl, #8]
;;    14  push {r4, r5, ip, lr}
;;    18  add ip, sp, #8
;;    1c  str ip, [sl, #8]                          ; publishes
;;    20  mov r4, r1
;;    24  bl #0
;;    28  mov r5, r0
;;    2c  mov r0, r4
;;    30  bl #0
;;    34  add r0, r5, r0
;;    38  ldr ip, [sp, #8]
;;    3c  str ip, [sl, #8]                          ; publishes
;;    40  pop {r4, r5, ip, pc}
