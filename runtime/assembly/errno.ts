/** Errors of wasi_snapshot_preview1 that the runtime itself reports, by number. */
export enum Errno {
  success = 0,
  again = 6,
  badf = 8,
  exist = 20,
  fault = 21,
  ilseq = 25,
  inval = 28,
  isdir = 31,
  mfile = 33,
  nametoolong = 37,
  noent = 44,
  nosys = 52,
  notdir = 54,
  notsock = 57,
  notsup = 58,
  overflow = 61,
  perm = 63,
  notcapable = 76,
}

/** Errors of Linux in the table. */
const errors: u64 = 134;

/**
 * WASI's number of each error of Linux (include/uapi/asm-generic/errno-base.h, errno.h), ten a row. Those that WASI has no name for are
 * `io` (29), but for relatives: protocol families count as address families, ESHUTDOWN as `pipe`, EHOSTDOWN as `hostunreach`,
 * ENOTBLK as `inval`.
 */
const table = memory.data<u8>([
  // success, EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, E2BIG, ENOEXEC, EBADF
  0, 63, 44, 71, 27, 29, 60, 1, 45, 8,
  // ECHILD, EAGAIN, ENOMEM, EACCES, EFAULT, ENOTBLK, EBUSY, EEXIST, EXDEV, ENODEV
  12, 6, 48, 2, 21, 28, 10, 20, 75, 43,
  // ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE, ENOTTY, ETXTBSY, EFBIG, ENOSPC, ESPIPE
  54, 31, 28, 41, 33, 59, 74, 22, 51, 70,
  // EROFS, EMLINK, EPIPE, EDOM, ERANGE, EDEADLK, ENAMETOOLONG, ENOLCK, ENOSYS, ENOTEMPTY
  69, 34, 64, 18, 68, 16, 37, 46, 52, 55,
  // ELOOP, -, ENOMSG, EIDRM, ECHRNG, EL2NSYNC, EL3HLT, EL3RST, ELNRNG, EUNATCH
  32, 29, 49, 24, 29, 29, 29, 29, 29, 29,
  // ENOCSI, EL2HLT, EBADE, EBADR, EXFULL, ENOANO, EBADRQC, EBADSLT, -, EBFONT
  29, 29, 29, 29, 29, 29, 29, 29, 29, 29,
  // ENOSTR, ENODATA, ETIME, ENOSR, ENONET, ENOPKG, EREMOTE, ENOLINK, EADV, ESRMNT
  29, 29, 29, 29, 29, 29, 29, 47, 29, 29,
  // ECOMM, EPROTO, EMULTIHOP, EDOTDOT, EBADMSG, EOVERFLOW, ENOTUNIQ, EBADFD, EREMCHG, ELIBACC
  29, 65, 36, 29, 9, 61, 29, 8, 29, 29,
  // ELIBBAD, ELIBSCN, ELIBMAX, ELIBEXEC, EILSEQ, ERESTART, ESTRPIPE, EUSERS, ENOTSOCK, EDESTADDRREQ
  29, 29, 29, 29, 25, 27, 29, 29, 57, 17,
  // EMSGSIZE, EPROTOTYPE, ENOPROTOOPT, EPROTONOSUPPORT, ESOCKTNOSUPPORT,
  // EOPNOTSUPP, EPFNOSUPPORT, EAFNOSUPPORT, EADDRINUSE, EADDRNOTAVAIL
  35, 67, 50, 66, 66, 58, 5, 5, 3, 4,
  // ENETDOWN, ENETUNREACH, ENETRESET, ECONNABORTED, ECONNRESET,
  // ENOBUFS, EISCONN, ENOTCONN, ESHUTDOWN, ETOOMANYREFS
  38, 40, 39, 13, 15, 42, 30, 53, 64, 29,
  // ETIMEDOUT, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EALREADY,
  // EINPROGRESS, ESTALE, EUCLEAN, ENOTNAM, ENAVAIL
  73, 14, 23, 23, 7, 26, 72, 29, 29, 29,
  // EISNAM, EREMOTEIO, EDQUOT, ENOMEDIUM, EMEDIUMTYPE,
  // ECANCELED, ENOKEY, EKEYEXPIRED, EKEYREVOKED, EKEYREJECTED
  29, 29, 19, 29, 29, 11, 29, 29, 29, 29,
  // EOWNERDEAD, ENOTRECOVERABLE, ERFKILL, EHWPOISON
  62, 56, 29, 29,
]);

/** WASI's number for the result of a system call: 0 unless it is -errno. */
export function errno(result: i64): u32 {
  if (result >= 0) return Errno.success;
  const error = <u64>-result;
  return error < errors ? load<u8>(table + <usize>error) : 29;
}
