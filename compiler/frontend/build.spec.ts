import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { moduleContext } from '../../test/support/module-context.ts';
import { verify } from '../ir/verify.ts';
import { decodeModule } from '../wasm/reader.ts';
import { validateModule } from '../wasm/validate.ts';
import { buildFunction } from './build.ts';
import { buildInit } from './init.ts';

const sqlite = createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm');

describe('buildFunction', () => {
  it.each(['x86_64', 'armv7'] as const)('builds verifiable SSA of all of SQLite for %s', (target) => {
    const module = decodeModule(readFileSync(sqlite));
    validateModule(module);
    const ctx = moduleContext(module, target);
    for (let index = module.importedFunctions; index < module.functions.length; index++) {
      verify(buildFunction(ctx, index), ctx.target.word);
    }
    const symbol = { id: -1, name: 'init', kind: 'init', wasmIndex: -1 } as const;
    const init = buildInit(ctx, symbol);
    verify(init, ctx.target.word);
    expect(init.blocks).toHaveLength(1);
  });
});
