import { guest } from './app';
import { Errno, errno } from './errno';
import { Sys } from './linux';
import { kernel } from './system';

/** Fills a buffer of the app with random bytes; the kernel gives them in portions (getrandom(2)). */
export function random_get(buffer: u32, bytes: u32): u32 {
  const to = guest(buffer, bytes);
  if (to === 0) return Errno.fault;
  let done: u64 = 0;
  while (done < <u64>bytes) {
    const result = kernel(Sys.getrandom, to + done, <u64>bytes - done, 0);
    if (result < 0) return errno(result);
    done += <u64>result;
  }
  return Errno.success;
}
