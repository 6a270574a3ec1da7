import { Failure, failureName } from './failure';
import { load_u32 } from './fathom';
import { imageMap, imageShift } from './images';
import { Sys } from './linux';
import { Entry, entryBytes, firstEntry, Header, shapeCut, shapeFailure, shapeFrames } from './profile-ring';
import { functionName } from './stack-map';
import { RuntimeState, runtimeState, setRuntimeState } from './state';
import { currentDirectory, kernel, Open } from './system';
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

const creating = Open.writeOnly | Open.create | Open.noTerminal | Open.closeOnExec;
/** rw-rw-rw- before the umask. */
const fileMode: u64 = 0o666;

const semicolon: u32 = 59;
/** A name of text.ts and what goes with it. */
const longestFrame: u32 = 512;

/** What the end of the program does to its profile, however it ends: no sample is added any more, and the file is written, once. */
export function endProfile(): void {
  if (runtimeState(RuntimeState.exiting) !== 0) return;
  setRuntimeState(RuntimeState.exiting, 1);
  writeProfile();
}

/**
 * Writes the profile, if there is one, as folded stacks: `outermost;...;innermost samples` for each stack, as flame graph tools read
 * them. Stacks that could not be read to their end begin with `[unreadable: reason]`, those with frames left out with `[cut]`;
 * samples that found no room are counted as `[lost]`, times that the timer expired with its signal still under way as `[missed]`.
 */
function writeProfile(): void {
  const ring = runtimeState(RuntimeState.profileRing);
  if (ring === 0) return;
  const file = <u32>runtimeState(RuntimeState.profileFd);
  clearText();
  const end = load_u32(ring + Header.end);
  for (let at = firstEntry(ring); at < end; ) {
    putStack(file, ring + at);
    at += entryBytes(load_u32(ring + at + Entry.shape) & shapeFrames);
  }
  const lost = load_u32(ring + Header.lost);
  if (lost > 0) putCount('[lost]', lost);
  const missed = load_u32(ring + Header.missed);
  if (missed > 0) putCount('[missed]', missed);
  writeText(file);
}

/** Opens the profile's file at `path` (native address of a text ended by 0), what was in it gone. The descriptor or -errno. */
export function openProfile(path: u64): i64 {
  return kernel(Sys.openat, currentDirectory, path, <u64>(creating | Open.truncate), fileMode);
}

/**
 * Makes the profile's file under a name made of the process id. Nobody has chosen it, so nothing may be there: whoever foresaw the name could
 * have put a link to another file there, or a FIFO, which waits. The descriptor or -errno.
 */
export function createProfile(): i64 {
  clearText();
  putDefaultName();
  return kernel(Sys.openat, currentDirectory, terminatedText(), <u64>(creating | Open.exclusive), fileMode);
}

/** The name of the profile's file where none is asked for. */
export function putDefaultName(): void {
  putText('fathom.');
  putDecimal(kernel(Sys.getpid));
  putText('.folded');
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
