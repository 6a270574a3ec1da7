/**
 * The emulated kernel: runs static Linux executables (docs/executables.md) on an emulated core, with files of the host only in the
 * directories that it is given.
 */
import { type ExitStatus, LinuxProcess, type ProcessOptions } from './process.ts';

export type { ByteSource } from './descriptions.ts';
export {
  DeadlockError,
  type ExitStatus,
  type Input,
  LinuxProcess,
  type Output,
  type ProcessOptions,
} from './process.ts';
export { SIGNAL, type SignalInfo } from './signals.ts';

/**
 * Runs an executable to its end.
 *
 * @param file a static ELF executable for x86-64 or ARM
 * @throws {ImageError} when the file cannot be loaded
 * @throws {DeadlockError} when it waits for something that can never come
 * @throws {UnicornMissingError} when no libunicorn serves
 */
export function runExecutable(file: Uint8Array, options: ProcessOptions): ExitStatus {
  const process = new LinuxProcess(file, options);
  try {
    return process.run();
  } finally {
    process.dispose();
  }
}
