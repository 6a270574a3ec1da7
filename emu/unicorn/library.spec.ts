import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** The module anew: it keeps the library it has loaded. */
const freshLibrary = async () => {
  vi.resetModules();
  return import('./library.ts');
};

describe('loadUnicorn', () => {
  const named = process.env.FATHOM_LIBUNICORN;

  beforeEach(() => {
    delete process.env.FATHOM_LIBUNICORN;
  });

  afterEach(() => {
    if (named === undefined) delete process.env.FATHOM_LIBUNICORN;
    else process.env.FATHOM_LIBUNICORN = named;
  });

  it('finds a library of release 2.1 or newer', async () => {
    if (named !== undefined) process.env.FATHOM_LIBUNICORN = named;
    const { loadUnicorn } = await freshLibrary();
    const unicorn = loadUnicorn();
    expect(Number(unicorn.version.split('.')[0])).toBeGreaterThanOrEqual(2);
    expect(unicorn.symbol('uc_emu_start')).toBeGreaterThan(0);
    expect(loadUnicorn()).toBe(unicorn);
  });

  it('says what to do when the one that is named does not exist', async () => {
    process.env.FATHOM_LIBUNICORN = '/nowhere/libunicorn.so.2';
    const { loadUnicorn, UnicornMissingError } = await freshLibrary();
    expect(() => loadUnicorn()).toThrow(UnicornMissingError);
    expect(() => loadUnicorn()).toThrow(/\/nowhere\/libunicorn\.so\.2.*npm run setup.*FATHOM_LIBUNICORN/);
  });

  it('says so when the one that is named is something else', async () => {
    process.env.FATHOM_LIBUNICORN = 'package.json';
    const { loadUnicorn, UnicornMissingError } = await freshLibrary();
    expect(() => loadUnicorn()).toThrow(UnicornMissingError);
  });
});
