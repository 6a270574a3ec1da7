import { describe, expect, it } from 'vitest';
import { parseDump, wholeAnswer } from './dump.ts';

const head = '=== fathom stack dump: pid 4711, signal 10\n';

describe("a program's answer to fathom dump", () => {
  it('is data', () => {
    const text = `${head}#0 wc_line <é> (app+0x1a2f)\n... 7 frames left out ...\n#8 _start (app)\n=== 9 frames, complete\n`;
    expect(parseDump(text)).toEqual({
      pid: 4711,
      count: 9,
      leftOut: 7,
      end: 'complete',
      frames: [
        { index: 0, name: 'wc_line <é>', image: 'app', wasmOffset: 0x1a2f },
        { index: 8, name: '_start', image: 'app', wasmOffset: -1 },
      ],
    });
  });

  it.each([
    ['a name', '#0 \u001b]0;title\u0007 (app)'],
    ['a name, in one byte', '#0 \u009b2J (app)'],
    ['the end', '=== 1 frames, \u001b[2J'],
    ['a line of its own', '\u001b[2J'],
  ])('holds no control characters: %s', (_name, line) => {
    expect(() => parseDump(`${head}${line}\n=== 1 frames, complete\n`)).toThrow(/belongs into no dump/);
  });

  it('ends where the dump does, and is not whole before', () => {
    const dump = `${head}#0 f (app)\n=== 1 frames, not-published\n`;
    expect(wholeAnswer(`${dump}\u001b[2Jmore\n`)).toBe(dump);
    expect(wholeAnswer(dump.slice(0, -1))).toBe(undefined);
  });
});
