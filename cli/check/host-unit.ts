import { basename } from 'node:path';
import { CompileError as CompilerError } from '../../compiler/errors.ts';
import type { Image } from '../../compiler/image/image.ts';
import type { Module } from '../../compiler/wasm/module.ts';
import { HostCheck, type HostCheckOptions } from '../../emu/check/host-check.ts';
import type { Points } from '../../emu/check/points.ts';
import { FunctionInstance } from '../../emu/externals.ts';
import type { ModuleInstance } from '../../emu/instance.ts';
import { instanceOf } from '../../emu/js-api/instance.ts';
import { MachineFault } from '../../emu/trap.ts';
import { createWebAssembly, type EmulatedWebAssembly } from '../../emu/webassembly.ts';
import { targets, UsageError } from '../common.ts';
import { parseArguments } from '../imports.ts';
import { runWast } from '../wast/run.ts';
import type { Workload } from '../workloads/index.ts';
import { type Call, defaultCalls, givenCall } from './calls.ts';
import { checkedImports } from './host-imports.ts';
import type { CheckSettings, Configuration, UnitOutcome } from './unit.ts';

/** Native stack of checked programs: runaway recursion is read at every instruction, too. */
const stackBytes = 1 << 16;

/** Checks the runs of one image by the host's reader. Throws MachineFault where code does what compiled code never does. */
export function checkImage(
  path: string,
  image: Image,
  settings: CheckSettings,
  points: Points,
  publishLeaves = false,
): UnitOutcome {
  const { target, scheme, order } = image;
  return withCheck({ target, scheme, order, publishLeaves }, settings, points, (webAssembly, check) => {
    const { module } = image;
    const isCommand = module.exports.some(({ kind, name }) => kind === 'function' && name === '_start');
    const host = checkedImports(module, webAssembly as unknown as typeof WebAssembly, [
      basename(path),
      ...settings.args,
    ]);
    // Before anything runs: an export that is not there is a mistake.
    const { invoke, args } = settings;
    const calls = invoke === undefined ? defaultCalls(module) : [invokedCall(path, module, invoke, args)];
    attempt(check, () => {
      const instance = new webAssembly.Instance(webAssembly.moduleOf(image), host.imports);
      const { exports } = instance;
      host.attach(Object.values(exports).find((value) => value instanceof webAssembly.Memory) as never);
      const made = instanceOf(instance);
      if (isCommand && invoke === undefined) attempt(check, exports._start as () => void);
      else if (made !== undefined) for (const call of calls) attempt(check, () => callRaw(made, call));
    });
  });
}

/** The same of a test script: all of its modules and commands, whatever comes of them. */
export function checkScript(
  text: string,
  configuration: Configuration,
  settings: CheckSettings,
  points: Points,
): Promise<UnitOutcome> {
  const { target, level, scheme, order } = configuration;
  const options = { stackBytes, budget: settings.budget };
  return checkAsync(configuration, options, points, (webAssembly) =>
    runWast(text, { target, level, scheme, order, webAssembly }),
  );
}

/** The same of a workload: its stack has the size of an executable's, and its calls have no budget. */
export function checkWorkload(
  workload: Workload,
  configuration: Configuration,
  points: Points,
): Promise<UnitOutcome> {
  return checkAsync(configuration, { runsOn: true }, points, async (webAssembly) =>
    (await workload.open(webAssembly))(),
  );
}

async function checkAsync(
  configuration: Configuration,
  {
    stackBytes: bytes,
    ...options
  }: { readonly stackBytes?: number } & Pick<HostCheckOptions, 'budget' | 'runsOn'>,
  points: Points,
  body: (webAssembly: EmulatedWebAssembly) => Promise<unknown>,
): Promise<UnitOutcome> {
  const { scheme, order, publishLeaves } = configuration;
  const webAssembly = createWebAssembly({
    ...configuration,
    ...(bytes === undefined ? {} : { stackBytes: bytes }),
  });
  const { machine } = webAssembly;
  const check = new HostCheck(machine, {
    scheme,
    order,
    points,
    leavesPublish: publishLeaves,
    ...options,
  });
  machine.runner = check;
  try {
    await body(webAssembly);
  } catch (error) {
    // A difference comes out of the program in whatever its own code makes of it.
    if (check.difference === undefined) throw error;
  } finally {
    machine.close();
  }
  return { difference: check.difference };
}

function withCheck(
  { target, scheme, order, publishLeaves }: Omit<Configuration, 'level'>,
  { budget }: CheckSettings,
  points: Points,
  body: (webAssembly: EmulatedWebAssembly, check: HostCheck) => void,
): UnitOutcome {
  const webAssembly = createWebAssembly({ target: targets[target], scheme, order, stackBytes });
  try {
    const check = new HostCheck(webAssembly.machine, {
      scheme,
      order,
      points,
      budget,
      leavesPublish: publishLeaves,
    });
    check.during(() => body(webAssembly, check));
    return { difference: check.difference };
  } finally {
    webAssembly.machine.close();
  }
}

/** Calls; traps and what the host throws end a call, not the check. */
function attempt(check: HostCheck, call: () => unknown): void {
  if (check.difference !== undefined || check.points.areSpent) return;
  try {
    call();
  } catch (error) {
    if (error instanceof MachineFault) throw error;
    if (error instanceof CompilerError || error instanceof UsageError) throw error;
  }
}

/**
 * The call that the command line asks for.
 * @throws UsageError if there is no such export, or its arguments do not fit
 */
export function invokedCall(path: string, module: Module, name: string, args: readonly string[]): Call {
  const entry = module.exports.find((e) => e.kind === 'function' && e.name === name);
  if (entry === undefined || entry.index < module.importedFunctions)
    throw new UsageError(`${path}: has no exported function ${name}`);
  try {
    const type = module.types[module.functions[entry.index].typeIndex];
    return givenCall(module, name, entry.index, parseArguments(type, args));
  } catch (error) {
    throw new UsageError(`${path}: ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A call by bits: JavaScript has no v128. */
function callRaw(instance: ModuleInstance, { name, args }: Call): void {
  const callee = instance.export(name);
  if (!(callee instanceof FunctionInstance)) return;
  const { machine } = instance;
  const { stack } = machine;
  const bytes = (types: readonly string[]): number =>
    types.reduce((sum, type) => sum + (type === 'v128' ? 16 : 8), 0);
  const top = machine.slotTop;
  try {
    const slots = machine.pushSlots(Math.max(bytes(callee.type.params), bytes(callee.type.results)));
    let at = (slots - stack.address) / 8;
    for (const { type, bits } of args) {
      stack.i64[at++] = BigInt.asIntN(64, bits);
      if (type === 'v128') stack.i64[at++] = BigInt.asIntN(64, bits >> 64n);
    }
    machine.call(callee, slots);
  } finally {
    machine.popSlots(top);
  }
}
