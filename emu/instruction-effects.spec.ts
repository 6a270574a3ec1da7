import { describe, expect, it } from 'vitest';
import { effectsOf } from './instruction-effects.ts';

/** Letters: l loads, s stores, b branches. */
const letters = (target: 'x86_64' | 'armv7', text: string): string => {
  const [, mnemonic, operands = ''] = /^((?:rep |repne |lock )?\S+)(?: (.*))?$/.exec(text) ?? [];
  const { loads, stores, branches } = effectsOf(target, { mnemonic, operands });
  return `${loads ? 'l' : ''}${stores ? 's' : ''}${branches ? 'b' : ''}`;
};

describe('effects of x86-64 instructions (SDM volume 2)', () => {
  it.each([
    ['mov rax, rcx', ''],
    ['mov eax, dword ptr [rbx + 8]', 'l'],
    ['mov dword ptr [rbx + 8], eax', 's'],
    ['movzx eax, byte ptr [rax]', 'l'],
    ['movsd qword ptr [rsp + 8], xmm0', 's'],
    ['movsd xmm0, qword ptr [rsp + 8]', 'l'],
    ['add eax, dword ptr [rbx]', 'l'],
    ['add dword ptr [rbx], eax', 'ls'],
    ['inc qword ptr [rbx]', 'ls'],
    ['lock cmpxchg dword ptr [rsi], ecx', 'ls'],
    ['xchg eax, dword ptr [rsi]', 'ls'],
    ['cmp dword ptr [rbx], 3', 'l'],
    ['cmp eax, 3', ''],
    ['test byte ptr [rsp - 0x1000], al', 'l'],
    ['ucomisd xmm0, qword ptr [rip + 4]', 'l'],
    ['idiv dword ptr [rsp]', 'l'],
    ['imul eax, dword ptr [rsp], 3', 'l'],
    ['sete byte ptr [rsp]', 's'],
    ['lea rax, [rbx + rcx*4]', ''],
    ['nop word ptr [rax + rax]', ''],
    ['push rbx', 's'],
    ['push qword ptr [r15 + 8]', 'ls'],
    ['pop rbx', 'l'],
    ['pop qword ptr [r15 + 8]', 'ls'],
    ['call 0x1234', 'sb'],
    ['call qword ptr [rax + 8]', 'lsb'],
    ['ret', 'lb'],
    ['jmp 0x1234', 'b'],
    ['jmp qword ptr [rax]', 'lb'],
    ['jae 0x1234', 'b'],
    ['rep movsb byte ptr [rdi], byte ptr [rsi]', 'ls'],
    ['rep stosb byte ptr [rdi], al', 's'],
    ['repne scasb al, byte ptr [rdi]', 'l'],
    ['stmxcsr dword ptr [rsp]', 's'],
    ['ldmxcsr dword ptr [rsp]', 'l'],
    ['ud2', ''],
    ['mfence', ''],
    ['.byte 0xff', ''],
  ])('%s: %s', (text, effects) => {
    expect(letters('x86_64', text)).toBe(effects);
  });
});

describe('effects of A32 instructions (DDI 0406C)', () => {
  it.each([
    ['mov r0, r1', ''],
    ['ldr r0, [r1, #4]', 'l'],
    ['ldrbne r0, [r1]', 'l'],
    ['ldrsh r0, [r1, r2]', 'l'],
    ['str r0, [r1, #4]!', 's'],
    ['strheq r0, [r1]', 's'],
    ['push {ip, pc}', 's'],
    ['pop {r4, lr}', 'l'],
    ['pop {r4, pc}', 'lb'],
    ['ldm sp, {r4, fp, sp, pc}', 'lb'],
    ['ldr pc, [r1, r2, lsl #2]', 'lb'],
    ['add pc, pc, r0', 'b'],
    ['mov pc, lr', 'b'],
    ['cmp pc, r0', ''],
    ['str pc, [r0]', 's'],
    ['vldr d0, [r0]', 'l'],
    ['vstr d0, [r0]', 's'],
    ['vpush {d8}', 's'],
    ['vpop {d8}', 'l'],
    ['vld1.8 {d0}, [r0]', 'l'],
    ['ldrex r0, [r1]', 'l'],
    ['strex r2, r0, [r1]', 's'],
    ['b #0x10', 'b'],
    ['bls #0x10', 'b'],
    ['bl #0x10', 'b'],
    ['blx r2', 'b'],
    ['bxeq lr', 'b'],
    ['bic r0, r1, r2', ''],
    ['bfi r0, r1, #2, #3', ''],
    ['movt r0, #4', ''],
    ['udf #0', ''],
  ])('%s: %s', (text, effects) => {
    expect(letters('armv7', text)).toBe(effects);
  });
});
