import { readFileSync } from 'node:fs';
import { type CompileErrorKind, CompileError as CompilerError } from '../../compiler/errors.ts';
import type { OptimisationLevel } from '../../compiler/passes/pipeline.ts';
import type { MemoryOrder, SchemeName } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';
import { FunctionInstance, GlobalInstance } from '../../emu/externals.ts';
import type { ModuleInstance } from '../../emu/instance.ts';
import { CompileError, LinkError, RuntimeError } from '../../emu/js-api/errors.ts';
import { instanceOf } from '../../emu/js-api/instance.ts';
import { Trap } from '../../emu/trap.ts';
import { createWebAssembly, type EmulatedWebAssembly } from '../../emu/webassembly.ts';
import { AssembleError, Assembler } from './assemble.ts';
import {
  describeExpected,
  describeRaw,
  matches,
  type RawValue,
  readRaw,
  slotSize,
  writeArgument,
} from './matching.ts';
import { parseScript } from './parse.ts';
import type { Action, Command, ModuleForm } from './script.ts';
import { parseSExpressions, type SNode, WastSyntaxError } from './sexpr.ts';
import { spectestModule } from './spectest.ts';

export interface WastOptions {
  readonly target: TargetName;
  readonly level?: OptimisationLevel;
  readonly scheme?: SchemeName;
  readonly order?: MemoryOrder;
  /** What to run on, made for the same; it stays open. */
  readonly webAssembly?: EmulatedWebAssembly;
}

/** A command that failed or was skipped, and why. */
export interface WastNote {
  readonly line: number;
  readonly message: string;
}

/** Every command of the script is in exactly one of the three counts. */
export interface WastResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly WastNote[];
  readonly skips: readonly WastNote[];
}

let assembler: Promise<Assembler> | undefined;

/**
 * Runs a WebAssembly script on an emulated core, on a machine of its own.
 *
 * Skipped are commands about modules that Fathom says it does not compile, or whose text neither assembler reads. Whether quoted
 * text is malformed is judged by the assembler alone: where it refuses the text the assertion passes without the compiler having
 * seen anything, and where it accepts the text the assertion is skipped. Only binary modules test what the compiler calls
 * malformed.
 *
 * @param source path of a `.wast` file, or a script's text
 * @throws WastSyntaxError where the script itself is malformed; Error where the file cannot be read
 */
export async function runWast(source: string, options: WastOptions): Promise<WastResult> {
  const isText = source.includes('(');
  const text = isText ? source : readFileSync(source, 'utf8');
  const commands = parseScript(text);
  assembler ??= Assembler.load();
  const run = new ScriptRun(options.webAssembly ?? createWebAssembly(options), await assembler);
  try {
    for (const command of commands) await run.command(command);
  } finally {
    if (options.webAssembly === undefined) run.close();
  }
  const { passed, failures, skips } = run;
  const file = isText ? '' : source;
  return { file, passed, failed: failures.length, skipped: skips.length, failures, skips };
}

/** Why a command is not carried out. */
class Skip extends Error {}

/** The command's outcome is not the expected one. */
class Mismatch extends Error {}

/** A module that is not there for the commands that need it: what to report in its place. */
type Missing = { readonly missing: Error };

class ScriptRun {
  passed = 0;
  readonly failures: WastNote[] = [];
  readonly skips: WastNote[] = [];
  private readonly wasm: EmulatedWebAssembly;
  private readonly assembler: Assembler;
  private readonly registered = new Map<string, object | Missing>();
  private readonly instances = new Map<string, object | Missing>();
  private readonly definitions = new Map<string, object | Missing>();
  /** Exports of instances that a skipped module imports from, and that module's line. */
  private readonly tainted = new Map<object, number>();
  private latest: object | Missing = { missing: new Mismatch('no module yet') };
  private latestDefinition: object | Missing = { missing: new Mismatch('no module definition yet') };

  constructor(wasm: EmulatedWebAssembly, assembler: Assembler) {
    this.wasm = wasm;
    this.assembler = assembler;
    this.registered.set('spectest', spectestModule(wasm));
  }

