import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { programInfoFields } from '../compiler/image/program-info.ts';
import { decodeModule } from '../compiler/wasm/reader.ts';
import { assembleRuntime } from './assemble.ts';
import { runtimeModules } from './index.ts';

const parts = ['wasi', 'handler'] as const;
const generated = (part: string) => new URL(`./${part}.generated.ts`, import.meta.url);

/** What `<part>.generated.ts` has to be. `FATHOM_UPDATE=1 npx vitest run runtime` writes it. */
function generate(part: 'wasi' | 'handler'): string {
  const lines =
    Buffer.from(assembleRuntime(part))
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  return `/** runtime/assembly/${part}.ts as wasm, in base64. Generated: see runtime.spec.ts. */
export const ${part}Binary =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}

if (process.env.FATHOM_UPDATE === '1')
  for (const part of parts) writeFileSync(generated(part), generate(part));

test.each(parts)('%s is what asc makes of its source', (part) => {
  expect(readFileSync(generated(part), 'utf8')).toBe(generate(part));
});

test('both sides name the fields of the program info in the same order', () => {
  const source = readFileSync(new URL('./assembly/program-info.ts', import.meta.url), 'utf8');
  const names = /enum Info \{([^}]*)\}/.exec(source)?.[1].match(/\w+/g);
  expect(names).toEqual([...programInfoFields]);
});

test.each(parts)('%s imports intrinsics only, and its memory has a fixed size', (part) => {
  const { imports, memories } = decodeModule(runtimeModules()[part]);
  expect(new Set(imports.map(({ module }) => module))).toEqual(new Set(['fathom']));
  expect(memories).toHaveLength(1);
  expect(memories[0].maximum).toBe(memories[0].minimum);
});
