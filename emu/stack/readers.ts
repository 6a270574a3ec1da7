import { ImageError } from '../../compiler/errors.ts';
import { abiDifference, stackAbi } from '../../compiler/stack/compatibility.ts';
import type { MemoryOrder, SchemeName } from '../../compiler/stack/scheme.ts';
import { RecordReader } from './by-record.ts';
import { TableReader } from './by-table.ts';
import type { StackSource } from './code.ts';
import { type ReadFailure, StackReader } from './reader.ts';

/** Knows the innermost frame: nothing says where the others are. */
class InnermostReader extends StackReader {
  protected walk(): ReadFailure {
    return 'not-published';
  }
}

/** How each scheme's stacks are read. */
const readers: Readonly<Record<SchemeName, new (machine: StackSource) => StackReader>> = {
  none: InnermostReader,
  atomic: RecordReader,
  tail: RecordReader,
  field: RecordReader,
  unwind: TableReader,
};

/**
 * A reader for stacks that code compiled with `scheme` publishes on `machine`. One on the same thread needs no order.
 * @throws ImageError if the machine's code is of another ABI, with the difference in words; nothing has been read then
 */
export function createReader(
  machine: StackSource,
  scheme: SchemeName,
  order: MemoryOrder = 'relaxed',
): StackReader {
  const difference = abiDifference(machine.abi, stackAbi(scheme, machine.wordBytes, order));
  if (difference !== null) throw new ImageError(`the reader cannot read this machine's stack: ${difference}`);
  return new readers[scheme](machine);
}
