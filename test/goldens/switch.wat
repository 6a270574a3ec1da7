;; A dense br_table: bounds, then a jump through a table behind the code.
(module
  (func (export "pick") (param $k i32) (result i32)
    (block $d (block $c (block $b (block $a
      (br_table $a $b $c $b $d (local.get $k)))
      (return (i32.const 10)))
      (return (i32.const 20)))
      (return (i32.const 30)))
    (i32.const 40)))

;; ==== what it becomes; rewritten by `npm run test:update`
;; ---- x86_64: SSA
;; function @0 "pick" wasm [0] (i32) -> (i32) at 34 {
;; block0():
;;   v0 = param.i32 0
;;   switch v0, [0 1 2 1 3], block1, block2, block3, block4
;; block1(block0):
;;   v2 = const.i32 10
;;   return v2
;; block2(block0):
;;   v4 = const.i32 20
;;   return v4
;; block3(block0):
;;   v6 = const.i32 30
;;   return v6
;; block4(block0):
;;   v8 = const.i32 40
;;   return v8
;; }
;;
;; ---- x86_64: machine code
;; pick: 61 bytes, frame 8
;;     0  cmp edi, 4
;;     3  jae 0x27
;;     5  lea r11, [rip + 0x21]
;;     c  movsxd rax, dword ptr [r11 + rdi*4]
;;    10  add rax, r11
;;    13  jmp rax
;;    15  mov eax, 0xa
;;    1a  ret
;;    1b  mov eax, 0x14
;;    20  ret
;;    21  mov eax, 0x1e
;;    26  ret
;;    27  mov eax, 0x28
;;    2c  ret
;;    2d  call 0xffffffffef000031
;;    32  .byte 0xff
;;    33  .byte 0xff
;;    34  push rsp
;;    36  .byte 0xff
;;    37  .byte 0xff
;;    38  .byte 0xff
;;    39  out dx, al
;;    3a  .byte 0xff
;;    3b  .byte 0xff
;;    3c  .byte 0xff
;;
;; ---- armv7: SSA
;; function @0 "pick" wasm [0] (i32) -> (i32) at 34 {
;; block0():
;;   v0 = param.i32 0
;;   switch v0, [0 1 2 1 3], block1, block2, block3, block4
;; block1(block0):
;;   v2 = const.i32 10
;;   return v2
;; block2(block0):
;;   v4 = const.i32 20
;;   return v4
;; block3(block0):
;;   v6 = const.i32 30
;;   return v6
;; block4(block0):
;;   v8 = const.i32 40
;;   return v8
;; }
;;
;; ---- armv7: machine code
;; pick: 60 bytes, frame 0
;;     0  cmp r0, #4
;;     4  addlo pc, pc, r0, lsl #2
;;     8  b #0x34
;;     c  b #0x1c
;;    10  b #0x24
;;    14  b #0x2c
;;    18  b #0x24
;;    1c  mov r0, #0xa
;;    20  bx lr
;;    24  mov r0, #0x14
;;    28  bx lr
;;    2c  mov r0, #0x1e
;;    30  bx lr
;;    34  mov r0, #0x28
;;    38  bx lr
