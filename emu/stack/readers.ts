import type { SchemeName } from '../../compiler/stack/scheme.ts';
import type { Machine } from '../machine.ts';
import { RecordReader } from './by-record.ts';
import { TableReader } from './by-table.ts';
import { type ReadFailure, StackReader } from './reader.ts';

/** Knows the innermost frame: nothing says where the others are. */
class InnermostReader extends StackReader {
  protected walk(): ReadFailure {
    return 'not-published';
  }
}

/** How each scheme's stacks are read. */
const readers: Readonly<Record<SchemeName, new (machine: Machine) => StackReader>> = {
  none: InnermostReader,
  atomic: RecordReader,
  unwind: TableReader,
};

/** A reader for stacks that code compiled with `scheme` publishes on `machine`. */
export const createReader = (machine: Machine, scheme: SchemeName): StackReader =>
  new readers[scheme](machine);
