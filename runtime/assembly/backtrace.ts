import { pointCode, pointFunction, pointImage, pointKind } from './code-point';
import { linkRegister, pinnedRegister, programCounter, stackPointer } from './context';
import { failureName } from './failure';
import { imageMap, imageName, imageStart } from './images';
import { failure, nextFrame, startReading } from './reader';
import { FunctionKind, functionName, positionAt } from './stack-map';
import { putByte, putDecimal, putHex, putName, putText } from './text';

/** Frames that are printed at each end of a deep stack. */
const ends: u32 = 64;

/** The innermost frames, then a ring of the outermost: image, function and code address of each in 16 bytes. */
const frames = memory.data(2048);
const frameShift: u32 = 4;

/** Puts the frames of an interrupted context (docs/executables.md, What a dump looks like) and the line that ends them. */
export function putBacktrace(context: u64): void {
  startReading(
    programCounter(context),
    stackPointer(context),
    linkRegister(context),
    pinnedRegister(context),
  );
  let count: u32 = 0;
  while (nextFrame()) {
    if (pointKind !== FunctionKind.wasm) continue;
    keep(count);
    count++;
  }
  const inner = min<u32>(count, ends);
  const outer = max<u32>(inner, count - min<u32>(count, ends));
  for (let k: u32 = 0; k < inner; k++) putFrame(k);
  if (outer > inner) {
    putText('... ');
    putDecimal(outer - inner);
    putText(' frames left out ...\n');
  }
  for (let k = outer; k < count; k++) putFrame(k);
  putText('=== ');
  putDecimal(count);
  putText(' frames, ');
  putText(failureName(failure));
  putByte(10);
}

/** Where frame `k` is kept: beyond the innermost ones in the ring. */
function place(k: u32): usize {
  return frames + ((k < ends ? k : ends + (k & (ends - 1))) << frameShift);
}

function keep(k: u32): void {
  const at = place(k);
  store<u32>(at, pointImage);
  store<u32>(at + 4, pointFunction);
  store<u64>(at + 8, pointCode);
}

/** `#0 name (image+0xoffset)`; no offset where the code belongs to no operator, as in prologues. */
function putFrame(k: u32): void {
  const at = place(k);
  const image = load<u32>(at);
  const index = load<u32>(at + 4);
  const map = imageMap(image);
  const position = positionAt(map, index, <u32>(load<u64>(at + 8) - imageStart(image)));
  putByte(35);
  putDecimal(k);
  putByte(32);
  putName(functionName(map, index), 0);
  putText(' (');
  putName(imageName(image), 0);
  if (position >= 0) {
    putByte(43);
    putHex(position);
  }
  putText(')\n');
}
