import { describe, expect, it } from 'vitest';
import { callsOf, type TimedProgram, timeContestants, timingOf } from './timing.ts';

/** A program of Node's that prints. */
const printing = (script: string): TimedProgram => ({
  command: process.execPath,
  args: ['-e', script, '--'],
});
const lines = (checksum: string, nanoseconds: string): TimedProgram =>
  printing(
    `const [, repeats] = process.argv.slice(1); for (let i = 0; i < repeats; i++) console.log('${checksum}', (${nanoseconds}).toString(16))`,
  );

describe('timing', () => {
  it('reads hexadecimal lines, and no others', () => {
    expect(callsOf('compiled 0.1 5\nff 3b9aca00\nhello\n1 10\n')).toEqual([
      { checksum: 255, seconds: 1 },
      { checksum: 1, seconds: 16e-9 },
    ]);
  });

  it('takes medians', () => {
    expect(timingOf([3, 1, 2])).toMatchObject({ median: 2, least: 1, samples: [3, 1, 2] });
    expect(timingOf([4, 1, 3, 2]).median).toBe(2.5);
  });

  it('leaves the first call of each process out, and reports a contestant that takes three times as long as that', async () => {
    const started: string[] = [];
    const results = await timeContestants(
      new Map([
        ['quick', lines('7', 'i === 0 ? 1e9 : 1000')],
        ['slow', lines('7', 'i === 0 ? 1 : 3000')],
      ]),
      { n: 5, rounds: 2, calls: 3, progress: (name) => started.push(name) },
    );
    expect(started).toEqual(['quick', 'slow', 'quick', 'slow']);
    expect(results.get('quick')).toEqual({ checksum: 7, timing: timingOf(Array(6).fill(1e-6)) });
    expect(results.get('slow')).toEqual({ checksum: 7, timing: timingOf(Array(6).fill(3e-6)) });
  });

  it('has no time of a contestant that fails, says too little, or gives two results', async () => {
    const results = await timeContestants(
      new Map([
        ['fails', printing('console.error("out of luck"); process.exit(3)')],
        ['silent', printing('')],
        ['fickle', lines("' + (i % 2) + '", '1000')],
        ['absent', { command: '/no/such/program', args: [] }],
        ['good', lines('a', '1000')],
      ]),
      { n: 1, rounds: 1, calls: 2 },
    );
    expect(results.get('fails')).toEqual({ failure: expect.stringMatching(/exit code 3: out of luck/) });
    expect(results.get('silent')).toEqual({ failure: '0 calls reported, not 3' });
    expect(results.get('fickle')).toEqual({ failure: 'gave 1 and 0 for the same' });
    expect(results.get('absent')).toEqual({ failure: expect.stringMatching(/ENOENT/) });
    expect(results.get('good')).toMatchObject({ checksum: 10 });
  });
});
