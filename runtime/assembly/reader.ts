import {
  locate,
  placeAddress,
  placeFrame,
  placeIsInlined,
  placeOf,
  placeReturnAddress,
  placeStep,
  pointBytes,
  pointCfa,
  pointCode,
  pointFunction,
  pointImage,
  pointKind,
  pointPublished,
  pointRecord,
  pointReturnAddress,
  pointSlots,
  putFrames,
} from './code-point';
import { Failure } from './failure';
import { load_word, word_bytes } from './fathom';
import { imageMap, imageStart, isEnv } from './images';
import { Info, info } from './program-info';
import { FunctionKind, functionAt, Scheme, scheme, selfInRecords } from './stack-map';

/**
 * Reads the stack of the interrupted thread, at any instruction, from its registers, its stack and the images' stack maps: a port
 * of emu/stack, which says how it goes. {@link startReading}, then {@link nextFrame} until it is false, each frame being the code
 * point at hand, then {@link failure}. Nothing is trusted: exec envs are those of the image records, and all else that is read lies in the native stack.
 */

/**
 * Byte offset of `top` in an exec env; scheme field: in words from there to its own; scheme tail: bytes of guard between the stack and the
 * word that is all exec envs' `top`. Words of an activation record (compiler/abi.ts).
 */
const topOffset: u64 = 8;
const fieldWords: u64 = 5;
const tailGuard: u64 = 65536;
const activationEnv: u64 = 3;
const activationCaller: u64 = 4;
const activationWords: u64 = 5;

/** Which part of the stack comes next. */
enum Stage {
  innermost,
  leaveInnermost,
  leaveOuter,
  end,
}

let stage: Stage = Stage.end;
/** How the code at hand publishes its frames: all of the program's does it the same way. */
let how: Scheme = Scheme.none;
let pc: u64 = 0;
let sp: u64 = 0;
let lr: u64 = 0;
let pinned: u64 = 0;
let stackStart: u64 = 0;
let stackEnd: u64 = 0;
/** Exec env of the frame at hand, and the record that the frame to come must have. */
let env: u64 = 0;
let record: u64 = 0;
/** Records below here have been read: frames lie one above the other, so a chain that is sound only ascends. */
let floor: u64 = 0;
let returnTo: u64 = 0;

/** Why the reading ended. */
export let failure: Failure = Failure.none;

/** Begins at the interrupted registers; `link` is ARM's lr. */
export function startReading(counter: u64, stack: u64, link: u64, register: u64): void {
  stage = Stage.innermost;
  pc = counter;
  sp = stack;
  lr = link;
  pinned = register;
  stackStart = info(Info.stackStart);
  stackEnd = info(Info.stackEnd);
  failure = Failure.none;
}

/** Goes to the next frame outwards, first to the innermost. */
export function nextFrame(): bool {
  if (stage === Stage.innermost) {
    if (!locate(pc)) return fail(Failure.noImageAtPc);
    floor = sp;
    stage = Stage.leaveInnermost;
    return true;
  }
  if (stage === Stage.leaveInnermost) {
    stage = Stage.leaveOuter;
    if (!leaveInnermost()) return false;
  } else if (stage === Stage.end || !leaveOuter()) {
    return false;
  }
  // A call ends just before its return address, and may be the last instruction of its function.
  return locate(returnTo - 1) || fail(Failure.noImageAtReturn);
}

/**
 * Goes outwards from the frame at hand while what comes is frames of wasm functions that have been read before, by scheme unwind: what
 * {@link nextFrame} would find, in a fraction of its time. Stores {@link placeFrame} of each that it comes to, and of what is inlined there, at
 * `frames`, from index `count` up to `most`; returns how many are there then, or would be. The last one is at hand.
 */
export function passKnown(frames: usize, count: u32, most: u32): u32 {
  if (stage !== Stage.leaveOuter || how !== Scheme.unwind || !isStack(floor, 0)) return count;
  let code = pointCode;
  let body = floor;
  let place = placeOf(code);
  let step = placeStep(place);
  const end = stackEnd;
  while (step !== 0 && count < most && body + step <= end) {
    const next = load_word(body + placeReturnAddress(place)) - 1;
    // Recursion comes from the same place over and over, which the processor then need not wait to be told.
    if (next !== code) {
      const other = placeOf(next);
      if (placeAddress(other) !== next || placeStep(other) === 0) break;
      place = other;
      code = next;
    }
    if (placeIsInlined(place)) {
      count = putFrames(place, frames, count, most);
    } else {
      store<u32>(frames + (count << 2), placeFrame(place));
      count++;
    }
    body += step;
    step = placeStep(place);
  }
  if (body !== floor) {
    floor = body;
    locate(code);
  }
  return count;
}

/** From the innermost frame to where it returns to. */
function leaveInnermost(): bool {
  how = scheme(imageMap(pointImage));
  if (how === Scheme.none) return fail(Failure.notPublished);
  if (!findTop()) return fail(Failure.badEnv);
  const end = sp + pointCfa;
  if (isAdapter(pointKind) && isActivation(record) && record >= sp && record < end) {
    // A word for all exec envs shows the activation before the thread's word does, and for longer.
    if (how === Scheme.tail) env = load_word(record + activationEnv * word_bytes());
    if (!isEnv(env)) return fail(Failure.wrongActivation);
    if (!leaveActivation()) return false;
  }
  if (pointPublished) {
    if (!takeRecord(end - pointBytes)) return false;
  } else {
    floor = end;
  }
  if (pointKind === FunctionKind.entryAdapter) return finish();
  if (pointReturnAddress >= 0) return takeReturnAddress(sp + pointReturnAddress);
  returnTo = lr;
  return true;
}

