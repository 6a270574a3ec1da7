import { activationMark, envHeader } from '../../compiler/abi.ts';
import { stackAbi } from '../../compiler/stack/compatibility.ts';
import { schemes } from '../../compiler/stack/index.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import type { Machine } from '../../emu/machine.ts';

/** A reader looked where no memory is. In a signal handler, this kills the process. */
export class Unmapped extends Error {
  override readonly name = 'Unmapped';
}

/**
 * The machine as a reader for `scheme` takes it, whatever code it really runs: it claims to be of the reader's ABI, and `top` is where that
 * ABI has it. So a reader can be made to read what it would refuse.
 */
export function seenBy(machine: Machine, scheme: SchemeName): Machine {
  const { wordBytes } = machine;
  const { abi, top } = schemes[scheme](wordBytes);
  const at = (env: number): number =>
    top.kind === 'env' ? env + top.offset : machine.readWord(env + top.limit) - top.distance;
  const readTop = (env: number): number => load(machine, at(env));
  const seen: Partial<Record<keyof Machine, unknown>> = {
    abi: stackAbi(scheme, wordBytes, 'relaxed'),
    header: envHeader(wordBytes, abi),
    readTop,
    tail: top.kind === 'tail' ? { read: readTop } : undefined,
  };
  return Object.create(
    machine,
    Object.fromEntries(Object.entries(seen).map(([name, value]) => [name, { value }])),
  ) as Machine;
}

/** Longer chains are no stack: they go in circles. */
const longest = 10_000;

/**
 * What a reader without any check makes of the records: from the exec env's `top` by `prev` to 0, believing all of it. Names of the functions
 * that publish, adapters left out, innermost first; `?` where a record names none.
 * @param machine as that reader takes it: {@link seenBy}
 * @throws Unmapped where it would fault
 */
export function believeRecords(machine: Machine): string[] {
  const { wordBytes, innermostEnv } = machine;
  const names: string[] = [];
  if (innermostEnv === 0) return names;
  let record = machine.readTop(innermostEnv);
  for (let left = longest; record !== 0 && left > 0; left--) {
    const self = load(machine, record + wordBytes);
    if (!isMark(machine, record + wordBytes)) {
      const publisher = publisherOf(machine, innermostEnv, self);
      if (publisher === undefined || !publisher.kind.endsWith('adapter')) names.push(publisher?.name ?? '?');
    }
    record = load(machine, record);
  }
  return names;
}

/** Who a record says published it: a number of a function on x86-64, a code address on ARM (docs/abi.md). */
function publisherOf(machine: Machine, env: number, self: number) {
  if (machine.wordBytes === 8) return machine.instanceOf(env)?.loaded.image.functions[self];
  const image = machine.imageAt(self);
  return image?.functionAt(self - image.base);
}

const isMark = ({ space, wordBytes }: Machine, at: number): boolean =>
  space.readU32(at) === activationMark >>> 0 &&
  (wordBytes === 4 || space.readU32(at + 4) === activationMark >>> 0);

/** A word of the guest's memory, wherever it is. */
function load({ space, wordBytes }: Machine, address: number): number {
  const region = space.find(address);
  if (region === undefined || !region.access.includes('r') || space.find(address + wordBytes - 1) !== region)
    throw new Unmapped(`nothing at 0x${address.toString(16)}`);
  return space.readPointer(address);
}
