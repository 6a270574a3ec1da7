import { describe, expect, test } from 'vitest';
import { APP, type Kernel, WasiBed } from './test-bed.ts';

const EINTR = -4;
const EAGAIN = -11;
const ENOSYS = -38;

/** Offsets in the app's memory that the specs use. */
const RESULT = 0x100;
const VECTORS = 0x200;
const SUBSCRIPTIONS = 0x300;
const EVENTS = 0x500;
const BYTES = 0x1000;

/** A kernel that gives these results, in turn, to the calls of that name. */
function results(name: string, list: number[]): Kernel {
  let next = 0;
  return (call) => (call.name === name ? list[next++] : undefined);
}

/** A list of vectors of so many bytes each, one behind the other. */
function vectors(bed: WasiBed, lengths: number[]): void {
  let at = BYTES;
  lengths.forEach((length, k) => {
    bed.view(APP + VECTORS + 8 * k).setUint32(0, at, true);
    bed.view(APP + VECTORS + 8 * k).setUint32(4, length, true);
    at += length;
  });
}

/** What the kernel finds in the vectors of a call: addresses relative to the app's memory, and lengths. */
function vectorsOf(bed: WasiBed, args: readonly number[]): number[][] {
  return Array.from({ length: args[2] }, (_, k) => {
    const view = bed.view(args[1] + 2 * bed.word * k);
    const word = (at: number) =>
      bed.word === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
    return [word(0) - APP, word(bed.word)];
  });
}

describe.each([8, 4] as const)('with words of %d bytes', (word) => {
  test('an interrupted call is repeated until it has a result', () => {
    const bed = new WasiBed(word);
    bed.run(({ sched_yield }) => {
      bed.kernel = results('sched_yield', [EINTR, EINTR, EINTR, 0]);
      expect(sched_yield()).toBe(0);
      expect(bed.names).toEqual(Array(4).fill('sched_yield'));
    });
  });

  test('but a descriptor is closed once: it is closed when the interruption is reported', () => {
    const bed = new WasiBed(word);
    bed.kernel = ({ name, args }) => {
      // All files are sockets (S_IFSOCK), and the next descriptor is 9.
      if (name === 'statx') bed.view(args[4] + 28).setUint16(0, 0xc000, true);
      if (name === 'close') return EINTR;
      return name === 'accept4' ? 9 : undefined;
    };
    bed.run(({ sock_accept, fd_close }) => {
      expect(sock_accept(0, 0, RESULT)).toBe(0);
      const fd = bed.view(APP + RESULT).getUint32(0, true);
      bed.calls = [];
      expect(fd_close(fd)).toBe(27);
      expect(fd_close(fd)).toBe(8);
      expect(bed.calls).toMatchObject([{ name: 'close', args: [9, 0, 0, 0, 0, 0] }]);
    });
  });

  test('a standard stream that is closed keeps its number from other files', () => {
    const bed = new WasiBed(word);
    bed.run(({ fd_close }) => {
      bed.kernel = ({ name }) => (name === 'openat' ? 9 : undefined);
      expect(fd_close(1)).toBe(0);
      expect(bed.calls.map(({ name, args }) => [name, args[0]])).toEqual([
        ['openat', -100],
        ['dup3', 9],
        ['close', 9],
      ]);
      expect(bed.calls[1].args[1]).toBe(1);
    });
  });

  test('a write that ends early goes on where it ended', () => {
    const bed = new WasiBed(word);
    bed.run(({ fd_write }) => {
      vectors(bed, [4, 0, 6]);
      const seen: number[][][] = [];
      const counts = [3, 5, 2];
      bed.kernel = ({ name, args }) => {
        if (name !== 'writev') return undefined;
        seen.push(vectorsOf(bed, args));
        return counts[seen.length - 1];
      };
      expect(fd_write(1, VECTORS, 3, RESULT)).toBe(0);
      expect(bed.view(APP + RESULT).getUint32(0, true)).toBe(10);
      expect(seen).toEqual([
        [
          [BYTES, 4],
          [BYTES + 4, 0],
          [BYTES + 4, 6],
        ],
        [
          [BYTES + 3, 1],
          [BYTES + 4, 0],
          [BYTES + 4, 6],
        ],
        [[BYTES + 8, 2]],
      ]);
    });
  });

  test('an error after a part has been written does not lose the part', () => {
    const bed = new WasiBed(word);
    bed.run(({ fd_write }) => {
      vectors(bed, [10]);
      bed.kernel = results('writev', [7, EAGAIN, EAGAIN]);
      expect(fd_write(1, VECTORS, 1, RESULT)).toBe(0);
      expect(bed.view(APP + RESULT).getUint32(0, true)).toBe(7);
      expect(fd_write(1, VECTORS, 1, RESULT)).toBe(6);
    });
  });

  test('random bytes come in portions', () => {
    const bed = new WasiBed(word);
    bed.run(({ random_get }) => {
      bed.kernel = results('getrandom', [100, EINTR, 56]);
      expect(random_get(BYTES, 156)).toBe(0);
      const asked = bed.calls.map(({ args }) => [args[0] - APP - BYTES, args[1]]);
      expect(asked).toEqual([
        [0, 156],
        [100, 56],
        [100, 56],
      ]);
    });
  });

  test('a sleep that is interrupted ends at the moment that it was to end at', () => {
    const bed = new WasiBed(word);
    bed.run(({ poll_oneoff }) => {
      let time = 5_000_000_000;
      const deadlines: number[] = [];
      bed.kernel = ({ name, args }) => {
        const timespec = () => bed.view(args[name === 'clock_gettime' ? 1 : 2]);
        if (name === 'clock_gettime') {
          timespec().setBigUint64(0, BigInt(Math.floor(time / 1e9)), true);
          timespec().setBigUint64(8, BigInt(time % 1e9), true);
          return 0;
        }
        if (name !== 'clock_nanosleep') return undefined;
        expect(args.slice(0, 2)).toEqual([1, 1]);
        deadlines.push(
          Number(timespec().getBigUint64(0, true)) * 1e9 + Number(timespec().getBigUint64(8, true)),
        );
        time += 1_000_000_000;
        return deadlines.length < 3 ? EINTR : 0;
      };
      subscribeToClock(bed, 3_000_000_000n);
      expect(poll_oneoff(SUBSCRIPTIONS, EVENTS, 1, RESULT)).toBe(0);
      expect(deadlines).toEqual([8e9, 8e9, 8e9]);
      expect(bed.view(APP + RESULT).getUint32(0, true)).toBe(1);
    });
  });

  test('waiting for input that is interrupted waits for the time that is left', () => {
    const bed = new WasiBed(word);
    bed.run(({ poll_oneoff }) => {
      let time = 0;
      const waits: number[] = [];
      bed.kernel = ({ name, args }) => {
        if (name === 'clock_gettime') {
          bed.view(args[1]).setBigUint64(0, 0n, true);
          bed.view(args[1]).setBigUint64(8, BigInt(time), true);
          return 0;
        }
        if (name !== 'ppoll') return undefined;
        waits.push(Number(bed.view(args[2]).getBigUint64(8, true)));
        time += 300;
        return EINTR;
      };
      subscribeToClock(bed, 700n);
      bed.view(APP + SUBSCRIPTIONS + 48).setUint8(8, 1);
      expect(poll_oneoff(SUBSCRIPTIONS, EVENTS, 2, RESULT)).toBe(0);
      expect(waits).toEqual([700, 400, 100]);
      expect(bed.view(APP + EVENTS).getUint8(10)).toBe(0);
    });
  });
});

