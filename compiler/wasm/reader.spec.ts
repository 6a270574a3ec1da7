import { describe, expect, it } from 'vitest';
import { CompileError } from '../errors.ts';
import { functionName } from './module.ts';
import { decodeModule } from './reader.ts';
import { validateModule } from './validate.ts';

const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const text = (name: string): number[] => [name.length, ...new TextEncoder().encode(name)];
const section = (id: number, ...content: number[]): number[] => [id, content.length, ...content];
const module = (...sections: number[][]): Uint8Array => Uint8Array.from([...header, ...sections.flat()]);

function refusal(bytes: Uint8Array): CompileError {
  try {
    validateModule(decodeModule(bytes));
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error('accepted');
}

/** Functions, type 0 is [] -> []. */
const oneType = section(1, 1, 0x60, 0, 0);
const twoFunctions = section(3, 2, 0, 0);
const twoBodies = section(10, 2, 2, 0, 0x0b, 2, 0, 0x0b);

describe('decodeModule', () => {
  it('resolves index spaces, imports first', () => {
    const bytes = module(
      oneType,
      section(2, 2, ...text('m'), ...text('f'), 0, 0, ...text('m'), ...text('g'), 3, 0x7f, 1),
      twoFunctions,
      section(4, 1, 0x70, 1, 2, 5),
      section(5, 1, 0, 1),
      section(6, 1, 0x7e, 0, 0x42, 0x2a, 0x0b),
      section(7, 1, ...text('e'), 0, 2),
      section(9, 1, 0, 0x41, 0, 0x0b, 1, 1),
      twoBodies,
      section(11, 1, 0, 0x41, 8, 0x0b, 2, 1, 2),
    );
    const decoded = decodeModule(bytes);
    validateModule(decoded);
    expect(decoded.importedFunctions).toBe(1);
    expect(decoded.importedGlobals).toBe(1);
    expect(decoded.functions).toHaveLength(3);
    expect(decoded.functions[0]).toEqual({ typeIndex: 0, bodyStart: 0, bodyEnd: 0 });
    expect(decoded.globals.map((g) => g.type)).toEqual(['i32', 'i64']);
    expect(decoded.tables).toEqual([{ element: 'funcref', minimum: 2, maximum: 5 }]);
    expect(decoded.memories).toEqual([{ minimum: 1, maximum: undefined, shared: false }]);
    expect([...decoded.escaping].sort()).toEqual([1, 2]);
    const { start, end } = decoded.data[0];
    expect([...bytes.subarray(start, end)]).toEqual([1, 2]);
    expect([0, 1, 2].map((k) => functionName(decoded, k))).toEqual(['m.f', 'func[1]', 'e']);
  });

  it('takes names from the name section and ignores what is malformed of it', () => {
    const names = section(
      0,
      ...text('name'),
      0,
      2,
      ...text('M'),
      1,
      9,
      2,
      0,
      ...text('aa'),
      1,
      1,
      0xff,
      0,
      0,
    );
    const decoded = decodeModule(module(oneType, twoFunctions, twoBodies, names));
    expect(decoded.names.module).toBe('M');
    expect([...decoded.names.functions]).toEqual([[0, 'aa']]);
    expect(decoded.customSections.map((s) => s.name)).toEqual(['name']);
  });

  it.each([
    ['a truncated header', Uint8Array.from([0, 0x61]), 'unexpected end'],
    ['another format', Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), 'magic header not detected'],
    ['another version', Uint8Array.from([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]), 'unknown binary version'],
    ['a section twice', module(oneType, oneType), 'unexpected content after last section'],
    ['an unknown section', module(section(14, 0)), 'malformed section id'],
    ['a section too long', module([1, 9, 0]), 'length out of bounds'],
    ['a section with a rest', module(section(1, 0, 0)), 'section size mismatch'],
    ['functions without code', module(oneType, twoFunctions), 'inconsistent lengths'],
    ['a huge count', module([1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'unexpected end'],
    ['an unterminated initialiser', module(section(6, 1, 0x7f, 0, 0x41, 0)), 'unexpected end'],
    ['bad limits', module(section(5, 1, 9, 0)), 'malformed limits flags'],
    ['bad mutability', module(section(6, 1, 0x7f, 4, 0x41, 0, 0x0b)), 'malformed mutability'],
    ['a bad opcode in an initialiser', module(section(6, 1, 0x7f, 0, 0xff, 0x0b)), 'illegal opcode ff'],
  ])('refuses %s', (_, bytes, message) => {
    const error = refusal(bytes);
    expect(error.message).toContain(message);
    expect(error.kind).toBe('malformed');
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
  });

  it.each([
    ['simd', module(section(1, 1, 0x60, 1, 0x7b, 0))],
    ['gc', module(section(1, 1, 0x5f, 0))],
    ['typed function references', module(section(1, 1, 0x60, 1, 0x64, 0x70, 0))],
    ['exceptions', module(section(13, 0))],
    ['threads', module(section(5, 1, 3, 1, 1))],
    ['memory64', module(section(5, 1, 4, 1))],
    ['multi-memory', module(section(5, 2, 0, 1, 0, 1))],
    ['the component model', Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])],
  ])('names %s as not compiled', (feature, bytes) => {
    expect(refusal(bytes)).toMatchObject({ kind: 'unsupported' });
    expect(refusal(bytes).message).toContain(`uses ${feature}, which Fathom does not compile yet`);
  });
});

describe('validateModule', () => {
  it.each([
    ['unknown type', module(oneType, section(3, 1, 1), section(10, 1, 2, 0, 0x0b))],
    ['unknown function', module(section(7, 1, ...text('f'), 0, 0))],
    [
      'duplicate export name',
      module(oneType, twoFunctions, section(7, 2, ...text('f'), 0, 0, ...text('f'), 0, 1), twoBodies),
    ],
    ['unknown global', module(section(6, 1, 0x7f, 0, 0x23, 0, 0x0b))],
    ['constant expression required', module(section(6, 1, 0x7f, 0, 0x41, 0, 0x45, 0x0b))],
    ['type mismatch', module(section(6, 1, 0x7f, 0, 0x42, 0, 0x0b))],
    ['type mismatch', module(section(6, 1, 0x7f, 0, 0x0b))],
    ['unknown memory', module(section(11, 1, 0, 0x41, 0, 0x0b, 0))],
    ['unknown table', module(section(9, 1, 0, 0x41, 0, 0x0b, 0))],
    ['memory size must be at most 65536 pages', module(section(5, 1, 0, 0x81, 0x80, 0x04))],
    ['size minimum must not be greater than maximum', module(section(5, 1, 1, 2, 1))],
    [
      'start function',
      module(section(1, 1, 0x60, 1, 0x7f, 0), section(3, 1, 0), section(8, 0), section(10, 1, 2, 0, 0x0b)),
    ],
  ])('says %s', (message, bytes) => {
    expect(refusal(bytes)).toMatchObject({ kind: 'invalid' });
    expect(refusal(bytes).message).toContain(message);
  });

  it('allows extended constant expressions and earlier globals in them', () => {
    const own = [0x7f, 0, 0x41, 3, 0x0b];
    const sum = [0x7f, 0, 0x23, 0, 0x41, 4, 0x6c, 0x41, 1, 0x6a, 0x0b];
    expect(() => validateModule(decodeModule(module(section(6, 2, ...own, ...sum))))).not.toThrow();
  });
});
