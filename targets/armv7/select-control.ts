import { envHeader } from '../../compiler/abi.ts';
import { type MBlock, Mem, Pseudo, RegClass } from '../../compiler/backend/machine.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { type TrapKind, Type } from '../../compiler/ir/types.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { nonZero } from './compare.ts';
import { isModified } from './encode.ts';
import { I } from './instructions.ts';
import { byType } from './operands.ts';
import { envRegister, Reg, registers } from './registers.ts';
import { floatConstant } from './select-float.ts';
import { constant } from './select-integer.ts';
import { trapIf } from './select-memory.ts';

/** Rules of constants, selection, calls, traps and terminators. */

/** The second value is overwritten by the first where the condition holds. */
const select: SelectionRule = (s, inst) => {
  const [condition, a, b] = inst.args;
  const otherwise = s.use(b);
  if (inst.type === Type.f32 || inst.type === Type.f64) {
    const then = s.use(a);
    const cond = nonZero(s, condition, inst);
    s.emit(byType(I.vmov_f32_if, inst.type), [s.def(inst)], [otherwise, then]).cond = cond;
    return;
  }
  const immediate = a.op === Op.const && isModified(a.imm);
  const then = immediate ? -1 : s.use(a);
  const cond = nonZero(s, condition, inst);
  const made = immediate
    ? s.emit(I.mov_immediate_if, [s.def(inst)], [otherwise])
    : s.emit(I.mov_register_if, [s.def(inst)], [otherwise, then]);
  made.imm = immediate ? a.imm : 0;
  made.cond = cond;
};

/** hostCall(env, selector, a, b). The function's address never changes, nor does its place in any version of the exec env. */
const callHost: SelectionRule = (s, inst) => {
  const code = s.temp(RegClass.int);
  const load = s.emit(I.ldr, [code], []);
  load.mem = new Mem(envRegister, envHeader(4, 1).hostCall);
  s.rematerialise(code, load);
  const args = [envRegister, ...inst.args.map((arg) => s.use(arg))];
  s.callNative(inst, args, (uses, defs) => s.emit(I.call_register, defs, [code, ...uses]));
};

/** Linux's EABI: the number in r7, arguments and result from r0 on, all else preserved (man 2 syscall). */
const syscallUses = [Reg.r7, Reg.r0, Reg.r1, Reg.r2, Reg.r3, Reg.r4, Reg.r5];

const syscall: SelectionRule = (s, inst) => {
  const values = inst.args.map((arg) => s.use(arg));
  s.emit(Pseudo.parallelMove, syscallUses.slice(), values);
  s.emit(I.svc, [Reg.r0], syscallUses.slice());
  s.copy(s.def(inst), Reg.r0);
};

const call: SelectionRule = (s, inst) => {
  s.call(inst, inst.args, [], (uses, defs) => {
    const made = s.emit(I.call, defs, uses);
    made.callee = inst.callee;
    return made;
  });
};

const callPtr: SelectionRule = (s, inst) => {
  const [code, descriptor, ...args] = inst.args;
  const address = s.use(code);
  s.call(inst, args, [[s.use(descriptor), registers.descriptor]], (uses, defs) => {
    const made = s.emit(I.call_register, defs, [address, ...uses]);
    made.callee = inst.callee;
    return made;
  });
};

const trapWhen: SelectionRule = (s, inst) => {
  trapIf(s, nonZero(s, inst.args[0], inst), inst.imm as TrapKind);
};

const branch: SelectionRule = (s, inst) => {
  const cond = nonZero(s, inst.args[0], inst);
  const taken = s.emit(I.branch, [], []);
  taken.cond = cond;
  taken.block = s.block(0);
  s.emit(I.jump, [], []).block = s.block(1);
};

const switchOver: SelectionRule = (s, inst) => {
  const targets = Array.from(inst.table ?? []);
  s.emit(I.switch, [], [s.use(inst.args[0])]).blocks = targets.map((k): MBlock => s.block(k));
};

const setEnv: SelectionRule = (s, inst) => {
  s.emit(I.mov_register, [envRegister], [s.use(inst.args[0])]);
};

const jump: SelectionRule = (s) => {
  s.emit(I.jump, [], []).block = s.block(0);
};

const returnFrom: SelectionRule = (s, inst) => {
  s.emit(I.return, [], s.returnValues(inst.args));
};

const trap: SelectionRule = (s, inst) => {
  s.emit(I.trap, [], []).trap = inst.imm as TrapKind;
};

/** `dmb ish`, for either strength (DDI 0406C A8.8.43). */
const fence: SelectionRule = (s) => {
  s.emit(I.dmb, [], []).imm = 0b1011;
};

/** The rules, by operation number. */
export const controlRules = new Map<number, SelectionRule>([
  [Op.const, (s, inst) => (inst.type === Type.i32 ? constant(s, inst) : floatConstant(s, inst))],
  [Op.select, select],
  [Op.set_env, setEnv],
  [Op.fence, fence],
  [Op.call, call],
  [Op.call_ptr, callPtr],
  [Op.call_host, callHost],
  [Op.syscall, syscall],
  [Op.trap_if, trapWhen],
  [Op.jump, jump],
  [Op.branch, branch],
  [Op.switch, switchOver],
  [Op.return, returnFrom],
  [Op.trap, trap],
]);
