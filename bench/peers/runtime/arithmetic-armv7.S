@ Division on ARMv7 without an instruction for it: three instructions a bit of the quotient, entered where its highest bit can be, as
@ compilers' libraries have it. Run-time ABI for the Arm Architecture, 4.3.1; a divisor of 0 gives 0.
  .syntax unified
  .arm
  .text

@ r0 by r1: quotient in r0, remainder in r1.
  .globl __aeabi_uidiv, __aeabi_uidivmod
  .type __aeabi_uidiv, %function
  .type __aeabi_uidivmod, %function
__aeabi_uidiv:
__aeabi_uidivmod:
  cmp r1, #0
  beq 2f
  clz r2, r0
  clz r3, r1
  subs r3, r3, r2
  bmi 2f                        @ a divisor larger than the dividend
  rsb r3, r3, #31
  add r3, r3, r3, lsl #1
  mov r2, #0
  add pc, pc, r3, lsl #2
  nop
  .set bit, 31
  .rept 32
  cmp r0, r1, lsl #bit
  adc r2, r2, r2
  subcs r0, r0, r1, lsl #bit
  .set bit, bit - 1
  .endr
  mov r1, r0
  mov r0, r2
  bx lr
2:
  mov r1, r0
  mov r0, #0
  bx lr

@ Magnitudes, then signs: the quotient's is that of both, the remainder's the dividend's.
  .globl __aeabi_idiv, __aeabi_idivmod
  .type __aeabi_idiv, %function
  .type __aeabi_idivmod, %function
__aeabi_idiv:
__aeabi_idivmod:
  push {r4, r5, ip, lr}
  mov r4, r0
  eor r5, r0, r1
  cmp r0, #0
  rsblt r0, r0, #0
  cmp r1, #0
  rsblt r1, r1, #0
  bl __aeabi_uidivmod
  cmp r5, #0
  rsblt r0, r0, #0
  cmp r4, #0
  rsblt r1, r1, #0
  pop {r4, r5, ip, pc}

@ r0:r1 by r2:r3: quotient in r0:r1, remainder in r2:r3.
  .macro divide_wide name, function
  .globl \name
  .type \name, %function
\name:
  push {r4, lr}
  sub sp, sp, #16
  add r4, sp, #8
  str r4, [sp]
  bl \function
  ldrd r2, r3, [sp, #8]
  add sp, sp, #16
  pop {r4, pc}
  .endm
  divide_wide __aeabi_uldivmod, bare_divide
  divide_wide __aeabi_ldivmod, bare_divide_signed

  .section .note.GNU-stack, "", %progbits
