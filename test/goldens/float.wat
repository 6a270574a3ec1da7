;; Floating point: constants from the pool or as immediates, wasm's minimum, an unaligned f64 from memory.
(module
  (memory 1)
  (func (export "polynomial") (param $x f64) (result f64)
    (f64.add (f64.mul (f64.add (f64.mul (local.get $x) (f64.const 0.3)) (f64.const 2)) (local.get $x))
             (f64.load (i32.const 16))))
  (func (export "least") (param $a f32) (param $b f32) (result f32) (f32.min (local.get $a) (local.get $b)))
  (func (export "whole") (param $x f64) (result i32) (i32.trunc_f64_s (local.get $x))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "polynomial" wasm [0] (f64) -> (f64) at 74 {
;; block0():
;;   v0 = param.f64 0
;;   v7 = env.i64
;;   v1 = const.f64 0.3
;;   v2 = fmul.f64 v0, v1
;;   v3 = const.f64 2
;;   v4 = fadd.f64 v2, v3
;;   v5 = fmul.f64 v0, v4
;;   v8 = load.i64 v7, offset 48, region memoryInfo
;;   v9 = load.f64 v8, offset 16, region memory0
;;   v10 = fadd.f64 v5, v9
;;   return v10
;; }
;;
;; function @1 "least" wasm [1] (f32, f32) -> (f32) at 108 {
;; block0():
;;   v0 = param.f32 0
;;   v1 = param.f32 1
;;   v2 = fmin.f32 v0, v1
;;   return v2
;; }
;;
;; function @2 "whole" wasm [2] (f64) -> (i32) at 116 {
;; block0():
;;   v0 = param.f64 0
;;   v1 = trunc_s.i32 v0
;;   return v1
;; }
;;
;; ---- x86_64: machine code
;; polynomial: 36 bytes, frame 8
;;     0  movaps xmm1, xmm0
;;     3  mulsd xmm1, qword ptr [rip + 0x4cd]
;;     b  addsd xmm1, qword ptr [rip + 0x4bd]
;;    13  mulsd xmm1, xmm0
;;    17  mov rax, qword ptr [r15 + 0x30]
;;    1b  movaps xmm0, xmm1
;;    1e  addsd xmm0, qword ptr [rax + 0x10]        ; traps: memory access out of bounds
;;    23  ret
;;
;; least: 23 bytes, frame 8
;;    30  ucomiss xmm0, xmm1
;;    33  jne 0x42
;;    35  jp 0x3c
;;    37  orps xmm0, xmm1
;;    3a  jmp 0x46
;;    3c  addss xmm0, xmm1
;;    40  jmp 0x46
;;    42  minss xmm0, xmm1
;;    46  ret
;;
;; whole: 33 bytes, frame 8
;;    50  cvttsd2si eax, xmm0
;;    54  cmp eax, 1
;;    57  jno 0x6e
;;    59  ucomisd xmm0, qword ptr [rip + 0x47f]
;;    61  jbe 0x6f
;;    63  xorps xmm15, xmm15
;;    67  ucomisd xmm0, xmm15
;;    6c  jae 0x6f
;;    6e  ret
;;    6f  ud2                                       ; traps: float unrepresentable in integer range
;;
;; ---- armv7: SSA
;; function @0 "polynomial" wasm [0] (f64) -> (f64) at 74 {
;; block0():
;;   v0 = param.f64 0
;;   v7 = env.i32
;;   v1 = const.f64 0.3
;;   v2 = fmul.f64 v0, v1
;;   v3 = const.f64 2
;;   v4 = fadd.f64 v2, v3
;;   v5 = fmul.f64 v0, v4
;;   v8 = load.i32 v7, offset 32, region memoryInfo
;;   v9 = load.f64 v8, offset 16, region memory0
;;   v10 = fadd.f64 v5, v9
;;   return v10
;; }
;;
;; function @1 "least" wasm [1] (f32, f32) -> (f32) at 108 {
;; block0():
;;   v0 = param.f32 0
;;   v1 = param.f32 1
;;   v2 = fmin.f32 v0, v1
;;   return v2
;; }
;;
;; function @2 "whole" wasm [2] (f64) -> (i32) at 116 {
;; block0():
;;   v0 = param.f64 0
;;   v1 = trunc_s.i32 v0
;;   return v1
;; }
;;
;; ---- armv7: machine code
;; polynomial: 48 bytes, frame 0
;;     0  vmov.f64 d16, #2.000000e+00
;;     4  movw r3, #0
;;     8  movt r3, #0
;;     c  vldr d17, [r3]
;;    10  vmla.f64 d16, d0, d17
;;    14  ldr r3, [sl, #0x20]
;;    18  ldr r2, [r3, #0x10]                       ; traps: memory access out of bounds
;;    1c  ldr r3, [r3, #0x14]                       ; traps: memory access out of bounds
;;    20  vmov d17, r2, r3
;;    24  vmla.f64 d17, d0, d16
;;    28  vmov.f64 d0, d17
;;    2c  bx lr
;;
;; least: 32 bytes, frame 0
;;    30  vorr d7, d0, d1
;;    34  vcmp.f32 s0, s2
;;    38  vmrs apsr_nzcv, fpscr
;;    3c  vmovmi.f32 s14, s0
;;    40  vmovgt.f32 s14, s2
;;    44  vaddvs.f32 s14, s0, s2
;;    48  vmov.f32 s0, s14
;;    4c  bx lr
;;
;; whole: 44 bytes, frame 0
;;    50  vcvt.s32.f64 s14, d0
;;    54  vcvt.f64.s32 d16, s14
;;    58  vsub.f64 d16, d0, d16
;;    5c  vabs.f64 d16, d16
;;    60  vmov.f64 d17, #1.000000e+00
;;    64  vcmp.f64 d16, d17
;;    68  vmrs apsr_nzcv, fpscr
;;    6c  bpl #0x78
;;    70  vmov r0, s14
;;    74  bx lr
;;    78  udf #0                                    ; traps: float unrepresentable in integer range
