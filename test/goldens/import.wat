;; An imported function, called by its descriptor; globals and memory.grow live in the exec env.
(module
  (import "env" "log" (func $log (param i32)))
  (memory 1)
  (global $count (mut i32) (i32.const 0))
  (func (export "count") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (call $log (global.get $count))
    (memory.grow (global.get $count))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "count" wasm [1] () -> (i32) at 64 {
;; block0():
;;   v0 = env.i64
;;   v1 = load.i32 v0, offset 64, region global0
;;   v2 = const.i32 1
;;   v3 = add.i32 v1, v2
;;   store v0, v3, offset 64, region global0
;;   v6 = load.i64 v0, offset 72, region constant
;;   v7 = load.i64 v6, offset 16, region constant
;;   call_ptr @-1 (i32) -> (), v7, v6, v3
;;   v9 = load.i32 v0, offset 64, region global0
;;   v10 = extend_u.i64 v9
;;   v11 = const.i64 0
;;   v12 = const.i64 1
;;   v13 = call_host.i64 v12, v10, v11
;;   v14 = wrap.i32 v13
;;   return v14
;; }
;;
;; ---- x86_64: machine code
;; count: 52 bytes, frame 16
;;     0  push qword ptr [r15 + 8]
;;     4  mov qword ptr [r15 + 8], rsp              ; publishes
;;     8  mov eax, dword ptr [r15 + 0x40]
;;     c  lea edi, [rax + 1]
;;     f  mov dword ptr [r15 + 0x40], edi
;;    13  mov r10, qword ptr [r15 + 0x48]
;;    17  call qword ptr [r10 + 0x10]
;;    1b  mov edx, dword ptr [r15 + 0x40]
;;    1f  mov esi, 1
;;    24  xor ecx, ecx
;;    26  mov rdi, r15
;;    29  call qword ptr [r15 + 0x20]
;;    2d  mov eax, eax
;;    2f  pop qword ptr [r15 + 8]                   ; publishes
;;    33  ret
;;
;; ---- armv7: SSA
;; function @0 "count" wasm [1] () -> (i32) at 64 {
;; block0():
;;   v0 = env.i32
;;   v1 = load.i32 v0, offset 40, region global0
;;   v2 = const.i32 1
;;   v3 = add.i32 v1, v2
;;   store v0, v3, offset 40, region global0
;;   v6 = load.i32 v0, offset 48, region constant
;;   v7 = load.i32 v6, offset 12, region constant
;;   call_ptr @-1 (i32) -> (), v7, v6, v3
;;   v9 = load.i32 v0, offset 40, region global0
;;   v10 = const.i32 0
;;   v12 = call_host.i32 v2, v9, v10
;;   return v12
;; }
;;
;; ---- armv7: machine code
;; count: 72 bytes, frame 8
;;     0  ldr ip, [sl, #8]
;;     4  push {ip, lr}
;;     8  str sp, [sl, #8]                          ; publishes
;;     c  ldr r3, [sl, #0x28]
;;    10  add r0, r3, #1
;;    14  str r0, [sl, #0x28]
;;    18  ldr sb, [sl, #0x30]
;;    1c  ldr r3, [sb, #0xc]
;;    20  blx r3
;;    24  ldr r2, [sl, #0x28]
;;    28  mov r1, #1
;;    2c  mov r3, #0
;;    30  ldr sb, [sl, #0x14]
;;    34  mov r0, sl
;;    38  blx sb
;;    3c  ldr ip, [sp]
;;    40  str ip, [sl, #8]                          ; publishes
;;    44  pop {ip, pc}
