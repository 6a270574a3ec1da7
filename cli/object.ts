import { basename, dirname, join } from 'node:path';
import type { Argv } from 'yargs';
import type { Image } from '../compiler/image/image.ts';
import type { CInterface } from '../compiler/image/object-code.ts';
import { isPrefix, prefixOf } from '../compiler/image/object-names.ts';
import { linkObject } from '../compiler/object.ts';
import type { TargetName } from '../compiler/target.ts';
import { headerNames, headerText } from '../runtime/headers.ts';
import { cInterface as armC } from '../targets/armv7/c-abi.ts';
import { cInterface as x86C } from '../targets/x86_64/c-abi.ts';
import { targets, UsageError, writeOutput } from './common.ts';

/** Options of `fathom compile` that only objects have; undefined where the command line does not say. */
export interface ObjectFlags {
  prefix: string | undefined;
  header: string | undefined;
}

/** Adds {@link ObjectFlags} to a command. */
export function objectFlags<T>(yargs: Argv<T>): Argv<T & ObjectFlags> {
  return yargs
    .option('prefix', {
      describe: 'objects: front of all C names',
      type: 'string',
      defaultDescription: "the module's file name",
      requiresArg: true,
    })
    .option('header', {
      describe: 'objects: where the C header goes, fathom.h beside it',
      type: 'string',
      defaultDescription: 'beside the object',
      requiresArg: true,
    });
}

/** The first of {@link ObjectFlags} that is given. */
export function givenObjectFlag(flags: ObjectFlags): string | undefined {
  return (['prefix', 'header'] as const).find((name) => flags[name] !== undefined);
}

const conventions: Readonly<Record<TargetName, CInterface>> = { x86_64: x86C, armv7: armC };

/**
 * What the C names begin with.
 * @throws UsageError for what is no C identifier
 */
export function objectPrefix(flags: ObjectFlags, modulePath: string): string {
  const prefix = flags.prefix ?? prefixOf(basename(modulePath));
  if (!isPrefix(prefix))
    throw new UsageError(`--prefix takes letters, digits and _, a letter first; not '${prefix}'`);
  return prefix;
}

/**
 * Writes an object's C header and what it includes, and returns the object.
 * @throws CompileError for modules that objects cannot be made of
 */
export function writeObject(
  flags: ObjectFlags,
  image: Image,
  modulePath: string,
  output: string,
): Uint8Array {
  const prefix = objectPrefix(flags, modulePath);
  const { object, header } = linkObject(image, targets[image.target], conventions[image.target], prefix);
  const path = flags.header ?? `${output.replace(/\.o$/, '')}.h`;
  if (path === output) throw new UsageError(`${path}: cannot be both object and header`);
  if ((headerNames as readonly string[]).includes(basename(path)))
    throw new UsageError(`${path}: is the name of a header that goes beside it; name another by --header`);
  writeOutput(path, header);
  for (const name of headerNames) writeOutput(join(dirname(path), name), headerText(name));
  return object;
}
