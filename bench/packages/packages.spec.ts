import { describe, expect, it } from 'vitest';
import { compile } from '../../compiler/index.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { countImage } from '../measure/counts.ts';
import { v8Checksum } from '../measure/v8.ts';
import { replayModule } from '../replay/generate.ts';
import { Recorder } from '../replay/record.ts';
import { formatGo } from './go.ts';
import { packages } from './index.ts';
import { openSourceMap } from './source-map.ts';
import { speak } from './wasi.ts';

/** Packages as workloads: what is recorded is the real session, and its replay is the same everywhere. */
describe('packages', () => {
  it('are one of C, one of Rust, one of Go and one for WASI', () => {
    const abouts = packages.map(({ about }) => about).join();
    for (const word of ['SQLite (C)', '(Rust)', '(Go,', 'WASI']) expect(abouts).toContain(word);
  });

  it.each([
    // One call back for each mapping, and for each that was looked up.
    { name: 'source-map', work: (w: Namespace) => openSourceMap(w)(500), calls: 500 },
    { name: 'gofmt', work: (w: Namespace) => formatGo(w, 3), calls: 0 },
    { name: 'flite', work: (w: Namespace) => speak(w, 'Hello.'), calls: 10 },
  ])(
    '$name gives the same recorded as not, and its replay gives the same on V8 and on emulated cores',
    async ({ work, calls }) => {
      const recorder = new Recorder();
      const recorded = await work(recorder.webAssembly as Namespace);
      expect(recorded).toEqual(await work(WebAssembly));
      const { steps, hostCalls, module } = recorder.recording();
      expect(hostCalls.length).toBeGreaterThanOrEqual(calls);
      const replay = replayModule({ steps, hostCalls, module });
      const checksum = v8Checksum(replay, 1);
      for (const target of [x86_64, armv7]) {
        const image = compile(replay, { target, level: 1, scheme: 'unwind', order: 'relaxed' });
        const run = countImage(image, 1);
        expect(run.checksum).toBe(checksum);
        expect(run.counted.instructions).toBeGreaterThan(100_000);
      }
    },
  );
});

type Namespace = typeof WebAssembly;
