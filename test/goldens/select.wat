;; Selections and small diamonds become conditional moves or conditional instructions.
(module
  (func (export "max") (param $a i32) (param $b i32) (result i32)
    (select (local.get $a) (local.get $b) (i32.gt_s (local.get $a) (local.get $b))))
  (func (export "clamp") (param $a i32) (result i32)
    (if (i32.gt_u (local.get $a) (i32.const 255)) (then (local.set $a (i32.const 255))))
    (local.get $a))
  (func (export "fmax") (param $a f64) (param $b f64) (result f64)
    (select (local.get $a) (local.get $b) (f64.gt (local.get $a) (local.get $b)))))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "max" wasm [0] (i32, i32) -> (i32) at 62 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = gt_s v0, v1
;;   v3 = select.i32 v2, v0, v1
;;   return v3
;; }
;;
;; function @1 "clamp" wasm [1] (i32) -> (i32) at 75 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = const.i32 255
;;   v2 = gt_u v0, v1
;;   branch v2, block2, block3
;; block2(block0):
;;   jump block3
;; block3(block0, block2):
;;   v6 = phi.i32 v0, v1
;;   return v6
;; }
;;
;; function @2 "fmax" wasm [2] (f64, f64) -> (f64) at 94 {
;; block0():
;;   v0 = param.f64 0
;;   v1 = param.f64 1
;;   v2 = fgt v0, v1
;;   v3 = select.f64 v2, v0, v1
;;   return v3
;; }
;;
;; ---- x86_64: machine code
;; max: 9 bytes, frame 8
;;     0  cmp edi, esi
;;     2  mov rax, rsi
;;     5  cmovg eax, edi
;;     8  ret
;;
;; clamp: 19 bytes, frame 8
;;    10  cmp edi, 0xff
;;    16  jbe 0x1f
;;    18  mov eax, 0xff
;;    1d  jmp 0x22
;;    1f  mov rax, rdi
;;    22  ret
;;
;; fmax: 13 bytes, frame 8
;;    30  ucomisd xmm0, xmm1
;;    34  jbe 0x39
;;    36  movaps xmm1, xmm0
;;    39  movaps xmm0, xmm1
;;    3c  ret
;;
;; ---- armv7: SSA
;; function @0 "max" wasm [0] (i32, i32) -> (i32) at 62 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = param.i32 1
;;   v2 = gt_s v0, v1
;;   v3 = select.i32 v2, v0, v1
;;   return v3
;; }
;;
;; function @1 "clamp" wasm [1] (i32) -> (i32) at 75 {
;; block0():
;;   v0 = param.i32 0
;;   v1 = const.i32 255
;;   v2 = gt_u v0, v1
;;   branch v2, block2, block3
;; block2(block0):
;;   jump block3
;; block3(block0, block2):
;;   v6 = phi.i32 v0, v1
;;   return v6
;; }
;;
;; function @2 "fmax" wasm [2] (f64, f64) -> (f64) at 94 {
;; block0():
;;   v0 = param.f64 0
;;   v1 = param.f64 1
;;   v2 = fgt v0, v1
;;   v3 = select.f64 v2, v0, v1
;;   return v3
;; }
;;
;; ---- armv7: machine code
;; max: 16 bytes, frame 0
;;     0  cmp r0, r1
;;     4  movgt r1, r0
;;     8  mov r0, r1
;;     c  bx lr
;;
;; clamp: 12 bytes, frame 0
;;    10  cmp r0, #0xff
;;    14  movhi r0, #0xff
;;    18  bx lr
;;
;; fmax: 20 bytes, frame 0
;;    20  vcmp.f64 d0, d1
;;    24  vmrs apsr_nzcv, fpscr
;;    28  vmovgt.f64 d1, d0
;;    2c  vmov.f64 d0, d1
;;    30  bx lr
