import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { disassemble, type FunctionListing } from '../../cli/listing.ts';
import { compile } from '../../compiler/index.ts';
import { printFunction } from '../../compiler/ir/print.ts';
import type { Target } from '../../compiler/target.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';

/**
 * Golden tests (as Cranelift's filetests): each `.wat` here carries, in comments under its source, the SSA form and the
 * machine code that its functions become at -O1, where calls stay calls, or at -O2 in those whose name says so.
 * `npm run test:update` rewrites them; the review reads the difference.
 */
const marker = ';; ==== what it becomes; rewritten by `npm run test:update`';
const update = process.env.FATHOM_UPDATE === '1';
const toolkit = await wabt();

async function expectation(name: string, source: string, target: Target): Promise<string> {
  const parsed = toolkit.parseWat(name, source);
  const { buffer } = parsed.toBinary({ write_debug_names: true });
  parsed.destroy();
  const ir = new Map<number, string>();
  const image = compile(buffer, {
    target,
    level: name.startsWith('o2-') ? 2 : 1,
    scheme: 'atomic',
    order: 'relaxed',
    observe: {
      afterPass(_, func) {
        if (func.symbol.kind === 'wasm') ir.set(func.symbol.id, printFunction(func));
      },
    },
  });
  const listings = await disassemble(image, ({ kind }) => kind === 'wasm');
  const assembly = listings.map(formatFunction).join('\n');
  return `---- ${target.name}: SSA\n${[...ir.values()].join('\n')}\n---- ${target.name}: machine code\n${assembly}`;
}

function formatFunction({ function: f, rows }: FunctionListing): string {
  const lines = rows.map(({ offset, text, publishes, trap, inlined, operator }) => {
    const notes = [
      inlined.length === 0 ? '' : `${inlined.join(' > ')}: ${operator}`,
      publishes ? 'publishes' : '',
      trap === '' ? '' : `traps: ${trap}`,
    ].filter((n) => n !== '');
    const line = `${offset.toString(16).padStart(5)}  ${text}`;
    return notes.length > 0 ? `${line.padEnd(48)} ; ${notes.join(', ')}` : line;
  });
  return `${f.name}: ${f.size} bytes, frame ${f.frameBytes}\n${lines.join('\n')}\n`;
}

const comment = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `;; ${line}`.trimEnd())
    .join('\n');

describe('golden tests', () => {
  const folder = new URL('.', import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith('.wat'));
  it.each(names)('%s', async (name) => {
    const file = new URL(name, folder);
    const text = readFileSync(file, 'utf8');
    const [source] = text.split(marker);
    const parts: string[] = [];
    for (const target of [x86_64, armv7]) parts.push(comment(await expectation(name, source, target)));
    const expected = `${source.trimEnd()}\n\n${marker}\n${parts.join('\n;;\n')}\n`;
    if (update && expected !== text) writeFileSync(file, expected);
    else expect(text).toBe(expected);
  });
});
