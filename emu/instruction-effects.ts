import type { TargetName } from '../compiler/target.ts';
import type { DisassembledInstruction } from './capstone.ts';

/**
 * What an instruction may do each time it is executed, by itself: how many bytes or registers a push or a load of several moves makes no
 * difference. A conditional instruction of ARM has the effects that it has where its condition holds.
 */
export interface InstructionEffects {
  /** It reads memory: operands, what `pop` and `ret` take from the stack. */
  readonly loads: boolean;
  /** It writes memory: operands, what `push` and x86's `call` put on the stack. */
  readonly stores: boolean;
  /** Execution may go on elsewhere than behind it: jumps, calls, returns, and on ARM whatever else writes pc. */
  readonly branches: boolean;
}

/** The effects of an instruction as Capstone prints it. Bytes that are none have no effects. */
export function effectsOf(
  target: TargetName,
  { mnemonic, operands }: Pick<DisassembledInstruction, 'mnemonic' | 'operands'>,
): InstructionEffects {
  return target === 'x86_64' ? effectsOfX86(mnemonic, operands) : effectsOfArm(mnemonic, operands);
}

/** Prefixes that Capstone prints as part of the mnemonic. */
const prefixes = /^(?:(?:rep|repe|repne|lock|bnd|notrack|xacquire|xrelease|data16) )+/;

/** An address is computed, not accessed. */
const noAccess = /^(?:lea|nop|prefetch\w*|clflush\w*|invlpg|bnd\w+)$/;

/** Accesses of the stack that no operand shows (SDM volume 2). */
const x86Stack: readonly [names: RegExp, effects: InstructionEffects][] = [
  [/^(?:push\w*|enter)$/, { loads: false, stores: true, branches: false }],
  [/^(?:pop[af]?\w?|leave)$/, { loads: true, stores: false, branches: false }],
  [/^l?call$/, { loads: false, stores: true, branches: true }],
  [/^(?:ret\w*|iret\w*)$/, { loads: true, stores: false, branches: true }],
];

/** The first operand is written, and not read. */
const onlyWrites =
  /^(?:v?mov\w*|set\w+|stos\w|pop|v?pextr\w+|v?extract\w+|fi?stp?|fn?st\w*|fisttp|v?stmxcsr|vcvtps2ph|fx?save\w*|xsave\w*)$/;

/** The first operand is read, and not written. */
const onlyReads =
  /^(?:cmp|cmps[bwdq]|test|bt|push|l?call|l?jmp|i?mul|i?div|fi?(?:add|sub|mul|div)r?|fi?comp?|fi?ld\w*|v?ldmxcsr|scas[bwdq]|lods[bwdq]|fxrstor\w*|xrstor\w*)$/;

function effectsOfX86(printed: string, operands: string): InstructionEffects {
  const name = printed.replace(prefixes, '');
  if (noAccess.test(name) || name.startsWith('.')) return { loads: false, stores: false, branches: false };
  const [, stack] = x86Stack.find(([names]) => names.test(name)) ?? [];
  const [first, ...others] = operands.split(', ').map((operand) => operand.includes('['));
  return {
    loads: stack?.loads || others.some((isMemory) => isMemory) || (first && !onlyWrites.test(name)),
    stores: stack?.stores || (first && !onlyReads.test(name)) || (name === 'xchg' && operands.includes('[')),
    branches: stack?.branches || /^(?:l?j\w+|loop\w*)$/.test(name),
  };
}

const armLoads = /^(?:ldr|ldm|ldc|pop|vldr|vldm|vld[1-4]|vpop|swp|lda)/;
const armStores = /^(?:str|stm|stc|push|vstr|vstm|vst[1-4]|vpush|swp|stl)/;
const armBranches = /^(?:b|bl|bx|blx|bxj)(?:eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)?$/;
/** Those with a first operand that is no destination. */
const armCompares = /^(?:cmp|cmn|tst|teq|msr|mcr)/;

function effectsOfArm(name: string, operands: string): InstructionEffects {
  const loads = armLoads.test(name);
  const stores = armStores.test(name);
  const writesPc =
    !stores &&
    !armCompares.test(name) &&
    (/^pc(?:,|$)/.test(operands) || (loads && /\{.*\bpc\}/.test(operands)));
  return { loads, stores, branches: writesPc || armBranches.test(name) };
}
