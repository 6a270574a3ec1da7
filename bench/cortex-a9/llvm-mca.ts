import { spawnSync } from 'node:child_process';
import type { DisassembledInstruction } from '../../emu/capstone.ts';

/** Debian's name first. */
const programs = ['llvm-mca-19', 'llvm-mca'];

/** Executions of a block that are simulated: filling the pipeline is a part of them in some hundred. */
const iterations = 400;

/** The llvm-mca of this machine, or undefined where there is none. */
export const findLlvmMca = (): string | undefined =>
  programs.find((program) => spawnSync(program, ['--version']).status === 0);

/** What llvm-mca calls itself: `LLVM version 19.1.7`. */
export const llvmVersion = (program: string): string =>
  /LLVM version [\d.]+/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)?.[0] ?? program;

/**
 * LLVM's model has no cycles for these: the classes of multiples are chosen by C++ that the tool does not run, and of barriers,
 * traps and hints it knows nothing.
 */
const unsupported = /^(?:push|pop|ldm\w*|stm\w*|vpop|vldm\w*|vstm\w*|dmb|dsb|isb|udf|nop|mrc|mcr|svc)/;

/** True if llvm-mca has cycles for all of a block. */
export const isSupported = (block: readonly DisassembledInstruction[]): boolean =>
  block.length > 0 && block.every(({ mnemonic }) => !unsupported.test(mnemonic) && !mnemonic.startsWith('.'));

/** An instruction as the assembler takes it. Branches and calls go to themselves: where to does not matter to either model. */
function assemble({ mnemonic, operands }: DisassembledInstruction): string {
  const branch = /^b/.test(mnemonic) && operands.startsWith('#');
  return `${mnemonic} ${branch ? '.' : operands}`;
}

interface Report {
  readonly CodeRegions: readonly {
    readonly Name: string;
    readonly SummaryView: { readonly Iterations: number; readonly TotalCycles: number };
  }[];
}

/**
 * Cycles of each block by `llvm-mca -mcpu=cortex-a9`, executed over and over, in one process. A call costs as much as a branch: llvm-mca
 * would otherwise add 100 cycles for what it calls.
 * @throws Error if llvm-mca refuses something
 */
export function llvmCycles(
  program: string,
  blocks: readonly (readonly DisassembledInstruction[])[],
): number[] {
  const regions = blocks.map(
    (block, i) => `@ LLVM-MCA-BEGIN ${i}\n${block.map(assemble).join('\n')}\n@ LLVM-MCA-END ${i}\n`,
  );
  const run = spawnSync(
    program,
    [
      ...['-mtriple=armv7-linux-gnueabihf', '-mcpu=cortex-a9', '-json', '-all-views=false', '-summary-view'],
      ...[`-iterations=${iterations}`, '-call-latency=1'],
    ],
    { input: `.fpu neon\n${regions.join('')}`, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (run.status !== 0) throw new Error(`${program} failed: ${run.stderr.slice(0, 1000)}`);
  const cycles = new Array<number>(blocks.length).fill(Number.NaN);
  for (const { Name, SummaryView } of (JSON.parse(run.stdout) as Report).CodeRegions) {
    cycles[Number(Name)] = SummaryView.TotalCycles / SummaryView.Iterations;
  }
  const missing = cycles.findIndex(Number.isNaN);
  if (missing >= 0) throw new Error(`${program} says nothing of ${assemble(blocks[missing][0])} …`);
  return cycles;
}
