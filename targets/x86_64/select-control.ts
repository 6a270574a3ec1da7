import { envHeader } from '../../compiler/abi.ts';
import { type MBlock, Mem, MInst, Pseudo, RegClass } from '../../compiler/backend/machine.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Access, type TrapKind, Type } from '../../compiler/ir/types.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { nonZero } from './compare.ts';
import { X } from './instructions.ts';
import { emitRm, operand, wide } from './operands.ts';
import { envRegister, Reg, registers } from './registers.ts';
import { floatConstant, floatSelect } from './select-float.ts';
import { trapIf } from './select-memory.ts';

/** Rules of constants, selection, calls, traps and terminators. */

/** An integer, zero by xor; it is made again by a move, because there the flags may be needed. */
const constant: SelectionRule = (s, inst) => {
  if (inst.type === Type.f32 || inst.type === Type.f64) {
    floatConstant(s, inst);
    return;
  }
  const def = s.def(inst);
  const isZero = inst.imm === 0 && (inst.type === Type.i32 || inst.imm2 === 0);
  const made = s.emit(isZero ? X.zero : X.mov_i + wide(inst.type), [def], []);
  made.imm = inst.imm;
  made.imm2 = inst.type === Type.i64 ? inst.imm2 : 0;
  s.rematerialise(def, isZero ? new MInst(X.mov_i, [def], [], inst.origin) : made);
};

const select: SelectionRule = (s, inst) => {
  const [condition, a, b] = inst.args;
  if (inst.type === Type.f32 || inst.type === Type.f64) {
    const [then, otherwise] = [s.use(a), s.use(b)];
    floatSelect(s, inst, nonZero(s, condition, inst), then, otherwise);
    return;
  }
  const then = operand(s, a, inst);
  const otherwise = s.use(b);
  const cond = nonZero(s, condition, inst);
  emitRm(s, X.cmov + wide(inst.type), [s.def(inst)], [otherwise], then).cond = cond;
};

/** hostCall(env, selector, a, b). */
const callHost: SelectionRule = (s, inst) => {
  const args = [envRegister, ...inst.args.map((arg) => s.use(arg))];
  s.callNative(inst, args, (uses, defs) => {
    const made = s.emit(X.call_rm, defs, uses);
    made.mem = new Mem(envRegister, envHeader(8, 1).hostCall);
    return made;
  });
};

/**
 * Linux takes the number in rax and arguments as C functions do, but the fourth in r10: the instruction keeps the return
 * address in rcx and the flags in r11 (AMD64 ABI A.2.1; SDM volume 2, SYSCALL).
 */
const syscallUses = [Reg.rax, Reg.rdi, Reg.rsi, Reg.rdx, Reg.r10, Reg.r8, Reg.r9];
const syscallClobbers = [Reg.rcx, Reg.r11];

const syscall: SelectionRule = (s, inst) => {
  const values = inst.args.map((arg) => s.use(arg));
  s.emit(Pseudo.parallelMove, syscallUses.slice(), values);
  s.emit(X.syscall, [Reg.rax], syscallUses.slice()).clobbers = syscallClobbers;
  s.copy(s.def(inst), Reg.rax);
};

const call: SelectionRule = (s, inst) => {
  s.call(inst, inst.args, [], (uses, defs) => {
    const made = s.emit(X.call, defs, uses);
    made.callee = inst.callee;
    return made;
  });
};

/** The code address is mostly a field of the descriptor, which is in its register at the call anyway. */
const callPtr: SelectionRule = (s, inst) => {
  const [code, descriptor, ...args] = inst.args;
  const inDescriptor =
    code.op === Op.load &&
    code.access === Access.full &&
    code.args[0] === descriptor &&
    s.canFold(code, inst);
  const register = inDescriptor ? -1 : s.use(code);
  s.call(inst, args, [[s.use(descriptor), registers.descriptor]], (uses, defs) => {
    const made = s.emit(X.call_rm, defs, inDescriptor ? uses : [...uses, register]);
    made.callee = inst.callee;
    if (inDescriptor) made.mem = new Mem(registers.descriptor, code.offset);
    return made;
  });
};

const trapWhen: SelectionRule = (s, inst) => {
  trapIf(s, nonZero(s, inst.args[0], inst), inst.imm as TrapKind);
};

const trap: SelectionRule = (s, inst) => {
  const made = s.emit(X.ud2, [], []);
  made.trap = inst.imm as TrapKind;
};

const jump: SelectionRule = (s) => {
  const made = s.emit(X.jmp, [], []);
  made.block = s.block(0);
};

const branch: SelectionRule = (s, inst) => {
  const cond = nonZero(s, inst.args[0], inst);
  const taken = s.emit(X.jcc, [], []);
  taken.cond = cond;
  taken.block = s.block(0);
  s.emit(X.jmp, [], []).block = s.block(1);
};

const switchOver: SelectionRule = (s, inst) => {
  const made = s.emit(X.switch, [], [s.use(inst.args[0])]);
  made.temps = [s.temp(RegClass.int)];
  made.blocks = Array.from(inst.table ?? [], (k): MBlock => s.block(k));
};

/** The rules, by operation number. */
export const controlRules = new Map<number, SelectionRule>([
  [Op.const, constant],
  [Op.select, select],
  [Op.set_env, (s, inst) => void s.emit(X.mov + 1, [envRegister], [s.use(inst.args[0])])],
  // Stores are ordered among themselves (SDM volume 3, 9.2.2).
  [Op.fence, (s, inst) => void (inst.imm === 0 || s.emit(X.mfence, [], []))],
  [Op.descriptor, (s, inst) => void s.emit(X.mov + 1, [s.def(inst)], [registers.descriptor])],
  [Op.call, call],
  [Op.call_ptr, callPtr],
  [Op.call_host, callHost],
  [Op.syscall, syscall],
  [Op.trap_if, trapWhen],
  [Op.jump, jump],
  [Op.branch, branch],
  [Op.switch, switchOver],
  [Op.return, (s, inst) => void s.emit(X.ret, [], s.returnValues(inst.args))],
  [Op.trap, trap],
]);
