import { describe, expect, it } from 'vitest';
import type { BenchReport, Outcome, WorkloadResult } from '../model.ts';
import { updatedPage } from './docs.ts';
import { geometricMean } from './figures.ts';
import { htmlOf } from './html.ts';
import { markdownOf } from './markdown.ts';

const measured = (seconds: number, instructions: number): Outcome => ({
  state: 'measured',
  timing: { median: seconds, least: seconds, samples: [seconds] },
  counted: { instructions, cycles: 2 * instructions },
  codeBytes: 100,
});

const workload = (name: string, peer: Outcome): WorkloadResult => ({
  name,
  about: 'a test',
  source: 'nowhere',
  moduleBytes: 10,
  n: { counted: 1, timed: 1 },
  checksum: 1,
  targets: { x86_64: { fathom: measured(0.1, 1000), v8: peer }, armv7: { fathom: measured(0, 500) } },
  schemes: {
    x86_64: [
      {
        scheme: 'none',
        order: 'relaxed',
        instructions: 1000,
        codeBytes: 100,
        addedInstructions: 0,
        addedCode: 0,
      },
      {
        scheme: 'tail',
        order: 'relaxed',
        instructions: 1015,
        codeBytes: 90,
        addedInstructions: 15,
        addedCode: -10,
      },
    ],
  },
});

const report: BenchReport = {
  environment: {
    date: '2024-01-02',
    processor: 'A <b>processor</b>',
    cores: 2,
    memoryBytes: 2 ** 31,
    system: 'Linux',
    versions: { V8: '1.2.3' },
  },
  quick: true,
  level: 1,
  scheme: 'atomic',
  order: 'relaxed',
  peers: ['v8'],
  workloads: [
    workload('first', measured(0.2, 1)),
    workload('second', measured(0.05, 1)),
    workload('third', { state: 'failed', reason: 'gave 1,\nnot 2 | 3' }),
  ],
  missing: [{ what: 'clang for x86_64', reason: 'not here' }],
};

describe('the report', () => {
  it('has Fathom by the peer, and the geometric mean of those that there are', () => {
    const lines = markdownOf(report).split('\n');
    expect(lines).toContain('| first | 100.0 | 0.50 |');
    expect(lines).toContain('| second | 100.0 | 2.00 |');
    expect(lines).toContain('| third | 100.0 | - |');
    expect(lines).toContain('| geometric mean |  | 1.00 |');
    expect(geometricMean([2, 8])).toBeCloseTo(4, 12);
    expect(geometricMean([])).toBeUndefined();
  });

  it('has what schemes add, cycles of ARMv7, and what is missing or failed, in one line each', () => {
    const lines = markdownOf(report).split('\n');
    expect(lines).toContain('| first | relaxed | 1,000 | - | +1.50 % | - | - |');
    expect(lines).toContain('| first | relaxed | 100 | - | -10.00 % | - | - |');
    expect(lines).toContain('| first | 1,000 |');
    expect(lines).toContain('| V8 on x86_64, third | gave 1, not 2 \\| 3 |');
    expect(lines).toContain('| clang for x86_64 | not here |');
    expect(lines[0]).toContain('2024-01-02');
  });

  it('says where the cycle model does not know all that was executed', () => {
    const first = workload('first', measured(0.2, 1));
    const counted = { instructions: 500, cycles: 900, unknown: { sdiv: 1200, dmb: 3 } };
    const targets = { ...first.targets, armv7: { fathom: { state: 'measured', counted } as const } };
    expect(markdownOf({ ...report, workloads: [{ ...first, targets }] }).split('\n')).toContain(
      '| cycles of Fathom, first | the model does not know all that is executed: sdiv, 1,200 times; dmb, 3 times |',
    );
    expect(markdownOf(report)).not.toContain('does not know');
  });

  it('is a page that needs nothing from elsewhere, with text escaped and all figures in it', () => {
    const page = htmlOf(report);
    expect(page).toContain('A &lt;b&gt;processor&lt;/b&gt;');
    expect(page).not.toMatch(/<b>|https?:|<link|src=/);
    const json = /<script type="application\/json" id="report">(.*?)<\/script>/.exec(page)?.[1] ?? '';
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(report)));
    const bars = [
      ...page.matchAll(/<rect class="series-0" x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="8">/g),
    ];
    // Of time and of code; the first peer's time is half, the second's double.
    const [first, second] = bars.map(([, width]) => Number(width));
    expect(second / first).toBeCloseTo(4, 1);
  });

  it('replaces the tables of a page, and nothing else', () => {
    const page = 'before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n';
    const updated = updatedPage(page, report);
    expect(updated).toMatch(/^before\n<!-- figures -->\n\nThese are figures of `--quick`/);
    expect(updated).toMatch(/<!-- end of figures -->\nafter\n$/);
    expect(updated).not.toContain('old');
    expect(updatedPage(updated, report)).toBe(updated);
    expect(() => updatedPage('nothing', report)).toThrow(RangeError);
  });
});
