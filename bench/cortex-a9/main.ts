import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createDisassembler } from '../../emu/capstone.ts';
import { collectBlocks, modules } from './collect.ts';
import { compareBlocks, distribution } from './compare.ts';
import { corpusPath, readCorpus, writeCorpus } from './corpus.ts';
import { writeTables } from './document.ts';
import { findLlvmMca, llvmVersion } from './llvm-mca.ts';
import { causeTable, distributionTable, histogram, kinds, worst } from './report.ts';
import { root } from './root.ts';

const usage = `Usage: node scripts/cortex-a9-check.mjs [options] [MODULE...]

Compares cycles of basic blocks by Fathom's Cortex-A9 model with those of llvm-mca -mcpu=cortex-a9, and prints the distribution of
the ratio, and why it is not 1. The blocks are those of bench/cortex-a9/blocks.txt, or of the modules (.wasm, .wat) that are named.

  --collect      first takes the blocks anew from npm's sql.js and source-map, test programs and kernels, and writes the file
  --most N       at most N blocks of a source and kind (300)
  --worst N      prints the N lowest and the N highest ratios (10)
  --json FILE    writes every block's figures
  --update       writes the tables of docs/cortex-a9.md
  --help         prints this

Exits with 1 where llvm-mca (Debian: llvm-19) is missing, with 2 on bad usage.`;

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        collect: { type: 'boolean', default: false },
        most: { type: 'string', default: '300' },
        worst: { type: 'string', default: '10' },
        json: { type: 'string' },
        update: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    console.error(`fathom: ${error instanceof Error ? error.message : error}`);
    return process.exit(2);
  }
}

/** A whole number of `least` or more. */
function whole(text: string, name: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  console.error(`fathom: --${name} takes a whole number of ${least} or more`);
  return process.exit(2);
}

const { values, positionals } = readArguments();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (positionals.length > 0 && (values.collect || values.update)) {
  console.error('fathom: --collect and --update are of the committed blocks, not of modules');
  process.exit(2);
}
const most = whole(values.most, 'most', 1);
const lines = whole(values.worst, 'worst', 0);

const program = findLlvmMca();
if (program === undefined) {
  console.error('fathom: no llvm-mca here, which the model is compared with (Debian: apt install llvm-19)');
  process.exit(1);
}

async function check(llvmMca: string): Promise<void> {
  const disassembler = await createDisassembler('armv7');
  if (values.collect) {
    const collected = await collectBlocks(modules(root), disassembler, most);
    writeFileSync(corpusPath, writeCorpus(collected));
  }
  const named = positionals.map((path) => ({ name: path, path }));
  const blocks = named.length > 0 ? await collectBlocks(named, disassembler, most) : readCorpus(disassembler);
  const compared = compareBlocks(llvmMca, blocks);

  console.log(`${blocks.length} blocks, ${llvmVersion(llvmMca)}\n`);
  console.log(distributionTable(compared));
  console.log(`\n${histogram(compared)}\n\n${causeTable(compared)}\n`);
  for (const [kind, name] of kinds) {
    const some = compared.filter((each) => each.kind === kind);
    if (some.length > 0 && lines > 0) console.log(`${name}: ratio, ours, LLVM\n${worst(some, lines)}\n`);
  }
  if (values.update) writeTables(compared);
  if (values.json !== undefined) {
    const figures = compared.map(({ block, ...rest }) => ({
      source: block.source,
      instructions: block.rows.map(({ mnemonic, operands }) => `${mnemonic} ${operands}`.trimEnd()),
      ...rest,
    }));
    const totals = Object.fromEntries(
      kinds.map(([kind]) => [kind, distribution(compared.filter((each) => each.kind === kind))]),
    );
    writeFileSync(
      values.json,
      `${JSON.stringify({ llvm: llvmVersion(llvmMca), totals, blocks: figures }, null, 1)}\n`,
    );
  }
}

try {
  await check(program);
} catch (error) {
  console.error(`fathom: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}
