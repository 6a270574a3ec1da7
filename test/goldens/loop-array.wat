;; A loop over an array of words, tested at the top as compilers for wasm write `while`.
(module
  (memory 1)
  (func (export "total") (param $at i32) (param $end i32) (result i32) (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $next)))
    (local.get $sum)))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "total" wasm [0] (i32, i32) -> (i32) at 41 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v7 = env.i64
;;   v14 = const.i32 0
;;   jump block1
;; block1(block0, block2):
;;   v3 = phi.i32 v0, v12
;;   v6 = phi.i32 v14, v10
;;   v4 = ge_u v3, v1
;;   branch v4, block3, block2
;; block2(block1):
;;   v8 = load.i64 v7, offset 48, region memoryInfo
;;   v9 = load_indexed.i32 v8, v3, region memory0
;;   v10 = add.i32 v6, v9
;;   v11 = const.i32 4
;;   v12 = add.i32 v3, v11
;;   jump block1
;; block3(block1):
;;   return v6
;; }
;;
;; ---- x86_64: machine code
;; total: 19 bytes, frame 8
;;     0  xor eax, eax
;;     2  jmp 0xe
;;     4  mov rcx, qword ptr [r15 + 0x30]
;;     8  add eax, dword ptr [rcx + rdi]            ; traps: memory access out of bounds
;;     b  add edi, 4
;;     e  cmp edi, esi
;;    10  jb 4
;;    12  ret
;;
;; ---- armv7: SSA
;; function @0 "total" wasm [0] (i32, i32) -> (i32) at 41 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v7 = env.i32
;;   v16 = const.i32 0
;;   jump block1
;; block1(block0, block2):
;;   v3 = phi.i32 v0, v14
;;   v6 = phi.i32 v16, v12
;;   v4 = ge_u v3, v1
;;   branch v4, block3, block2
;; block2(block1):
;;   v8 = load.i32 v7, offset 32, region memoryInfo
;;   v9 = load.i32 v7, offset 36, region memoryInfo
;;   check_bounds v3, v9, offset 4
;;   v11 = load_indexed.i32 v8, v3, region memory0
;;   v12 = add.i32 v6, v11
;;   v13 = const.i32 4
;;   v14 = add.i32 v3, v13
;;   jump block1
;; block3(block1):
;;   return v6
;; }
;;
;; ---- armv7: machine code
;; total: 56 bytes, frame 0
;;     0  mov r3, #0
;;     4  b #0x24
;;     8  ldr r2, [sl, #0x20]
;;     c  ldr sb, [sl, #0x24]
;;    10  cmp r0, sb
;;    14  bhs #0x34
;;    18  ldr r2, [r2, r0]                          ; traps: memory access out of bounds
;;    1c  add r3, r3, r2
;;    20  add r0, r0, #4
;;    24  cmp r0, r1
;;    28  blo #8
;;    2c  mov r0, r3
;;    30  bx lr
;;    34  udf #0                                    ; traps: memory access out of bounds
