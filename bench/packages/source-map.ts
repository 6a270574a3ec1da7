import { requireWithWebAssembly } from '../../emu/glue.ts';

/** The part of source-map that the workload uses. */
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

/** Runs the workload on an engine that is ready: parses so many mappings. Returns how many there were, and what was found. */
export type SourceMapWorkload = (mappings: number) => Promise<[visited: number, found: object[]]>;

/**
 * source-map (Rust) through its own JavaScript glue, unchanged, on any WebAssembly. The workload parses mappings, looks some up both
 * ways, and walks them all; its result is the same on every engine.
 *
 * @throws Error if the package is not installed
 */
export function openSourceMap(webAssembly: object): SourceMapWorkload {
  const { SourceMapGenerator, SourceMapConsumer } = requireWithWebAssembly(
    'source-map',
    webAssembly,
    import.meta.url,
  ) as SourceMap;
  return (mappings) => {
    const generator = new SourceMapGenerator({ file: 'out.js' });
    for (let i = 0; i < mappings; i++)
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
  };
}
