import { describe, expect, it } from 'vitest';
import { openSourceMap } from '../bench/packages/source-map.ts';
import { openSqlite } from '../bench/packages/sqlite.ts';
import { createWebAssembly } from '../emu/webassembly.ts';

/** Real programs from npm, driven by their own unchanged glue, on emulated cores; V8 says what is right. */
const targets = ['x86_64', 'armv7'] as const;

describe.each(targets)('on an emulated %s core', (target) => {
  it('SQLite (C, sql.js) creates, joins and sorts 10,000 rows as on V8', async () => {
    const here = await openSqlite(createWebAssembly({ target }));
    const v8 = await openSqlite(WebAssembly);
    expect(here(10_000)).toEqual(v8(10_000));
  });

  it('source-map (Rust) parses and looks up as on V8', async () => {
    const here = openSourceMap(createWebAssembly({ target }));
    const v8 = openSourceMap(WebAssembly);
    expect(await here(3000)).toEqual(await v8(3000));
  });
});
