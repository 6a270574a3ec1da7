/** ppoll(2). */
import type { SystemCall, SystemCallInfo } from './call.ts';
import { type Description, POLL } from './descriptions.ts';
import { ERRNO, RESTART, SystemCallError } from './errno.ts';
import type { LinuxProcess } from './process.ts';

/** struct pollfd, the same on both targets. */
const POLLFD = { size: 8, events: 4, revents: 6 };

const MAX_FDS = 1024;
const SIGSET_BYTES = 8;

/** An entry of the program's list. */
interface Polled {
  readonly fd: number;
  readonly events: number;
  readonly file: Description | undefined;
}

function readEntries({ memory, descriptors }: LinuxProcess, address: number, count: number): Polled[] {
  if (count > MAX_FDS) throw new SystemCallError('EINVAL');
  const bytes = memory.bytes(address, count * POLLFD.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: count }, (_, index) => {
    const fd = view.getInt32(index * POLLFD.size, true);
    const events = view.getUint16(index * POLLFD.size + POLLFD.events, true);
    return { fd, events, file: fd < 0 ? undefined : descriptors.find(fd) };
  });
}

/** The events of an entry; those of files that are waited for elsewhere. */
function eventsOf({ fd, events, file }: Polled, timeout: number): number {
  if (fd < 0) return 0;
  return file ? file.poll(events, timeout) : POLL.NVAL;
}

/**
 * Whether any is ready. To wait for several files of the host at once would take more than `poll` of one: they take turns, a
 * few milliseconds each.
 */
function anyReady(entries: readonly Polled[], timeout: number): boolean {
  const ready = () => entries.some((entry) => eventsOf(entry, 0) !== 0);
  const waiting = entries.filter(({ file }) => file?.waits);
  if (timeout === 0 || waiting.length === 0) return ready();
  if (waiting.length === 1) return eventsOf(waiting[0], timeout) !== 0 || ready();
  const end = timeout < 0 ? Infinity : Date.now() + timeout;
  for (let turn = 0; ; turn++) {
    if (ready()) return true;
    const left = end - Date.now();
    if (left <= 0) return false;
    eventsOf(waiting[turn % waiting.length], Math.min(left, TURN));
  }
}

const TURN = 5;

const ppoll =
  (word: 4 | 8): SystemCall =>
  (process, address, count, timeAt, maskAt, maskBytes) => {
    const { memory, signals, clock } = process;
    const entries = readEntries(process, address, count);
    let deadline: number | undefined;
    if (timeAt !== 0) {
      const seconds = word === 8 ? memory.readI64(timeAt) : memory.readU32(timeAt) | 0;
      const nanoseconds = memory.readU32(timeAt + word);
      if (seconds < 0 || nanoseconds >= 1e9) return -ERRNO.EINVAL;
      deadline = clock.now + seconds * 1e9 + nanoseconds;
    }
    if (maskAt !== 0) {
      if (maskBytes !== SIGSET_BYTES) return -ERRNO.EINVAL;
      signals.replaceMask(memory.readU32(maskAt), memory.readU32(maskAt + 4));
    }
    const condition = {
      ready: (timeout: number) => anyReady(entries, timeout),
      outside: entries.some(({ file }) => file?.waits),
    };
    if (process.wait(condition, deadline) === 'signal') return RESTART.withoutHandler;
    const revents = entries.map((entry) => eventsOf(entry, 0));
    for (const [index, events] of revents.entries()) {
      memory.write(address + index * POLLFD.size + POLLFD.revents, Uint8Array.of(events & 0xff, events >> 8));
    }
    return revents.filter((events) => events !== 0).length;
  };

export const POLL_CALLS: Readonly<Record<string, SystemCallInfo>> = {
  ppoll: { x86_64: 271, armv7: 414, parameters: 'wuwww', call: ppoll(8) },
  ppoll_time32: { armv7: 336, parameters: 'wuwww', call: ppoll(4) },
};
