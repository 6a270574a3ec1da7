import { basename } from 'node:path';
import { defaults } from '../../compiler/defaults.ts';
import { CompileError } from '../../compiler/errors.ts';
import { isCommand } from '../../compiler/image/command.ts';
import { linkExecutable } from '../../compiler/image/executable.ts';
import type { Image } from '../../compiler/image/image.ts';
import { compile, validate } from '../../compiler/index.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import { type CheckDifference, StackDiffers } from '../../emu/check/difference.ts';
import { HandlerCheck } from '../../emu/check/handler-check.ts';
import type { Points } from '../../emu/check/points.ts';
import { DeadlockError } from '../../emu/linux/index.ts';
import { runtimeModules } from '../../runtime/index.ts';
import { targets, UsageError } from '../common.ts';
import { parseDump } from '../dump.ts';
import { defaultCalls } from './calls.ts';
import { type CommandModule, callingModule, commandModule } from './command-module.ts';
import { invokedCall } from './host-unit.ts';
import type { CheckSettings, Configuration, UnitOutcome } from './unit.ts';

/** Processes that are started to go on behind calls that end the program. */
const mostProcesses = 12;

/** The runtime's images, compiled as executables have them (`compileExecutable`): for every module that is compiled in the same way. */
const runtimes = new Map<string, Image>();

/**
 * Checks the runs of a module by the handler of the executable that it becomes: a WASI command as it is, any other module by a
 * `_start` of our own that makes the calls.
 */
export function checkByHandler(
  path: string,
  bytes: Uint8Array,
  configuration: Configuration,
  settings: CheckSettings,
  points: Points,
): UnitOutcome {
  try {
    const module = decodeModule(bytes);
    const { invoke, args } = settings;
    const command =
      invoke === undefined
        ? commandModule(bytes, module, defaultCalls(module))
        : callingModule(bytes, module, [invokedCall(path, module, invoke, args)]);
    const app = compileApp(command.bytes, configuration);
    return checkExecutable(path, app, command, configuration, settings, points);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    refuseInvalid(path, bytes, configuration);
    return { difference: undefined, skipped: error.message };
  }
}

/** What cannot be an executable may be a module all the same, as may one that is too large for Fathom; what is none is bad input. */
function refuseInvalid(path: string, bytes: Uint8Array, { target }: Configuration): void {
  try {
    validate(bytes, targets[target]);
  } catch (error) {
    if (error instanceof CompileError && error.kind !== 'unsupported' && error.kind !== 'limit')
      throw new UsageError(`${path}: ${error.message}`, { cause: error });
  }
}

/** The same of an image, which must be a WASI command's. */
export function checkImageByHandler(
  path: string,
  image: Image,
  settings: CheckSettings,
  points: Points,
): UnitOutcome {
  const { target, scheme, order, module } = image;
  const isOne = isCommand(module) && module.exports.some(({ name }) => name === 'memory');
  if (!isOne || settings.invoke !== undefined)
    return { difference: undefined, skipped: 'is an image of no WASI command, so no executable' };
  // An image does not say its level: the runtime gets the default one.
  const configuration: Configuration = { target, scheme, order, level: defaults.level, publishLeaves: false };
  const command = { bytes: module.bytes, calls: undefined };
  return checkExecutable(path, image, command, configuration, settings, points);
}

function compileApp(bytes: Uint8Array, { target, ...rest }: Configuration): Image {
  return compile(bytes, { target: targets[target], ...rest });
}

function checkExecutable(
  path: string,
  app: Image,
  { calls }: CommandModule,
  configuration: Configuration,
  settings: CheckSettings,
  points: Points,
): UnitOutcome {
  const images = { app, ...runtimeImages(configuration) };
  const file = linkExecutable(images, targets[configuration.target]);
  let first = 0;
  for (let processes = 0; processes < mostProcesses && !points.areSpent; processes++) {
    const check = new HandlerCheck(file, {
      images,
      points,
      budget: settings.budget,
      argv: [basename(path), ...settings.args],
      parseDump,
      onStart: (started) => {
        if (calls !== undefined) started.setGlobal(calls.first, first);
      },
    });
    try {
      const difference = differenceOf(check);
      if (difference !== undefined) return { difference };
      // A call that trapped, or did not end: the next process goes on behind it.
      if (calls === undefined || check.hasExited) break;
      first = check.global(calls.current) + 1;
      if (first >= calls.count) break;
    } finally {
      check.dispose();
    }
  }
  return { difference: undefined };
}

function differenceOf(check: HandlerCheck): CheckDifference | undefined {
  try {
    check.run();
    return undefined;
  } catch (error) {
    if (error instanceof StackDiffers) return error.difference;
    // A program that waits for input that cannot come: what it did until then was checked.
    if (error instanceof DeadlockError) return undefined;
    throw error;
  }
}

function runtimeImages({
  target,
  level,
  scheme,
  order,
  publishLeaves,
}: Configuration): Readonly<Record<'wasi' | 'handler', Image>> {
  const { wasi, handler } = runtimeModules();
  const options = { target: targets[target], level, order, intrinsics: true } as const;
  return {
    wasi: runtimeImage(['wasi', target, level, scheme, order, publishLeaves], () =>
      compile(wasi, { ...options, scheme, publishLeaves }),
    ),
    handler: runtimeImage(['handler', target, level, order], () =>
      compile(handler, { ...options, scheme: 'none' }),
    ),
  };
}

function runtimeImage(key: readonly unknown[], make: () => Image): Image {
  const known = runtimes.get(JSON.stringify(key)) ?? make();
  runtimes.set(JSON.stringify(key), known);
  return known;
}
