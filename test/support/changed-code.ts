import type { Assembler } from '../../compiler/backend/assembler.ts';
import type { MFunction } from '../../compiler/backend/machine.ts';
import type { Publication } from '../../compiler/stack/scheme.ts';
import type { FrameLayout, Target, TargetName } from '../../compiler/target.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import type { ArmFrame } from '../../targets/armv7/frame.ts';
import { Reg } from '../../targets/armv7/registers.ts';

/** What specs change machine code with that publishes, while it is emitted or where it lies. */

export const disassemblers = {
  x86_64: await createDisassembler('x86_64'),
  armv7: await createDisassembler('armv7'),
};

/** A machine instruction: its address, and its size in bytes. */
export interface Row {
  readonly address: number;
  readonly size: number;
  readonly mnemonic: string;
}

const nops = { x86_64: [0x90], armv7: [0x00, 0xf0, 0x20, 0xe3] } as const;
/** `add rsp, 8`: what a `pop` to `top` does besides (Intel SDM volume 2, ADD). On ARMv7 the store is nothing but a store. */
const addEightToRsp = { x86_64: [0x48, 0x83, 0xc4, 0x08], armv7: [] } as const;

/** What stands for an instruction of `size` bytes that is taken out: `rest`, and then nothing. */
const emptied = (target: TargetName, size: number, rest: readonly number[]): number[] => {
  const nop = nops[target];
  return [...rest, ...Array.from({ length: size - rest.length }, (_, i) => nop[i % nop.length])];
};

/** What stands for the store to `top` on entry or exit that is taken out: it stores nothing, and moves the stack pointer as before. */
export const withoutStore = (
  target: TargetName,
  { size, mnemonic }: Row,
  at: 'entry' | 'exit',
): readonly number[] => {
  if (at === 'entry') return emptied(target, size, []);
  if (target === 'x86_64' && mnemonic !== 'pop') throw new Error(`${mnemonic} restores top, not pop`);
  return emptied(target, size, addEightToRsp[target]);
};

export const littleEndian = (word: number): number[] =>
  [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff);

/** Code right before the store to `top`, and right behind it. */
export interface Around {
  readonly before: readonly number[];
  readonly after?: readonly number[];
}

export type Emit = Target['emitPrologue'];

/** Says what to emit around a function's store to `top` on entry; asked where all before it is emitted. Undefined: nothing. */
export type AroundStore = (
  func: MFunction,
  frame: FrameLayout,
  publication: Publication,
  asm: Assembler,
) => Around | undefined;

/** A prologue with more code around its store to `top`. All tables agree with it. */
export const aroundEntryStore =
  (target: Target, around: AroundStore): Emit =>
  (func, frame, publication, asm) => {
    const publish = asm.publication.bind(asm);
    const describe = asm.frame.bind(asm);
    const emit = (bytes: readonly number[] = []): void => {
      for (const byte of bytes) asm.byte(byte);
    };
    asm.publication = () => {
      const code = around(func, frame, publication, asm);
      emit(code?.before);
      publish();
      // The store is followed by a row of the table of frames, which says that the record is visible.
      asm.frame = (...row) => {
        Reflect.deleteProperty(asm, 'frame');
        describe(...row);
        emit(code?.after);
      };
    };
    target.emitPrologue(func, frame, publication, asm);
    Reflect.deleteProperty(asm, 'publication');
  };

/** From the stack pointer to the record and to the caller's frame, where the assembler is. Bytes. */
export function placesFromSp(
  { recordOffset, size }: FrameLayout,
  { frameRows }: Assembler,
): { record: number; cfa: number } {
  const { cfa } = frameRows[frameRows.length - 1];
  return { record: recordOffset - (size - cfa), cfa };
}

/** ldr or str `register`, [sp, #offset] (DDI 0406C A8.8.63, A8.8.204). */
export const armLoad = (register: number, offset: number): number => 0xe59d_0000 | (register << 12) | offset;
export const armStore = (register: number, offset: number): number => 0xe58d_0000 | (register << 12) | offset;

/**
 * Shows the record one instruction before its `prev` is right: as if `top` were stored ahead of the record. Until then it is the
 * complement, so that no older record in the same place can make it right by chance. All else is as it was before and behind that.
 */
export const recordBehindTop = (
  target: Target,
  frame: FrameLayout,
  publication: Publication,
  asm: Assembler,
): Around => {
  const { record } = placesFromSp(frame, asm);
  if (target.name === 'x86_64') {
    if (record !== 0) throw new Error('the record is not what was pushed last');
    // not qword [rsp] (Intel SDM volume 2, NOT), twice.
    const not = [0x48, 0xf7, 0x14, 0x24];
    return { before: not, after: not };
  }
  const free = freeAtStore(frame as ArmFrame, publication);
  // mvn free, free (DDI 0406C A8.8.116).
  const not = 0xe1e0_0000 | (free << 12) | free;
  const store = armStore(free, record);
  return {
    before: [armLoad(free, record), not, store, not].flatMap(littleEndian),
    after: littleEndian(store),
  };
};

/** A register that neither the store to `top` needs nor anything behind it: of lr and ip, both saved or free, the one without an address. */
const freeAtStore = ({ record }: ArmFrame, { scheme: { top } }: Publication): number =>
  record === 'saved' || (record === 'named' && top.kind === 'tail') ? Reg.lr : Reg.ip;
