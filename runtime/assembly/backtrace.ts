import { pointCode, pointFunction, pointImage, pointInlined, pointKind } from './code-point';
import { linkRegister, pinnedRegister, programCounter, stackPointer } from './context';
import { failureName } from './failure';
import { imageMap, imageName, imageStart } from './images';
import { failure, nextFrame, startReading } from './reader';
import {
  FunctionKind,
  functionAt,
  functionName,
  inlinedCall,
  inlinedFunction,
  inlinedOffset,
  inlinedOuter,
  positionAt,
} from './stack-map';
import { putByte, putDecimal, putHex, putName, putText } from './text';

/** Frames that are printed at each end of a deep stack. */
const ends: u32 = 64;

/**
 * The innermost frames, then a ring of the outermost, of 16 bytes each: image, number of the inlined call or -1, code address. A frame
 * that has called inlined code is known by its operator: image and {@link calling}, function, byte offset.
 */
const frames = memory.data(2048);
const frameShift: u32 = 4;
const calling: u32 = 1 << 31;

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
    keep(count, pointImage, pointInlined, pointCode);
    count++;
    const map = imageMap(pointImage);
    for (let row = pointInlined; row >= 0; count++) {
      const position = inlinedCall(map, row);
      row = inlinedOuter(map, row);
      const index = row < 0 ? pointFunction : inlinedFunction(map, row);
      keep(count, pointImage | calling, index, <u64>inlinedOffset(map, row, position));
    }
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

function keep(k: u32, image: u32, second: u32, third: u64): void {
  const at = place(k);
  store<u32>(at, image);
  store<u32>(at + 4, second);
  store<u64>(at + 8, third);
}

/** `#0 name (image+0xoffset)`; no offset where the code belongs to no operator, as in prologues. */
function putFrame(k: u32): void {
  const at = place(k);
  const image = load<u32>(at) & ~calling;
  const map = imageMap(image);
  let index = load<u32>(at + 4);
  let offset = load<i32>(at + 8);
  if ((load<u32>(at) & calling) === 0) {
    const row = <i32>index;
    const codeOffset = <u32>(load<u64>(at + 8) - imageStart(image));
    index = functionAt(map, codeOffset);
    offset = inlinedOffset(map, row, positionAt(map, index, codeOffset));
    if (row >= 0) index = inlinedFunction(map, row);
  }
  putByte(35);
  putDecimal(k);
  putByte(32);
  putName(functionName(map, index), 0);
  putText(' (');
  putName(imageName(image), 0);
  if (offset >= 0) {
    putByte(43);
    putHex(offset);
  }
  putText(')\n');
}
