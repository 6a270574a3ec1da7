/** System calls of memory: anonymous, private mappings, none of them executable but the file's own segments. */
import { type Access, PAGE_SIZE } from '../address-space.ts';
import type { SystemCall, SystemCallInfo } from './call.ts';
import { ERRNO } from './errno.ts';
import { wholePages } from './mappings.ts';
import type { LinuxProcess } from './process.ts';

const PROT = { READ: 1, WRITE: 2, EXEC: 4 };
const MAP = { PRIVATE: 2, FIXED: 0x10, ANONYMOUS: 0x20, FIXED_NOREPLACE: 0x10_0000, TYPE: 3 };
const MREMAP = { MAYMOVE: 1 };

/** Undefined for what would make memory executable. */
function accessOf(protection: number): Access | undefined {
  if (protection & PROT.EXEC) return undefined;
  if (protection & PROT.WRITE) return 'rw';
  return protection & PROT.READ ? 'r' : '';
}

/** Whether a range of whole pages can belong to a program. */
function inReach({ mappings }: LinuxProcess, begin: number, end: number): boolean {
  return begin % PAGE_SIZE === 0 && begin >= mappings.lowest && end <= mappings.end;
}

const mmap: SystemCall = (process, address, length, protection, flags) => {
  const { mappings } = process;
  const size = wholePages(length);
  if (length === 0) return -ERRNO.EINVAL;
  if (!(flags & MAP.ANONYMOUS)) return -ERRNO.ENODEV;
  if ((flags & MAP.TYPE) !== MAP.PRIVATE) return -ERRNO.EINVAL;
  const access = accessOf(protection);
  if (access === undefined) return -ERRNO.EACCES;
  const fixed = (flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) !== 0;
  if (fixed && address % PAGE_SIZE !== 0) return -ERRNO.EINVAL;
  if (fixed && !inReach(process, address, address + size)) return -ERRNO.ENOMEM;
  const hint = Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
  const taken = mappings.overlaps(hint, hint + size);
  const free = !taken && inReach(process, hint, hint + size);
  if (taken && flags & MAP.FIXED_NOREPLACE) return -ERRNO.EEXIST;
  const begin = fixed || free ? hint : mappings.findRoom(size);
  if (flags & MAP.FIXED && taken) mappings.remove(begin, begin + size);
  mappings.add('mmap', begin, begin + size, access);
  return begin;
};

const munmap: SystemCall = (process, address, length) => {
  const size = wholePages(length);
  if (length === 0 || !inReach(process, address, address + size)) return -ERRNO.EINVAL;
  process.mappings.remove(address, address + size);
  return 0;
};

const mprotect: SystemCall = (process, address, length, protection) => {
  if (address % PAGE_SIZE !== 0) return -ERRNO.EINVAL;
  const size = wholePages(length);
  if (size === 0) return 0;
  if (!inReach(process, address, address + size)) return -ERRNO.ENOMEM;
  const access = accessOf(protection);
  if (access === undefined) return -ERRNO.EACCES;
  process.mappings.protect(address, address + size, access);
  return 0;
};

const mremap: SystemCall = ({ mappings, memory }, address, oldLength, newLength, flags) => {
  const oldSize = wholePages(oldLength);
  const newSize = wholePages(newLength);
  if (address % PAGE_SIZE !== 0 || newSize === 0 || oldSize === 0 || flags & ~MREMAP.MAYMOVE)
    return -ERRNO.EINVAL;
  const access = mappings.accessOf(address, address + oldSize);
  if (access === undefined) return -ERRNO.EFAULT;
  const end = address + newSize;
  if (newSize <= oldSize) {
    if (newSize < oldSize) mappings.remove(end, address + oldSize);
    return address;
  }
  if (!mappings.overlaps(address + oldSize, end) && end <= mappings.end) {
    mappings.add('mmap', address + oldSize, end, access);
    return address;
  }
  if (!(flags & MREMAP.MAYMOVE)) return -ERRNO.ENOMEM;
  const moved = mappings.findRoom(newSize);
  mappings.add('mmap', moved, moved + newSize, access === '' ? '' : 'rw');
  if (access !== '') memory.write(moved, memory.bytes(address, oldSize));
  if (access === 'r') mappings.protect(moved, moved + newSize, 'r');
  mappings.remove(address, address + oldSize);
  return moved;
};

const MADV_DONTNEED = 4;

const madvise: SystemCall = ({ mappings, memory }, address, length, advice) => {
  if (address % PAGE_SIZE !== 0) return -ERRNO.EINVAL;
  if (!mappings.find(address)) return -ERRNO.ENOMEM;
  if (advice !== MADV_DONTNEED) return 0;
  for (const piece of memory.pieces(address, wholePages(length), 'w')) piece.fill(0);
  return 0;
};

export const MEMORY_CALLS: Readonly<Record<string, SystemCallInfo>> = {
  // ARM's mmap2 has its offset in pages, which nobody looks at: there are no mappings of files.
  mmap: { x86_64: 9, armv7: 192, parameters: 'wwuuiw', call: mmap },
  mprotect: { x86_64: 10, armv7: 125, parameters: 'wwu', call: mprotect },
  munmap: { x86_64: 11, armv7: 91, parameters: 'ww', call: munmap },
  mremap: { x86_64: 25, armv7: 163, parameters: 'wwwuw', call: mremap },
  madvise: { x86_64: 28, armv7: 220, parameters: 'wwu', call: madvise },
};
