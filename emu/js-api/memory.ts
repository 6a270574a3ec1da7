import { MemoryInstance, pageLimit } from '../externals.ts';
import type { Machine } from '../machine.ts';
import { limitsOf, unsignedLong } from './numbers.ts';
import { isObject, memories } from './wrapping.ts';

/** `WebAssembly.Memory` of the JavaScript interface (section 5.3) for memories of `machine`. */
export function memoryClass(machine: Machine) {
  class Memory {
    /** @param descriptor `{initial, maximum, shared}`, in pages */
    constructor(descriptor: unknown) {
      const where = 'WebAssembly.Memory()';
      if (!isObject(descriptor)) throw new TypeError(`${where}: Argument 0 must be a memory descriptor`);
      const { minimum, maximum } = limitsOf(descriptor, where, 65536);
      const shared = Boolean(Reflect.get(descriptor, 'shared'));
      if (shared && maximum === undefined) {
        throw new TypeError(`${where}: If shared is true, maximum property should be defined.`);
      }
      if (minimum > pageLimit[machine.target]) throw new RangeError(`${where}: could not allocate memory`);
      memories.bind(this, new MemoryInstance(machine, minimum, maximum, shared));
    }

    /** The memory's bytes. Growing detaches it and makes another; a shared one is a SharedArrayBuffer that stays. */
    get buffer(): ArrayBufferLike {
      return memoryOf(this, 'WebAssembly.Memory.buffer').buffer;
    }

    /** Grows by `delta` pages and returns the size before. Throws RangeError beyond the maximum. */
    grow(delta: unknown): number {
      const memory = memoryOf(this, 'WebAssembly.Memory.grow()');
      const pages = unsignedLong(delta, 'WebAssembly.Memory.grow(): Argument 0');
      const old = memory.grow(pages);
      if (old < 0) throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded');
      return old;
    }

    get [Symbol.toStringTag](): string {
      return 'WebAssembly.Memory';
    }
  }
  return Memory;
}

function memoryOf(receiver: unknown, where: string): MemoryInstance {
  const memory = memories.instanceOf(receiver);
  if (memory === undefined) throw new TypeError(`${where}: Receiver is not a WebAssembly.Memory`);
  return memory;
}
