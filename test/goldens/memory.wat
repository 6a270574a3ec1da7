;; Accesses of one struct share a bounds check where there are checks; narrow loads extend by themselves.
(module
  (memory 1 100)
  (func (export "fields") (param $p i32) (result i32)
    (i32.store offset=8 (local.get $p)
      (i32.add (i32.load (local.get $p)) (i32.load16_s offset=4 (local.get $p))))
    (i32.add (i32.load8_u offset=6 (local.get $p)) (i32.const 1)))
  (func (export "update") (param $p i32) (param $i i32)
    (i32.store (local.get $p) (i32.add (i32.load (local.get $p)) (local.get $i))))
  (func (export "dropped") (param $p i32)
    ;; The value is of no use, but the access may trap.
    (drop (i32.load offset=65536 (local.get $p)))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "fields" wasm [0] (i32) -> (i32) at 72 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = env.i64
;;   v2 = load.i64 v1, offset 48, region memoryInfo
;;   v3 = load_indexed.i32 v2, v0, region memory0
;;   v4 = load_indexed.i32 v2, v0, offset 4, access s16, region memory0
;;   v5 = add.i32 v3, v4
;;   store_indexed v2, v0, v5, offset 8, region memory0
;;   v7 = load_indexed.i32 v2, v0, offset 6, access u8, region memory0
;;   v8 = const.i32 1
;;   v9 = add.i32 v7, v8
;;   return v9
;; }
;;
;; function @1 "update" wasm [1] (i32, i32) -> () at 99 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = env.i64
;;   v3 = load.i64 v2, offset 48, region memoryInfo
;;   v4 = load_indexed.i32 v3, v0, region memory0
;;   v5 = add.i32 v1, v4
;;   store_indexed v3, v0, v5, region memory0
;;   return
;; }
;;
;; function @2 "dropped" wasm [2] (i32) -> () at 115 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = env.i64
;;   v2 = load.i64 v1, offset 48, region memoryInfo
;;   v3 = load_indexed.i32 v2, v0, offset 65536, region memory0
;;   return
;; }
;;
;; ---- x86_64: machine code
;; fields: 27 bytes, frame 8
;;     0  mov rax, qword ptr [r15 + 0x30]
;;     4  mov ecx, dword ptr [rax + rdi]            ; traps: memory access out of bounds
;;     7  movsx edx, word ptr [rax + rdi + 4]       ; traps: memory access out of bounds
;;     c  add ecx, edx
;;     e  mov dword ptr [rax + rdi + 8], ecx        ; traps: memory access out of bounds
;;    12  movzx eax, byte ptr [rax + rdi + 6]       ; traps: memory access out of bounds
;;    17  add eax, 1
;;    1a  ret
;;
;; update: 8 bytes, frame 8
;;    20  mov rax, qword ptr [r15 + 0x30]
;;    24  add dword ptr [rax + rdi], esi            ; traps: memory access out of bounds
;;    27  ret
;;
;; dropped: 12 bytes, frame 8
;;    30  mov rax, qword ptr [r15 + 0x30]
;;    34  mov eax, dword ptr [rax + rdi + 0x10000]  ; traps: memory access out of bounds
;;    3b  ret
;;
;; ---- armv7: SSA
;; function @0 "fields" wasm [0] (i32) -> (i32) at 72 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = env.i32
;;   v2 = load.i32 v1, offset 32, region memoryInfo
;;   v3 = load.i32 v1, offset 36, region memoryInfo
;;   check_bounds v0, v3, offset 4
;;   v5 = load_indexed.i32 v2, v0, region memory0
;;   v7 = load_indexed.i32 v2, v0, offset 4, access s16, region memory0
;;   v8 = add.i32 v5, v7
;;   store_indexed v2, v0, v8, offset 8, region memory0
;;   v12 = load_indexed.i32 v2, v0, offset 6, access u8, region memory0
;;   v13 = const.i32 1
;;   v14 = add.i32 v12, v13
;;   return v14
;; }
;;
;; function @1 "update" wasm [1] (i32, i32) -> () at 99 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = env.i32
;;   v3 = load.i32 v2, offset 32, region memoryInfo
;;   v4 = load.i32 v2, offset 36, region memoryInfo
;;   check_bounds v0, v4, offset 4
;;   v6 = load_indexed.i32 v3, v0, region memory0
;;   v7 = add.i32 v1, v6
;;   store_indexed v3, v0, v7, region memory0
;;   return
;; }
;;
;; function @2 "dropped" wasm [2] (i32) -> () at 115 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = env.i32
;;   v2 = load.i32 v1, offset 32, region memoryInfo
;;   v3 = load.i32 v1, offset 36, region memoryInfo
;;   check_bounds v0, v3, offset 65540
;;   v5 = load_indexed.i32 v2, v0, offset 65536, region memory0
;;   return
;; }
;;
;; ---- armv7: machine code
;; fields: 60 bytes, frame 0
;;     0  ldr r3, [sl, #0x20]
;;     4  ldr r2, [sl, #0x24]
;;     8  cmp r0, r2
;;     c  bhs #0x38
;;    10  ldr r2, [r3, r0]                          ; traps: memory access out of bounds
;;    14  add r1, r3, r0
;;    18  ldrsh r1, [r1, #4]                        ; traps: memory access out of bounds
;;    1c  add r2, r2, r1
;;    20  add r1, r3, r0
;;    24  str r2, [r1, #8]                          ; traps: memory access out of bounds
;;    28  add r3, r3, r0
;;    2c  ldrb r3, [r3, #6]                         ; traps: memory access out of bounds
;;    30  add r0, r3, #1
;;    34  bx lr
;;    38  udf #0                                    ; traps: memory access out of bounds
;;
;; update: 36 bytes, frame 0
;;    40  ldr r3, [sl, #0x20]
;;    44  ldr r2, [sl, #0x24]
;;    48  cmp r0, r2
;;    4c  bhs #0x60
;;    50  ldr r2, [r3, r0]                          ; traps: memory access out of bounds
;;    54  add r2, r1, r2
;;    58  str r2, [r3, r0]                          ; traps: memory access out of bounds
;;    5c  bx lr
;;    60  udf #0                                    ; traps: memory access out of bounds
;;
;; dropped: 48 bytes, frame 0
;;    70  ldr r3, [sl, #0x20]
;;    74  ldr r2, [sl, #0x24]
;;    78  movw r1, #4
;;    7c  movt r1, #1
;;    80  subs r2, r2, r1
;;    84  cmphs r2, r0
;;    88  blo #0x9c
;;    8c  add r3, r3, r0
;;    90  add r3, r3, #0x10000
;;    94  ldr r3, [r3]                              ; traps: memory access out of bounds
;;    98  bx lr
;;    9c  udf #0                                    ; traps: memory access out of bounds
