import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { activationWords, envHeader, stackGuardBytes, tailDistance } from '../compiler/abi.ts';
import { imageRecordFields } from '../compiler/image/program-info.ts';
import { trapMessages } from '../compiler/ir/types.ts';
import { sampledFrames } from '../emu/check/handler-check.ts';
import { readFailures } from '../emu/stack/reader.ts';

/** What the signal handler says and knows is what the compiler and the emulator do: both sides write it down. */

const source = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/** The strings of a list in a source file. */
function strings(text: string, list: RegExp): string[] {
  const [, body = ''] = list.exec(text) ?? [];
  return [...body.matchAll(/'([^']*)'/g)].map(([, word]) => word);
}

/** The number of a constant in a source file. */
function constant(text: string, name: string): number {
  return Number(new RegExp(`const ${name}: u(?:32|64) = (\\d+);`).exec(text)?.[1]);
}

test('traps have the same words', () => {
  const words = strings(source('./assembly/trap.ts'), /const words[^=]*= \[([^\]]*)\]/);
  expect(words).toEqual([...trapMessages]);
});

test('readings end for the same reasons', () => {
  const names = strings(source('./assembly/failure.ts'), /const names[^=]*= \[([^\]]*)\]/);
  expect(names).toEqual(['complete', ...readFailures]);
});

test('samples keep as many frames as the check expects', () => {
  expect(constant(source('./assembly/profile.ts'), 'mostFrames')).toBe(sampledFrames);
});

test('image records have their fields at the same places', () => {
  const [, body = ''] = /enum ImageField \{([^}]*)\}/.exec(source('./assembly/images.ts')) ?? [];
  const fields = [...body.matchAll(/(\w+) = (\d+)/g)].map(([, name, at]) => [name, Number(at)]);
  expect(fields).toEqual(imageRecordFields.map((name, k) => [name, 8 * k]));
  expect(constant(source('./assembly/images.ts'), 'recordBytes')).toBe(8 * imageRecordFields.length);
});

test('the exec env and activation records have their words at the same places', () => {
  const reader = source('./assembly/reader.ts');
  for (const word of [4, 8] as const) {
    const top = constant(reader, 'topOffset');
    expect(top).toBe(envHeader(word, 1).top);
    expect(top + constant(reader, 'fieldWords') * word).toBe(envHeader(word, 2).top);
    expect(constant(reader, 'tailGuard') + word).toBe(tailDistance(word));
  }
  expect(constant(reader, 'tailGuard')).toBe(stackGuardBytes);
  expect(constant(reader, 'activationEnv')).toBe(activationWords.env);
  expect(constant(reader, 'activationCaller')).toBe(activationWords.callerEnv);
  expect(constant(reader, 'activationWords')).toBe(activationWords.count);
});