/** A length of nanoseconds on the monotonic clock. */
function subscribeToClock(bed: WasiBed, nanoseconds: bigint): void {
  bed.view(APP + SUBSCRIPTIONS).setUint32(16, 1, true);
  bed.view(APP + SUBSCRIPTIONS).setBigUint64(24, nanoseconds, true);
}

describe('on kernels of ARM before 5.1', () => {
  /** Without the calls that have 64-bit times. */
  const old =
    (bed: WasiBed): Kernel =>
    ({ name, args }) => {
      if (['clock_gettime', 'clock_getres', 'clock_nanosleep', 'ppoll', 'utimensat'].includes(name))
        return ENOSYS;
      if (name !== 'clock_gettime_old') return undefined;
      bed.view(args[1]).setInt32(0, 1_700_000_000, true);
      bed.view(args[1]).setInt32(4, 123_456_789, true);
      return 0;
    };

  test('times are 32 bits wide, and only the first call finds that out', () => {
    const bed = new WasiBed(4);
    bed.run(({ clock_time_get }) => {
      bed.kernel = old(bed);
      for (let k = 0; k < 3; k++) {
        expect(clock_time_get(0, 0n, RESULT)).toBe(0);
        expect(bed.view(APP + RESULT).getBigUint64(0, true)).toBe(1_700_000_000_123_456_789n);
      }
      expect(bed.names).toEqual([
        'clock_gettime',
        'clock_gettime_old',
        'clock_gettime_old',
        'clock_gettime_old',
      ]);
    });
  });

  test('input is waited for by the old call, with a time of 8 bytes', () => {
    const bed = new WasiBed(4);
    bed.run(({ poll_oneoff }) => {
      const kernel = old(bed);
      bed.kernel = (call) => {
        if (call.name !== 'ppoll_old') return kernel(call);
        expect(bed.view(call.args[2]).getInt32(0, true)).toBe(2);
        expect(bed.view(call.args[2]).getInt32(4, true)).toBe(500);
        bed.view(call.args[0]).setUint16(6, 1, true);
        return 1;
      };
      subscribeToClock(bed, 2_000_000_500n);
      bed.view(APP + SUBSCRIPTIONS + 48).setUint8(8, 1);
      expect(poll_oneoff(SUBSCRIPTIONS, EVENTS, 2, RESULT)).toBe(0);
      expect(bed.view(APP + EVENTS).getUint8(10)).toBe(1);
      expect(bed.names).toContain('ppoll_old');
      expect(bed.names).not.toContain('ppoll');
    });
  });
});
