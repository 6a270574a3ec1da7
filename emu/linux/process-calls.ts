/** System calls of the process itself. */
import type { SystemCall, SystemCallInfo } from './call.ts';
import { ERRNO } from './errno.ts';
import { USER_ID } from './user.ts';

const exit: SystemCall = (process, code) => {
  process.exit({ exitCode: code & 0xff });
  return 0;
};

const getpid: SystemCall = ({ pid }) => pid;
/** The parent's; nobody can be sent a signal there. */
const getppid: SystemCall = () => 1;
const getuid: SystemCall = () => USER_ID;
const schedYield: SystemCall = () => 0;

const MAX_RANDOM = 1 << 24;

const getrandom: SystemCall = (process, address, length, flags) => {
  if (flags & ~7) return -ERRNO.EINVAL;
  const bytes = process.randomBytes(Math.min(length, MAX_RANDOM));
  process.memory.write(address, bytes);
  return bytes.length;
};

const setTls: SystemCall = ({ core }, address) => {
  core.threadPointer = address;
  return 0;
};

const ARCH_SET_FS = 0x1002;
const archPrctl: SystemCall = (process, code, address) =>
  code === ARCH_SET_FS ? setTls(process, address, 0, 0, 0, 0, 0) : -ERRNO.EINVAL;

export const PROCESS_CALLS: Readonly<Record<string, SystemCallInfo>> = {
  exit: { x86_64: 60, armv7: 1, parameters: 'i', call: exit },
  exit_group: { x86_64: 231, armv7: 248, parameters: 'i', call: exit },
  getpid: { x86_64: 39, armv7: 20, parameters: '', call: getpid },
  gettid: { x86_64: 186, armv7: 224, parameters: '', call: getpid },
  getppid: { x86_64: 110, armv7: 64, parameters: '', call: getppid },
  getuid: { x86_64: 102, armv7: 199, parameters: '', call: getuid },
  getgid: { x86_64: 104, armv7: 200, parameters: '', call: getuid },
  geteuid: { x86_64: 107, armv7: 201, parameters: '', call: getuid },
  getegid: { x86_64: 108, armv7: 202, parameters: '', call: getuid },
  sched_yield: { x86_64: 24, armv7: 158, parameters: '', call: schedYield },
  getrandom: { x86_64: 318, armv7: 384, parameters: 'wwu', call: getrandom },
  arch_prctl: { x86_64: 158, parameters: 'uw', call: archPrctl },
  set_tls: { armv7: 0xf0005, parameters: 'w', call: setTls },
};
