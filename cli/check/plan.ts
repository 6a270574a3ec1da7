import { createHash } from 'node:crypto';
import { isElf } from '../../compiler/elf/reader.ts';
import { isImageFile, readImage } from '../../compiler/image/file.ts';
import type { OptimisationLevel } from '../../compiler/passes/pipeline.ts';
import { inFile, loadModule, readInput, UsageError } from '../common.ts';
import { Assembler } from '../wast/assemble.ts';
import { parseScript } from '../wast/parse.ts';
import { WastSyntaxError } from '../wast/sexpr.ts';
import { type Workload, workloads } from '../workloads/index.ts';
import type { CheckSettings, Configuration, Input, ReaderName, Unit } from './unit.ts';

/**
 * Reads a file.
 * @throws UsageError naming it and what is wrong with it
 */
export async function readCheckInput(path: string): Promise<Input> {
  if (path.startsWith(workloadPrefix)) return { path, kind: 'workload', workload: workloadOf(path) };
  const content = readInput(path);
  if (isImageFile(content))
    return { path, kind: 'image', image: await inFile(path, () => readImage(content)) };
  if (isElf(content)) throw new UsageError(`${path}: is an executable; give what it was compiled of`);
  if (path.endsWith('.wast')) return script(path, new TextDecoder().decode(content));
  return { path, kind: 'module', bytes: (await loadModule(path)).bytes };
}

/** What precedes a workload's name. */
const workloadPrefix = 'workload:';

function workloadOf(path: string): Workload {
  const found = workloads.find(({ name }) => path === workloadPrefix + name);
  if (found !== undefined) return found;
  throw new UsageError(`${path}: there are ${workloads.map(({ name }) => workloadPrefix + name).join(', ')}`);
}

let assembler: Promise<Assembler> | undefined;

async function script(path: string, text: string): Promise<Input> {
  const modules: Uint8Array[] = [];
  assembler ??= Assembler.load();
  try {
    for (const command of parseScript(text)) {
      if (command.kind !== 'module' && command.kind !== 'definition') continue;
      const { source } = command.module;
      try {
        modules.push(source.kind === 'binary' ? source.bytes : await (await assembler).assemble(source.text));
      } catch {
        // What no assembler reads is no module here; the script's run says so.
      }
    }
  } catch (error) {
    if (error instanceof WastSyntaxError) throw new UsageError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
  return { path, kind: 'script', text, modules };
}

/**
 * Everything that is to be run, in an order that depends on nothing but the arguments.
 * @param dealt optimisation levels that units get in turn, so that every configuration meets each and none all; without them a unit's is its configuration's
 */
export function planUnits(
  inputs: readonly Input[],
  configurations: readonly Configuration[],
  through: readonly ReaderName[],
  dealt?: readonly OptimisationLevel[],
): Unit[] {
  return inputs.flatMap((input, i) => {
    const own =
      input.kind === 'image'
        ? configurations.slice(0, 1).map((c) => ofImage(c, input))
        : configurations.map((c, j) =>
            dealt === undefined ? c : { ...c, level: dealt[(i + j) % dealt.length] },
          );
    return own.flatMap((configuration) =>
      through.map((reader): Unit => ({ input, through: reader, configuration })),
    );
  });
}

/** An image is compiled already. */
const ofImage = (
  configuration: Configuration,
  { image: { target, scheme, order } }: Extract<Input, { kind: 'image' }>,
): Configuration => ({ ...configuration, target, scheme, order });

/** Equal for checks that do the same. */
export function planHash(units: readonly Unit[], settings: CheckSettings): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ ...settings, limit: String(settings.limit) }));
  for (const { input, through, configuration } of units) {
    hash.update(JSON.stringify([input.path, through, configuration]));
    hash.update(contentOf(input));
  }
  return hash.digest('hex').slice(0, 16);
}

function contentOf(input: Input): Uint8Array | string {
  if (input.kind === 'module') return input.bytes;
  if (input.kind === 'script') return input.text;
  return input.kind === 'image' ? input.image.code : '';
}
