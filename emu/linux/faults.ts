/** Which signal a fault of the core is, and what the kernel tells about it. */
import type { Fault, FaultKind } from '../core.ts';
import type { TargetName } from '../unicorn/constants.ts';
import type { Mappings } from './mappings.ts';
import { type FaultState, SIGNAL, type SignalInfo } from './signals.ts';

/** `si_code` (include/uapi/asm-generic/siginfo.h). */
const SEGV_MAPERR = 1;
const SEGV_ACCERR = 2;
const SI_KERNEL = 0x80;

/** Signal and code of faults that are no memory accesses, and the number of x86's exception (Intel SDM volume 3, table 6-1). */
const TRAPS: Readonly<
  Record<
    TargetName,
    Partial<Record<FaultKind, { number: number; code: number; trap: number; addressed: boolean }>>
  >
> = {
  x86_64: {
    'invalid-instruction': { number: SIGNAL.ILL, code: 2, trap: 6, addressed: true },
    divide: { number: SIGNAL.FPE, code: 1, trap: 0, addressed: true },
    'breakpoint-instruction': { number: SIGNAL.TRAP, code: SI_KERNEL, trap: 3, addressed: false },
    halt: { number: SIGNAL.SEGV, code: SI_KERNEL, trap: 13, addressed: false },
    interrupt: { number: SIGNAL.SEGV, code: SI_KERNEL, trap: 13, addressed: false },
  },
  armv7: {
    'invalid-instruction': { number: SIGNAL.ILL, code: 1, trap: 6, addressed: true },
    'breakpoint-instruction': { number: SIGNAL.TRAP, code: 1, trap: 0, addressed: true },
    interrupt: { number: SIGNAL.ILL, code: 1, trap: 6, addressed: true },
  },
};

/** x86's page-fault error code: present, write, user, fetch (Intel SDM volume 3, 4.7). */
const PAGE_FAULT = { trap: 14, present: 1, write: 2, user: 4, fetch: 16 };

/** ARM's fault status: translation or permission fault of a page, write (ARM ARM B3.13), and Linux's mark of a prefetch abort. */
const ABORT = { trap: 14, translation: 0x7, permission: 0xf, write: 0x800, prefetch: 0x8000_0000 };

/** Beyond this, and below the kernel's half, x86-64 addresses are not canonical: a general protection fault without an address. */
const END_OF_CANONICAL = 2 ** 47;

/** The signal of a fault, and the state that frames show of it. */
export function signalOfFault(mappings: Mappings, fault: Fault): { info: SignalInfo; state: FaultState } {
  const { target } = mappings.space;
  const { kind, pc, address } = fault;
  if (kind === 'read' || kind === 'write' || kind === 'fetch')
    return accessFault(target, mappings, kind, address);
  const trap = TRAPS[target][kind] ?? { number: SIGNAL.ILL, code: 1, trap: 6, addressed: true };
  const info = { number: trap.number, code: trap.code, address: trap.addressed ? pc : 0 };
  return { info, state: { trap: trap.trap, error: 0, address: 0 } };
}

function accessFault(
  target: TargetName,
  mappings: Mappings,
  kind: 'read' | 'write' | 'fetch',
  address: number,
): { info: SignalInfo; state: FaultState } {
  const mapping = mappings.find(address);
  const code = mapping ? SEGV_ACCERR : SEGV_MAPERR;
  const present = mapping !== undefined && mapping.access !== '';
  if (target === 'x86_64') {
    if (address >= END_OF_CANONICAL) {
      return {
        info: { number: SIGNAL.SEGV, code: SI_KERNEL, address: 0 },
        state: { trap: 13, error: 0, address: 0 },
      };
    }
    const { write, fetch, user } = PAGE_FAULT;
    const error =
      user | (present ? PAGE_FAULT.present : 0) | (kind === 'write' ? write : kind === 'fetch' ? fetch : 0);
    return { info: { number: SIGNAL.SEGV, code, address }, state: { trap: PAGE_FAULT.trap, error, address } };
  }
  const status = present ? ABORT.permission : ABORT.translation;
  const error = (status | (kind === 'write' ? ABORT.write : kind === 'fetch' ? ABORT.prefetch : 0)) >>> 0;
  return { info: { number: SIGNAL.SEGV, code, address }, state: { trap: ABORT.trap, error, address } };
}
