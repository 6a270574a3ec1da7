import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeOutput } from './common.ts';

describe('the output of a command', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fathom-output-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('takes the place of the file of before, with its own mode', () => {
    writeFileSync(at('out'), 'before');
    writeOutput(at('out'), 'after', 0o700);
    expect(readFileSync(at('out'), 'utf8')).toBe('after');
    expect(lstatSync(at('out')).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('is written to what is no file, and does not replace it', () => {
    symlinkSync('/dev/null', at('out'));
    writeOutput(at('out'), 'after');
    expect(lstatSync(at('out')).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('goes through no link that somebody has put under the temporary name', () => {
    writeFileSync(at('other'), 'before');
    symlinkSync('other', at(`out.${process.pid}.tmp`));
    writeOutput(at('out'), 'after');
    expect(readFileSync(at('other'), 'utf8')).toBe('before');
    expect(lstatSync(at('out')).isFile()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['other', 'out']);
  });
});
