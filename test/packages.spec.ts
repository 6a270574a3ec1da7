import { describe, expect, it } from 'vitest';
import { openSqlite } from '../cli/workloads/sqlite.ts';
import { requireWithWebAssembly } from '../emu/glue.ts';
import { createWebAssembly } from '../emu/webassembly.ts';

/** Real programs from npm, driven by their own unchanged glue, on emulated cores; V8 says what is right. */
const targets = ['x86_64', 'armv7'] as const;

interface SourceMap {
  SourceMapGenerator: new (options: {
    file: string;
  }) => {
    addMapping(mapping: { generated: Position; original: Position; source: string; name?: string }): void;
    toString(): string;
  };
  SourceMapConsumer: {
    with<T>(map: string, url: null, use: (consumer: Consumer) => T): Promise<T>;
  };
}
interface Position {
  line: number;
  column: number;
}
interface Consumer {
  originalPositionFor(at: Position): object;
  generatedPositionFor(at: Position & { source: string }): object;
  eachMapping(visit: (mapping: object) => void): void;
}

/** Rust: parses 3,000 mappings, looks some up both ways, and walks them all. */
async function sourceMapWorkload(webAssembly: object): Promise<unknown> {
  const { SourceMapGenerator, SourceMapConsumer } = requireWithWebAssembly(
    'source-map',
    webAssembly,
    import.meta.url,
  ) as SourceMap;
  const generator = new SourceMapGenerator({ file: 'out.js' });
  for (let i = 0; i < 3000; i++)
    generator.addMapping({
      generated: { line: 1 + (i >> 4), column: (i & 15) * 7 },
      original: { line: 1 + ((i * 31) % 997), column: (i * 17) % 83 },
      source: `source${i % 5}.ts`,
      ...(i % 3 === 0 ? { name: `name${i % 41}` } : {}),
    });
  return SourceMapConsumer.with(generator.toString(), null, (consumer) => {
    const found: object[] = [];
    for (let line = 1; line < 190; line += 9)
      for (let column = 0; column < 110; column += 13)
        found.push(consumer.originalPositionFor({ line, column }));
    for (let i = 0; i < 100; i++)
      found.push(
        consumer.generatedPositionFor({ source: `source${i % 5}.ts`, line: 1 + i * 9, column: i % 83 }),
      );
    let visited = 0;
    consumer.eachMapping(() => visited++);
    return [visited, found];
  });
}

describe.each(targets)('on an emulated %s core', (target) => {
  it('SQLite (C, sql.js) creates, joins and sorts 10,000 rows as on V8', async () => {
    const here = await openSqlite(createWebAssembly({ target }));
    const v8 = await openSqlite(WebAssembly);
    expect(here(10_000)).toEqual(v8(10_000));
  });

  it('source-map (Rust) parses and looks up as on V8', async () => {
    expect(await sourceMapWorkload(createWebAssembly({ target }))).toEqual(
      await sourceMapWorkload(WebAssembly),
    );
  });
});
