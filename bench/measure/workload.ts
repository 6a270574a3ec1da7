import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../compiler/index.ts';
import type { Target, TargetName } from '../../compiler/target.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import type { CortexA9 } from '../../emu/cortex-a9.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import type { ContestantName, Measured, Outcome, PeerName, SchemeCost, WorkloadResult } from '../model.ts';
import { buildPeer, type PeerBuild, type RuntimeObjects } from '../peers/build.ts';
import { type CompilerPeer, findCompiler } from '../peers/compilers.ts';
import { CommandError } from '../run-command.ts';
import type { Workload } from '../workload.ts';
import { type CodeOptions, type CountedRun, codeBytes, countExecutable, countImage } from './counts.ts';
import { fathomCompileCost, fathomLinked, fathomProgram, linkers } from './fathom.ts';
import { schemeCosts } from './schemes.ts';
import { type Timed, type TimedProgram, timeContestants } from './timing.ts';
import { v8Checksum, v8CompileCost, v8Program } from './v8.ts';

const targets: readonly Target[] = [x86_64, armv7];

/** A compiler peer and the command that it is here; without one it is skipped. */
export interface ReadyPeer {
  readonly peer: CompilerPeer;
  readonly command: string | undefined;
}

export interface MeasureOptions {
  readonly code: Omit<CodeOptions, 'target'>;
  readonly quick: boolean;
  /** Estimates cycles on ARMv7. */
  readonly model: CortexA9;
  readonly v8: boolean;
  readonly compilers: readonly ReadyPeer[];
  /** A folder for files, and what is compiled in it once for all workloads. */
  readonly folder: string;
  readonly objects: RuntimeObjects;
  readonly progress: (what: string) => void;
}

/** How often contestants start, and how often they call `run` each time. */
const efforts = {
  quick: { rounds: 2, calls: 2 },
  full: { rounds: 5, calls: 3 },
  once: { rounds: 7, calls: 1 },
} as const;

/** A contestant that gave something else than V8. */
class WrongResultError extends Error {
  override readonly name = 'WrongResultError';
}

/**
 * Measures one workload: the result of everything that runs is compared with V8's, for what is timed and for what is counted. What fails
 * has the reason in its place.
 *
 * @throws MissingWorkloadError if its module cannot be had
 */
export async function measureWorkload(workload: Workload, options: MeasureOptions): Promise<WorkloadResult> {
  return new Measurement(workload, options, await workload.module()).measure();
}

class Measurement {
  private readonly workload: Workload;
  private readonly options: MeasureOptions;
  private readonly module: Uint8Array;
  private readonly folder: string;
  private readonly path: string;
  private readonly n: { readonly counted: number; readonly timed: number };
  private readonly expected: { readonly counted: number; readonly timed: number };
  private readonly outcomes: Record<TargetName, Map<ContestantName, Outcome>> = {
    x86_64: new Map(),
    armv7: new Map(),
  };
  /** What is to be timed on this machine. */
  private readonly programs = new Map<ContestantName, TimedProgram>();

  constructor(workload: Workload, options: MeasureOptions, module: Uint8Array) {
    this.workload = workload;
    this.options = options;
    this.module = module;
    this.folder = join(options.folder, workload.name);
    mkdirSync(this.folder, { recursive: true });
    this.path = join(this.folder, 'module.wasm');
    writeFileSync(this.path, module);
    const { n } = workload;
    this.n = { counted: n.counted, timed: options.quick ? n.quick : n.full };
    this.expected = {
      counted: v8Checksum(module, this.n.counted),
      timed: v8Checksum(module, this.n.timed),
    };
  }

  async measure(): Promise<WorkloadResult> {
    const { workload, module, outcomes } = this;
    for (const target of targets) await this.fathom(target);
    for (const ready of this.options.compilers) await this.compiler(ready);
    if (this.options.v8) await this.v8();
    await this.time();
    const schemes: Partial<Record<TargetName, readonly SchemeCost[]>> = {};
    for (const target of targets)
      if (this.isMeasured(target.name)) schemes[target.name] = this.schemes(target);
    const { name, about, source } = workload;
    return {
      name,
      about,
      source,
      moduleBytes: module.length,
      n: this.n,
      checksum: this.expected.counted,
      targets: {
        x86_64: Object.fromEntries(outcomes.x86_64),
        armv7: Object.fromEntries(outcomes.armv7),
      },
      schemes,
    };
  }

  private say(what: string): void {
    this.options.progress(`${this.workload.name}: ${what}`);
  }

  private isMeasured(target: TargetName): boolean {
    return this.outcomes[target].get('fathom')?.state === 'measured';
  }