/** From a frame that made a call to where it returns to. */
function leaveOuter(): bool {
  if (how === Scheme.unwind) return leaveByTable();
  if (isAdapter(pointKind)) {
    if (!leaveActivation()) return false;
    if (pointKind === FunctionKind.entryAdapter) return finish();
  }
  // Compiled frames lie one against the other.
  const body = record - pointRecord;
  if (body !== floor) return fail(Failure.badRecord);
  return takeRecord(body) && takeReturnAddress(floor - word_bytes());
}

/**
 * The same by the rows of the stack map: the frame begins where the one before ended. Adapters have records under every scheme,
 * which lead from one exec env to the next.
 */
function leaveByTable(): bool {
  const body = floor;
  if (pointCfa < word_bytes() || pointReturnAddress < 0 || <u32>pointReturnAddress >= pointCfa)
    return fail(Failure.returnAddressUnreadable);
  if (isAdapter(pointKind)) {
    record = body + pointSlots;
    if (!leaveActivation()) return false;
    if (pointKind === FunctionKind.entryAdapter) return finish();
    if (!takeRecord(body)) return false;
  }
  floor = body + pointCfa;
  return takeReturnAddress(body + pointReturnAddress);
}

/** Behind an entry adapter: the end of the stack, as nothing but the start code enters compiled code. */
function finish(): bool {
  if (record !== 0) return fail(Failure.wrongFunction);
  stage = Stage.end;
  return false;
}

/**
 * Where the chain starts. Adapters change the pinned register before or after they change the thread's word; the word is the
 * one that every chain is complete for. Anywhere else both must be the same.
 */
function findTop(): bool {
  env = load_word(info(Info.thread));
  if (env !== pinned && !isAdapter(pointKind)) return false;
  record = 0;
  if (env === 0) return pointKind === FunctionKind.entryAdapter;
  if (!isEnv(env)) return false;
  record = load_word(placeOfTop());
  return true;
}

/** Where the scheme keeps the `top` of the exec env at hand. */
function placeOfTop(): u64 {
  if (how === Scheme.tail) return stackStart - tailGuard - word_bytes();
  return env + topOffset + (how === Scheme.field ? fieldWords * word_bytes() : 0);
}

/** Checks that the record at hand is the one of the frame's function with its body's stack pointer at `body`, and goes on to the one before. */
function takeRecord(body: u64): bool {
  if (pointRecord < 0 || !isStack(record, 2 * word_bytes())) return fail(Failure.badRecord);
  if (body + pointRecord !== record) return fail(Failure.badRecord);
  if (hasSelf() && !saysSelf()) return fail(Failure.wrongFunction);
  floor = body + pointBytes;
  return follow();
}

/** Steps over the activation record at hand, into the exec env that it was entered from. */
function leaveActivation(): bool {
  if (!isActivation(record)) return fail(Failure.wrongActivation);
  if (load_word(record + activationEnv * word_bytes()) !== env) return fail(Failure.wrongActivation);
  const caller = load_word(record + activationCaller * word_bytes());
  if (caller !== 0 && !isEnv(caller)) return fail(Failure.wrongActivation);
  env = caller;
  return follow();
}

/** To the record before, which must belong to a frame that has not been read: so every chain ends. */
function follow(): bool {
  record = load_word(record);
  return record === 0 || record >= floor || fail(Failure.brokenChain);
}

function takeReturnAddress(place: u64): bool {
  if (!isStack(place, word_bytes())) return fail(Failure.returnAddressUnreadable);
  returnTo = load_word(place);
  return true;
}

/** Whether the record of the function at hand says whose it is: those of cross and host adapters always do. */
function hasSelf(): bool {
  return pointKind >= FunctionKind.crossAdapter || selfInRecords(imageMap(pointImage));
}

/** What a record says of its function: the number on x86-64, an address in its code on ARM. */
function saysSelf(): bool {
  const self = load_word(record + word_bytes());
  if (word_bytes() === 8) return self === <u64>pointFunction;
  const offset = self - imageStart(pointImage);
  return offset >> 32 === 0 && functionAt(imageMap(pointImage), <u32>offset) === pointFunction;
}

function isActivation(address: u64): bool {
  if (!isStack(address, activationWords * word_bytes())) return false;
  return load_word(address + word_bytes()) === (word_bytes() === 8 ? u64.MAX_VALUE : 0xffff_ffff);
}

/** Whether whole words of the native stack are there. */
function isStack(address: u64, bytes: u64): bool {
  return (address & (word_bytes() - 1)) === 0 && address >= stackStart && address <= stackEnd - bytes;
}

function isAdapter(kind: FunctionKind): bool {
  return kind === FunctionKind.entryAdapter || kind === FunctionKind.crossAdapter;
}

function fail(reason: Failure): bool {
  failure = reason;
  stage = Stage.end;
  return false;
}
