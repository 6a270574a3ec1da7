import { describe, expect, it } from 'vitest';
import { envHeader, layoutHash } from '../abi.ts';
import { atomic, atomicWord } from './atomic.ts';
import { abiDifference, stackAbi } from './compatibility.ts';
import { schemes } from './index.ts';
import { schemeNames } from './scheme.ts';

describe.each([4, 8] as const)('words of %i bytes', (word) => {
  it('an atomic top has the size and alignment of the plain one, and its place', () => {
    const { top, thread, layoutHash: before } = envHeader(word, 1);
    expect(atomicWord[word]).toEqual({ bytes: word, align: word });
    expect([top, thread]).toEqual([before + 4, top + atomicWord[word].bytes]);
    expect(top % atomicWord[word].align).toBe(0);
    expect(atomic(word)).toMatchObject({ abi: 1, top: { kind: 'env', offset: top } });
  });

  it('a field of its own lies behind all that version 1 has, which keeps its place', () => {
    const [old, later] = [envHeader(word, 1), envHeader(word, 2)];
    expect(later.top).toBe(old.hostData + word);
    expect(later.top + word).toBeLessThanOrEqual(later.size);
    expect({ ...later, top: old.top, size: old.size }).toEqual(old);
    expect(schemes.field(word)).toMatchObject({ abi: 2, top: { kind: 'env', offset: later.top } });
  });

  it('every scheme goes by its own name, and only a new version has a new layout', () => {
    for (const name of schemeNames) {
      const { abiVersion, layoutHash: hash } = stackAbi(name, word, 'relaxed');
      expect(schemes[name](word).name).toBe(name);
      expect(hash === layoutHash(word, 1)).toBe(abiVersion === 1);
    }
  });
});

it('the layout of version 1 never changes', () => {
  expect([layoutHash(4, 1), layoutHash(8, 1)]).toEqual([0xcebb6050, 0xca9fd15f]);
});

it('differences are said in words', () => {
  const own = stackAbi('atomic', 8, 'release');
  expect(abiDifference(own, own)).toBeNull();
  expect(abiDifference({ ...own, order: 'seq_cst' }, own)).toBeNull();
  expect(abiDifference({ ...own, order: 'relaxed' }, own)).toBe(
    'order relaxed, which is weaker than release',
  );
  expect(abiDifference({ ...own, abiVersion: 3, scheme: 'none' }, own)).toBe(
    'ABI version 3 instead of 1, scheme none instead of atomic',
  );
  expect(abiDifference({ ...own, layoutHash: 0xab }, own)).toMatch(
    /^exec env layout 0x000000ab instead of 0x[0-9a-f]{8}$/,
  );
});