  close(): void {
    this.wasm.machine.close();
  }

  async command(command: Command): Promise<void> {
    const { line } = command;
    try {
      await this.carryOut(command);
      this.passed++;
    } catch (error) {
      const reason = skipReason(error, command);
      if (reason !== undefined) this.taintImports(command);
      const message = reason ?? this.taint(command, error);
      if (message !== undefined) this.skips.push({ line, message });
      else this.failures.push({ line, message: describe(error) });
    }
  }

  /** Instances that a skipped module would have imported from lack what it would have done to them. */
  private taintImports(command: Command): void {
    const form = 'module' in command ? command.module : 'of' in command ? command.of : undefined;
    if (typeof form !== 'object' || !('source' in form) || form.source.kind === 'binary') return;
    for (const name of importedModules(form.source.text)) {
      const exports = this.registered.get(name);
      if (exports !== undefined) this.tainted.set(exports, command.line);
    }
  }

  /** Why a command about a tainted instance is no failure; undefined if it is one. */
  private taint(command: Command, error: unknown): string | undefined {
    const action =
      'action' in command ? command.action : 'of' in command && 'args' in command.of ? command.of : undefined;
    if (action === undefined || !(error instanceof Mismatch || error instanceof Trap)) return undefined;
    const line = this.tainted.get(this.exportsOf(this.instance(action.instance)));
    return line === undefined ? undefined : `depends on the module at line ${line}, which was skipped`;
  }

  private async carryOut(command: Command): Promise<void> {
    switch (command.kind) {
      case 'module':
        return this.defineInstance(command.module.name, async () =>
          this.instantiate(await this.compile(command.module)),
        );
      case 'definition':
        return this.define(command.module);
      case 'instance':
        return this.defineInstance(command.name, async () => {
          const { module } = command;
          const definition = module === undefined ? this.latestDefinition : this.definitions.get(module);
          return this.instantiate(present(definition));
        });
      case 'register':
        this.registered.set(command.as, this.exportsOf(this.instance(command.instance)));
        return;
      case 'action':
        this.perform(command.action);
        return;
      case 'assert_return': {
        const values = this.perform(command.action);
        const { expected } = command;
        const { machine } = this.wasm;
        const same =
          values.length === expected.length && values.every((v, i) => matches(machine, expected[i], v));
        if (same) return;
        const got = values.map(describeRaw).join(', ');
        throw new Mismatch(
          `${command.action.name}: got (${got}), expected (${expected.map(describeExpected).join(', ')})`,
        );
      }
      case 'assert_trap':
      case 'assert_exhaustion':
        return this.assertTrap(command.of, command.message);
      case 'assert_invalid':
        return this.assertInvalid(command.module, command.message);
      case 'assert_malformed':
        return this.assertMalformed(command.module, command.message);
      case 'assert_unlinkable':
        return this.assertUnlinkable(command.module, command.message);
      case 'assert_exception':
        this.instance(command.action.instance);
        throw new Skip('uses exceptions');
      case 'unknown':
        throw new Skip(`unknown command ${command.keyword}`);
    }
  }

  /** Makes the instance that later commands mean; where it fails, they fail or are skipped like it. */
  private async defineInstance(name: string | undefined, make: () => Promise<object>): Promise<void> {
    let made: object | Missing;
    try {
      made = await make();
    } catch (error) {
      made = { missing: error instanceof Error ? error : new Mismatch(String(error)) };
    }
    this.latest = made;
    if (name !== undefined) this.instances.set(name, made);
    present(made);
  }

  private async define(form: ModuleForm): Promise<void> {
    let made: object | Missing;
    try {
      made = await this.compile(form);
    } catch (error) {
      made = { missing: error instanceof Error ? error : new Mismatch(String(error)) };
    }
    this.latestDefinition = made;
    if (form.name !== undefined) this.definitions.set(form.name, made);
    present(made);
  }

