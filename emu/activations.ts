import { activationWords } from '../compiler/abi.ts';
import type { Machine } from './machine.ts';

/**
 * Takes back the activations that lie below `stackPointer`, because a trap or an exception left them: each exec env's `top`
 * is again what it was before, and the thread's innermost exec env as well (docs/abi.md).
 */
export function leaveActivations(machine: Machine, stackPointer: number): void {
  // Every activation takes some stack, so there cannot be more than this.
  let left = machine.stack.size / machine.wordBytes;
  for (let env = machine.innermostEnv; env !== 0 && left > 0; left--) {
    const record = findActivation(machine, machine.readTop(env));
    if (record === 0 || record >= stackPointer) return;
    machine.writeTop(env, readStack(machine, record, activationWords.savedTop));
    env = readStack(machine, record, activationWords.callerEnv);
    machine.innermostEnv = env;
  }
}

/** The activation record that the chain starting at `record` ends in, or 0 where it ends otherwise. */
function findActivation(machine: Machine, record: number): number {
  const { stack, wordBytes } = machine;
  let at = record;
  for (let left = stack.size / (2 * wordBytes); left > 0; left--) {
    if (!stack.contains(at, activationWords.count * wordBytes) || at % wordBytes !== 0) return 0;
    if (isMark(machine, at)) return at;
    at = readStack(machine, at, activationWords.prev);
  }
  return 0;
}

function isMark(machine: Machine, record: number): boolean {
  const at = record + activationWords.self * machine.wordBytes;
  const { stack, wordBytes } = machine;
  return stack.readU32(at) === 0xffff_ffff && (wordBytes === 4 || stack.readU32(at + 4) === 0xffff_ffff);
}

function readStack(machine: Machine, record: number, word: number): number {
  const at = record + word * machine.wordBytes;
  return machine.wordBytes === 8 ? machine.stack.readU64(at) : machine.stack.readU32(at);
}
