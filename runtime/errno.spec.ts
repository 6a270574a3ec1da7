import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { SYSTEM_CALLS } from '../emu/linux/system-calls.ts';
import { systemCalls, WasiBed } from './test-bed.ts';

/** WASI's errors in the order of their numbers (wasi_snapshot_preview1.witx, `errno`). */
const wasiErrors =
  'SUCCESS 2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG BUSY CANCELED CHILD CONNABORTED CONNREFUSED CONNRESET ' +
  'DEADLK DESTADDRREQ DOM DQUOT EXIST FAULT FBIG HOSTUNREACH IDRM ILSEQ INPROGRESS INTR INVAL IO ISCONN ISDIR LOOP MFILE MLINK MSGSIZE ' +
  'MULTIHOP NAMETOOLONG NETDOWN NETRESET NETUNREACH NFILE NOBUFS NODEV NOENT NOEXEC NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS ' +
  'NOTCONN NOTDIR NOTEMPTY NOTRECOVERABLE NOTSOCK NOTSUP NOTTY NXIO OVERFLOW OWNERDEAD PERM PIPE PROTO PROTONOSUPPORT PROTOTYPE ' +
  'RANGE ROFS SPIPE SRCH STALE TIMEDOUT TXTBSY XDEV NOTCAPABLE';
const wasiNumber = new Map(wasiErrors.split(' ').map((name, k) => [name, k]));

/** Linux has other names for some, and some that WASI lacks. */
const relatives: Readonly<Record<string, string>> = {
  EOPNOTSUPP: 'NOTSUP',
  EWOULDBLOCK: 'AGAIN',
};

/** Errors of robust mutexes, which Node does not list (include/uapi/asm-generic/errno.h). */
const unlisted = { EOWNERDEAD: 130, ENOTRECOVERABLE: 131 };

/** Linux's errors of the same names as WASI's that a call may report: EINTR is never reported. */
const named = Object.entries({ ...constants.errno, ...unlisted }).filter(
  ([name]) => name !== 'EINTR' && wasiNumber.has(relatives[name] ?? name.slice(1)),
);

test.each([8, 4] as const)(
  'every error of Linux becomes the error of WASI of its name, %d-byte words',
  (word) => {
    expect(named.length).toBeGreaterThan(65);
    const bed = new WasiBed(word);
    const found: Record<string, number> = {};
    bed.run(({ sched_yield }) => {
      for (const [name, number] of named) {
        bed.kernel = () => -number;
        found[name] = sched_yield();
      }
      bed.kernel = () => undefined;
    });
    const expected = named.map(([name]) => [name, wasiNumber.get(relatives[name] ?? name.slice(1))]);
    expect(found).toEqual(Object.fromEntries(expected));
  },
);

test('errors that WASI has no name for are I/O errors, also those beyond the table', () => {
  const bed = new WasiBed(8);
  bed.run(({ sched_yield }) => {
    for (const number of [51, 62, 117, 121, 133, 134, 4095]) {
      bed.kernel = () => -number;
      expect(sched_yield(), `error ${number}`).toBe(wasiNumber.get('IO'));
    }
    bed.kernel = () => undefined;
  });
});

test('system calls have the numbers that the emulated kernel knows them by', () => {
  const wrong: string[] = [];
  let compared = 0;
  for (const [name, numbers] of systemCalls) {
    const { x86_64, armv7 } = SYSTEM_CALLS[name] ?? {};
    if (x86_64 !== undefined && ++compared && x86_64 !== (numbers & 0xffff)) wrong.push(`${name} x86_64`);
    if (armv7 !== undefined && ++compared && armv7 !== numbers >>> 16) wrong.push(`${name} armv7`);
  }
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(80);
});