  private async compile(form: ModuleForm): Promise<object> {
    const { source } = form;
    if (source.kind !== 'binary' && /\(\s*pagesize\b/.test(source.text))
      throw new Skip('uses custom page sizes');
    const bytes = source.kind === 'binary' ? source.bytes : await this.assembler.assemble(source.text);
    return new this.wasm.Module(bytes);
  }

  private instantiate(module: object): object {
    const imports: Record<string, object> = {};
    for (const { module: name } of this.wasm.Module.imports(module)) {
      const exports = this.registered.get(name);
      if (exports !== undefined) imports[name] = present(exports);
    }
    return new this.wasm.Instance(module, imports);
  }

  private instance(name: string | undefined): object | Missing {
    if (name === undefined) return this.latest;
    return this.instances.get(name) ?? { missing: new Mismatch(`no module ${name}`) };
  }

  private exportsOf(instance: object | Missing): object | Missing {
    if (isMissing(instance)) return instance;
    const exports: unknown = Reflect.get(instance, 'exports');
    return typeof exports === 'object' && exports !== null ? exports : {};
  }

  /** The results of an action, as bits: JavaScript numbers would lose the payloads of NaNs. */
  private perform(action: Action): RawValue[] {
    const instance = instanceOf(present(this.instance(action.instance)));
    const external = instance?.export(action.name);
    if (instance === undefined || external === undefined) throw new Mismatch(`no export ${action.name}`);
    const { machine } = instance;
    if (action.kind === 'get') {
      if (!(external instanceof GlobalInstance)) throw new Mismatch(`${action.name} is no global`);
      return [readRaw(machine, machine.arena, external.cell, external.type)];
    }
    if (!(external instanceof FunctionInstance)) throw new Mismatch(`${action.name} is no function`);
    return invoke(instance, external, action);
  }

  private async assertTrap(of: Action | ModuleForm, message: string): Promise<void> {
    try {
      if ('source' in of) this.instantiate(await this.compile(of));
      else this.perform(of);
    } catch (error) {
      const kind = trapKind(error);
      if (kind === undefined) throw error;
      if (kindsOf(message).includes(kind)) return;
      throw new Mismatch(`trapped with ${kind}, expected "${message}"`);
    }
    throw new Mismatch(`did not trap, expected "${message}"`);
  }

  private assertInvalid(form: ModuleForm, message: string): void {
    const { source } = form;
    try {
      // Some of what is invalid as text is malformed as bytes: an offset of 33 bits, memory.init where no data is.
      if (source.kind === 'binary') this.assertRefused(source.bytes, ['invalid']);
      else this.assertRefused(this.assembler.assembleStrictly(source.text), ['invalid', 'malformed']);
    } catch (error) {
      // Scripts of proposals that started from WebAssembly 1.0 forbid what 2.0 allows.
      if (error instanceof Mismatch && message === 'multiple tables')
        throw new Skip('several tables are valid');
      throw error;
    }
  }

  private assertMalformed(form: ModuleForm, message: string): void {
    const { source } = form;
    if (source.kind === 'binary') {
      // binary.wast declares 2^32 locals and more: past our limit, before they are counted.
      this.assertRefused(
        source.bytes,
        message === 'too many locals' ? ['malformed', 'limit'] : ['malformed'],
      );
      return;
    }
    try {
      this.assembler.assembleStrictly(source.text);
    } catch (error) {
      if (error instanceof AssembleError) return;
      throw error;
    }
    throw new Skip('the assembler accepts this malformed text');
  }

  private assertRefused(bytes: Uint8Array, kinds: readonly CompileErrorKind[]): void {
    try {
      new this.wasm.Module(bytes);
    } catch (error) {
      if (!(error instanceof CompileError) || error.kind === undefined || error.kind === 'unsupported')
        throw error;
      if (kinds.includes(error.kind)) return;
      throw new Mismatch(`refused as ${error.kind}, expected ${kinds[0]}: ${error.message}`);
    }
    throw new Mismatch('the module was accepted');
  }

  private async assertUnlinkable(form: ModuleForm, message: string): Promise<void> {
    const module = await this.compile(form);
    try {
      this.instantiate(module);
    } catch (error) {
      // A missing module is a TypeError in the JavaScript interface.
      if (error instanceof LinkError || (error instanceof TypeError && message === 'unknown import')) return;
      throw error;
    }
    throw new Mismatch(`linked, expected "${message}"`);
  }
}

function isMissing(made: object): made is Missing {
  return 'missing' in made && made.missing instanceof Error;
}

function present(made: object | Missing | undefined): object {
  if (made === undefined) throw new Mismatch('no such module');
  if (isMissing(made)) throw made.missing;
  return made;
}

function invoke({ machine }: ModuleInstance, callee: FunctionInstance, { args }: Action): RawValue[] {
  const { params, results } = callee.type;
  if (args.length !== params.length) throw new Mismatch(`${args.length} arguments for ${params.length}`);
  const size = (types: typeof params) => types.reduce((bytes, type) => bytes + slotSize(type), 0);
  const top = machine.slotTop;
  try {
    const slots = machine.pushSlots(Math.max(size(params), size(results)));
    let at = slots;
    for (const argument of args) at += writeArgument(machine, machine.stack, at, argument);
    machine.call(callee, slots);
    at = slots;
    return results.map((type) => {
      const value = readRaw(machine, machine.stack, at, type);
      at += slotSize(type);
      return value;
    });
  } finally {
    machine.popSlots(top);
  }
}

/** Which of our traps the specification's messages mean, by how they begin. */
const trapKinds: readonly (readonly [message: string, kinds: readonly string[]])[] = [
  ['unreachable', ['unreachable']],
  ['integer divide by zero', ['divideByZero', 'remainderByZero']],
  // Out-of-range truncations share V8's message with those of NaNs.
  ['integer overflow', ['integerOverflow', 'invalidConversion']],
  ['invalid conversion to integer', ['invalidConversion']],
  ['out of bounds memory access', ['memoryOutOfBounds']],
  ['out of bounds table access', ['tableOutOfBounds', 'elementSegmentOutOfBounds']],
  ['undefined element', ['indirectCallOutOfBounds', 'tableOutOfBounds']],
  ['uninitialized element', ['indirectCallNull']],
  ['indirect call type mismatch', ['indirectCallSignature']],
  ['call stack exhausted', ['stackOverflow']],
];

function kindsOf(message: string): readonly string[] {
  return trapKinds.find(([begin]) => message.startsWith(begin))?.[1] ?? [];
}

/** The kind of a trap, however it was thrown; undefined for anything else. */
function trapKind(error: unknown): string | undefined {
  if (error instanceof Trap) return error.kindName;
  if (error instanceof RuntimeError) return error.kind;
  if (error instanceof RangeError && 'kind' in error) return String(error.kind);
  return undefined;
}

/** The modules that a module's text imports from. None where the text is no list of forms at all. */
function importedModules(text: string): Set<string> {
  const names = new Set<string>();
  let rest: SNode[];
  try {
    rest = parseSExpressions(text);
  } catch (error) {
    if (error instanceof WastSyntaxError) return names;
    throw error;
  }
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (node.kind !== 'list') continue;
    const [head, module] = node.items;
    if (head?.kind === 'atom' && head.text === 'import' && module?.kind === 'string')
      names.add(new TextDecoder().decode(module.bytes));
    for (const item of node.items) rest.push(item);
  }
  return names;
}

function skipReason(error: unknown, command: Command): string | undefined {
  if (error instanceof Skip) return error.message;
  if (error instanceof AssembleError) return `the assembler does not read it: ${error.message}`;
  if (!(error instanceof CompileError || error instanceof CompilerError)) return undefined;
  if (error.kind === 'unsupported') return error.message;
  // An implementation may limit sizes; table.wast defines, and never instantiates, a table of 0xffff_ffff elements.
  if (error.kind === 'limit' && command.kind === 'definition') return error.message;
  return undefined;
}

function describe(error: unknown): string {
  if (error instanceof Mismatch) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
