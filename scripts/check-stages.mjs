/** What `npm run check` checks, stage by stage. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Scripts of what Fathom does not compile, and those that are about text or binary form alone, run nothing. `i64` and `f64` are no memory64. */
export const nothingToRun =
  /^(simd_|i8x16_|i16x8_|i32x4_|relaxed_|ref_as|ref_eq|ref_cast|ref_test|br_on|array|struct|i31|gc|binary|utf8|custom|annot|comments|token|tag|throw|try_|return_call|call_ref|type-|extern|obsolete|memory64|table64|(?![fi]64\.).*64\.wast)/;

/** Calls of modules that recurse without end are ended before their stacks are all that there is. */
const short = ['--budget', '40000'];
const deep = ['--budget', '400000'];
const workload = (name) => `workload:${name}`;
const everyThird = (_, i) => i % 3 === 0;

/** Levels that the modules of a stage get in turn: with three modules or more, each configuration meets each level. */
const inTurn = ['-O', '0', '1', '2', '--deal-levels'];
/** Few modules: all configurations at the level that is shipped, which no turn may leave out. */
const shipped = ['-O', '2'];
/** Records have two words under these orders. Handler and WASI runtime are compiled anew for each. */
const orders = ['--order', 'release', 'seq_cst'];
const leaves = ['--publish-leaves'];

/**
 * A stage has the names of modules (`inputs`), who reads (`by`), and the `share` of all points that one module has in one configuration, at most. Modules are many
 * and short, which is breadth; kernels and workloads run for long, where the code that is interrupted is known already to the emulator. A stack of a
 * thousand frames, as `even-odd` and `mutual` have, costs a thousand times what one frame does: it has its share. Scripts are many modules each,
 * and by the handler a process for each call that traps: every third one is taken; as of kernels, and every fifth program, where orders and leaves are varied.
 * @param root the project's folder @param suite the specification's test suite, undefined where there is none
 */
export function checkStages(root, suite) {
  const filesIn = (folder, pattern) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => pattern.test(name))
          .sort()
          .map((name) => relative(root, join(folder, name)))
      : [];
  const scripts =
    suite === undefined
      ? []
      : filesIn(suite, /\.wast$/).filter((path) => !nothingToRun.test(path.split('/').at(-1)));
  const programs = [
    ...filesIn(join(root, 'test/wast'), /\.wast$/),
    ...filesIn(join(root, 'test/programs'), /^(?!across).*\.wat$/),
    ...filesIn(join(root, 'test/programs/wasi'), /\.(wat|wasm)$/),
    ...filesIn(join(root, 'cli/workloads/programs'), /^(?!forged).*\.wat$/),
  ];
  const kernels = filesIn(join(root, 'bench/kernels'), /\.wasm$/);
  const packages = ['sql.js/dist/sql-wasm.wasm', 'source-map/lib/mappings.wasm']
    .map((path) => `node_modules/${path}`)
    .filter((path) => existsSync(join(root, path)));
  const modules = [...programs, ...packages, ...scripts.filter(everyThird)];
  const long = ['leaf', 'mixed'].map((name) => `cli/workloads/programs/${name}.wat`);
  const loops = ['fib', 'leaf', 'mixed', 'source-map'].map(workload);
  const varied = programs.filter((_, i) => i % 5 === 0);
  const kernelsVaried = kernels.filter(everyThird);
  const run = ['run', '100'];
  const host = [
    { name: 'modules', inputs: modules, share: 1 / 5000, options: [...inTurn, ...short] },
    { name: 'kernels', inputs: kernels, share: 1 / 200, options: [...inTurn, ...deep], call: run },
    { name: 'workloads', inputs: loops, share: 1 / 15, options: shipped },
    { name: 'sql.js', inputs: [workload('sqlite')], share: 1 / 50, options: shipped },
    { name: 'deep stacks', inputs: [workload('even-odd')], share: 1 / 1000, options: shipped },
    { name: 'orders', inputs: varied, share: 1 / 5000, options: [...inTurn, ...short, ...orders] },
    {
      name: 'orders, kernels',
      inputs: kernelsVaried,
      share: 1 / 500,
      options: [...inTurn, ...deep, ...orders],
      call: run,
    },
    { name: 'leaves', inputs: varied, share: 1 / 5000, options: [...inTurn, ...short, ...leaves] },
    {
      name: 'leaves, kernels',
      inputs: kernelsVaried,
      share: 1 / 500,
      options: [...inTurn, ...deep, ...leaves],
      call: run,
    },
  ].map((stage) => ({ ...stage, by: 'host' }));
  const handler = [
    { name: 'modules', inputs: modules, share: 1 / 8000, options: [...inTurn, ...short] },
    { name: 'kernels', inputs: kernels, share: 1 / 2000, options: [...inTurn, ...short], call: run },
    { name: 'workloads', inputs: long, share: 1 / 200, options: shipped, call: ['run', '100000'] },
    {
      name: 'orders',
      inputs: [...kernelsVaried.filter(everyThird), ...long],
      share: 1 / 2000,
      options: [...shipped, ...short, ...orders],
      call: run,
    },
    {
      name: 'leaves',
      inputs: [...kernelsVaried.filter(everyThird), ...long],
      share: 1 / 2000,
      options: [...shipped, ...short, ...leaves],
      call: run,
    },
  ].map((stage) => ({ ...stage, by: 'handler' }));
  return [...host, ...handler].map((stage) => ({ ...stage, title: `${stage.name}, ${stage.by}` }));
}
