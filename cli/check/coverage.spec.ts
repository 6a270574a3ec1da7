import { expect, it } from 'vitest';
import { rateBesideAim, shortfalls, stageShortfall } from './coverage.ts';
import type { ReaderName, UnitResult } from './unit.ts';

const unit = (module: string, through: ReaderName, interrupts: number, skipped?: string): UnitResult => ({
  module,
  target: 'armv7',
  scheme: 'unwind',
  order: 'relaxed',
  level: 2,
  through,
  interrupts,
  due: interrupts,
  seconds: 1,
  startup: 0,
  skipped,
  difference: undefined,
});

it('wants interrupts of every stage', () => {
  const skipped = unit('a', 'handler', 0, 'is no command');
  expect(stageShortfall('kernels', [skipped, skipped])).toBe('kernels: all was skipped: is no command');
  expect(stageShortfall('kernels', [skipped, unit('b', 'handler', 0)])).toBe(
    'kernels: nothing was interrupted',
  );
  expect(stageShortfall('kernels', [skipped, unit('b', 'handler', 1)])).toBeUndefined();
});

it('wants interrupts by either reader, and modules, of which one counts once', () => {
  const units = [unit('a', 'host', 100), unit('a', 'handler', 10), unit('b', 'host', 100)];
  expect(shortfalls(units, { interrupts: { host: 200, handler: 10 }, modules: 2 })).toEqual([]);
  expect(shortfalls(units, { interrupts: { host: 201, handler: 11 }, modules: 3 })).toEqual([
    '200 interrupts by the host, of 201 asked for',
    '10 interrupts by the handler, of 11 asked for',
    '2 modules, of 3 asked for',
  ]);
});

it('puts rates beside what they aim at', () => {
  expect(rateBesideAim('host', { interrupts: 3e6, seconds: 2 })).toBe('host: 1.500 M/s, aim 1 M/s');
  expect(rateBesideAim('handler', { interrupts: 99_000, seconds: 1 })).toBe(
    'handler: 0.099 M/s, aim 0.1 M/s, MISSED',
  );
});
