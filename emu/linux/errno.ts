/** Error numbers, the same on both targets: include/uapi/asm-generic/errno-base.h and errno.h. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  ENOTTY: 25,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  EOVERFLOW: 75,
  ENOTSOCK: 88,
  EOPNOTSUPP: 95,
} as const;

/**
 * What a system call that a signal interrupted returns inside the kernel; the program never sees these (include/linux/errno.h).
 * `signals.ts` turns them into EINTR or runs the call again.
 */
export const RESTART = {
  /** Again, if the handler has SA_RESTART or there is none. */
  ifAsked: -512,
  /** Again only if no handler ran. */
  withoutHandler: -514,
} as const;

/** The name of an error number, for messages. */
export function errnoName(number: number): string {
  return Object.entries(ERRNO).find(([, value]) => value === number)?.[0] ?? `error ${number}`;
}

/** Ends a system call with an error from any depth; `LinuxProcess` turns it into the negative result. */
export class SystemCallError extends Error {
  override name = 'SystemCallError';
  readonly errno: number;

  /** @param errno a name of the table, or the number that the host's kernel gave */
  constructor(errno: keyof typeof ERRNO | number) {
    super(typeof errno === 'string' ? errno : errnoName(errno));
    this.errno = typeof errno === 'string' ? ERRNO[errno] : errno;
  }
}
