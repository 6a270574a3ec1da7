import { Failure, failureName } from './failure';
import { load_u32, syscall } from './fathom';
import { imageMap } from './images';
import { number, Sys } from './linux';
import {
  Entry,
  entryBytes,
  firstEntry,
  Header,
  imageShift,
  shapeCut,
  shapeFailure,
  shapeFrames,
} from './profile-ring';
import { functionName } from './stack-map';
import { RuntimeState, runtimeState } from './state';
import {
  clearText,
  putByte,
  putDecimal,
  putName,
  putText,
  terminatedText,
  textCapacity,
  textLength,
  writeText,
} from './text';

const AT_FDCWD: u64 = -100;
/** O_WRONLY | O_CREAT | O_NOCTTY | O_TRUNC | O_CLOEXEC, and rw-rw-rw- before the umask (asm-generic/fcntl.h). */
const creating: u64 = 0x1 | 0x40 | 0x100 | 0x200 | 0x80000;
const fileMode: u64 = 0o666;

const semicolon: u32 = 59;
/** A name of text.ts and what goes with it. */
const longestFrame: u32 = 512;

/**
 * Writes the profile, if there is one, as folded stacks: `outermost;...;innermost samples` for each stack, as flame graph tools read
 * them. Stacks that could not be read to their end begin with `[unreadable: reason]`, those with frames left out with `[cut]`;
 * samples that found no room are counted as `[lost]`. No sample may be added meanwhile (RuntimeState.exiting). Returns 0 or -errno.
 */
export function writeProfile(): i64 {
  const ring = runtimeState(RuntimeState.profileRing);
  if (ring === 0) return 0;
  const fd = openFile();
  if (fd < 0) return fd;
  const file = <u32>fd;
  clearText();
  const end = load_u32(ring + Header.end);
  for (let at = firstEntry(ring); at < end; ) {
    putStack(file, ring + at);
    at += entryBytes(load_u32(ring + at + Entry.shape) & shapeFrames);
  }
  const lost = load_u32(ring + Header.lost);
  if (lost > 0) putCount('[lost]', lost);
  writeText(file);
  syscall(number(Sys.close), file, 0, 0, 0, 0, 0);
  return 0;
}

function openFile(): i64 {
  let path = runtimeState(RuntimeState.profileOut);
  if (path === 0) {
    clearText();
    putText('fathom.');
    putDecimal(syscall(number(Sys.getpid), 0, 0, 0, 0, 0, 0));
    putText('.folded');
    path = terminatedText();
  }
  return syscall(number(Sys.openat), AT_FDCWD, path, creating, fileMode, 0, 0);
}

function putStack(file: u32, entry: u64): void {
  const shape = load_u32(entry + Entry.shape);
  const failure: Failure = (shape >>> shapeFailure) & 0xff;
  let separated = true;
  if (failure !== Failure.none) {
    putText('[unreadable: ');
    putText(failureName(failure));
    putByte(93);
    separated = false;
  } else if ((shape & shapeCut) !== 0) {
    putText('[cut]');
    separated = false;
  }
  for (let k = shape & shapeFrames; k > 0; k--) {
    if (textLength + longestFrame > textCapacity) writeText(file);
    const frame = load_u32(entry + Entry.frames + ((k - 1) << 2));
    if (!separated) putByte(semicolon);
    separated = false;
    putName(functionName(imageMap(frame >>> imageShift), frame & ((1 << imageShift) - 1)), semicolon);
  }
  putCount(separated ? '[none]' : '', load_u32(entry + Entry.samples));
}

function putCount(name: string, samples: u32): void {
  putText(name);
  putByte(32);
  putDecimal(samples);
  putByte(10);
}