  private async fathom(target: Target): Promise<void> {
    const code: CodeOptions = { ...this.options.code, target };
    await this.attempt(target.name, 'fathom', async () => {
      this.say(`Fathom for ${target.name}`);
      const image = compile(this.module, code);
      const { counted } = this.checked(countImage(image, this.n.counted, this.options.model));
      const cost = this.options.quick ? undefined : await fathomCompileCost(this.path, code, this.folder);
      if (target.name === 'x86_64' && runsHere()) await this.native(code);
      return { counted, codeBytes: codeBytes(image), ...(cost && { compile: cost }) };
    });
  }

  /** Fathom's code as a program of this machine: what is no command needs a C compiler for that. */
  private async native(code: CodeOptions): Promise<void> {
    if (!this.workload.once) {
      this.programs.set('fathom', fathomProgram(this.module, code, this.folder));
      return;
    }
    const linker = findCompiler(linkers)?.command;
    if (linker !== undefined && code.scheme !== 'tail')
      this.programs.set('fathom', await fathomLinked(this.module, code, this.folder, linker));
  }

  private async compiler({ peer, command }: ReadyPeer): Promise<void> {
    const { name, target } = peer;
    const skip = (reason: string): unknown => this.outcomes[target].set(name, { state: 'skipped', reason });
    if (command === undefined) return void skip(`there is no ${peer.commands[0]}`);
    const { c } = this.workload;
    if (peer.from === 'c' && c === undefined) return void skip('there is no C source');
    await this.attempt(target, name, async () => {
      this.say(`${name} for ${target}`);
      const build = await this.build(peer, command);
      const run = countExecutable(
        new Uint8Array(readFileSync(build.bare)),
        this.n.counted,
        this.options.model,
      );
      const { counted } = this.checked(run);
      if (build.hosted !== undefined) this.programs.set(name, { command: build.hosted, args: [] });
      return { counted, codeBytes: build.codeBytes, compile: build.compile };
    });
  }

  private build(peer: CompilerPeer, command: string): Promise<PeerBuild> {
    const { c } = this.workload;
    const folder = join(this.folder, `${peer.name}-${peer.target}`);
    mkdirSync(folder, { recursive: true });
    const wasi = decodeModule(this.module).imports.length > 0;
    const source = { module: this.module, wasi, ...(c !== undefined && { c }) };
    const { folder: shared, objects } = this.options;
    return buildPeer(peer, command, source, folder, { folder: shared, objects });
  }

  private async v8(): Promise<void> {
    await this.attempt('x86_64', 'v8', async () => {
      this.programs.set('v8', v8Program(this.path, this.workload.once));
      return { compile: await v8CompileCost(this.path) };
    });
  }

  private async time(): Promise<void> {
    const { quick } = this.options;
    const { once = false } = this.workload;
    const timed = await timeContestants(this.programs, {
      ...efforts[once ? 'once' : quick ? 'quick' : 'full'],
      once,
      n: this.n.timed,
      progress: (name) => this.say(`timing ${name}`),
    });
    for (const [name, result] of timed) this.record(name, result);
  }

  /** Adds a contestant's time to what is known of it. */
  private record(name: ContestantName, result: Timed): void {
    const known = this.outcomes.x86_64.get(name);
    if (known?.state !== 'measured') return;
    const wrong = 'checksum' in result && result.checksum !== this.expected.timed;
    this.outcomes.x86_64.set(
      name,
      'failure' in result
        ? { state: 'failed', reason: result.failure }
        : wrong
          ? { state: 'failed', reason: wrongResult(result.checksum, this.expected.timed) }
          : { ...known, timing: result.timing },
    );
  }

  private schemes(target: Target): SchemeCost[] {
    this.say(`schemes on ${target.name}`);
    const { quick, code } = this.options;
    const check = (run: CountedRun): unknown => this.checked(run);
    return schemeCosts(this.module, { target, level: code.level, n: this.n.counted, quick, check });
  }

  /** @throws WrongResultError */
  private checked(run: CountedRun): CountedRun {
    const { counted: expected } = this.expected;
    if (run.checksum !== expected) throw new WrongResultError(wrongResult(run.checksum, expected));
    return run;
  }

  private async attempt(
    target: TargetName,
    name: ContestantName | PeerName,
    work: () => Promise<Measured>,
  ): Promise<void> {
    try {
      this.outcomes[target].set(name, { state: 'measured', ...(await work()) });
    } catch (error) {
      const known = error instanceof CommandError || error instanceof WrongResultError;
      const reason =
        error instanceof Error ? (known ? error.message : `${error.name}: ${error.message}`) : `${error}`;
      this.outcomes[target].set(name, { state: 'failed', reason });
    }
  }
}

const wrongResult = (got: number, expected: number): string => `gave ${got}, V8 gave ${expected}`;

/** Whether x86-64 executables run on this machine. */
const runsHere = (): boolean => process.platform === 'linux' && process.arch === 'x64';
