import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScript } from './parse.ts';
import { parseSExpressions, WastSyntaxError } from './sexpr.ts';
import { findTestsuite } from './testsuite.ts';
import { doubleBits, floatBits, integerBits, singleBits } from './values.ts';

describe('number literals', () => {
  it('reads integers of every sign and base', () => {
    expect(integerBits('-1', 32)).toBe(0xffff_ffffn);
    expect(integerBits('0x8000_0000', 32)).toBe(0x8000_0000n);
    expect(integerBits('+7', 8)).toBe(7n);
    expect(() => integerBits('1_', 32)).toThrow(SyntaxError);
  });

  it('rounds decimals and hexadecimals once', () => {
    expect(floatBits('1.00000017881393432617187499', 32)).toBe(0x3f800001n);
    expect(floatBits('1.00000017881393432617187500', 32)).toBe(0x3f800002n);
    expect(floatBits('0x1.000001p+0', 32)).toBe(0x3f800000n);
    expect(floatBits('0x1.0000010000001p+0', 32)).toBe(0x3f800001n);
    expect(floatBits('0x1p-149', 32)).toBe(1n);
    expect(floatBits('0x1p-150', 32)).toBe(0n);
    expect(floatBits('0x1.8p-150', 32)).toBe(1n);
    expect(floatBits('0x1p-1074', 64)).toBe(1n);
    expect(floatBits('340282356779733661637539395458142568448', 32)).toBe(0x7f800000n);
    expect(floatBits('-nan:0x200000', 32)).toBe(0xffa00000n);
  });

  it('agrees with JavaScript on ordinary numbers', () => {
    for (const text of ['0', '0.1', '3.14159', '1e10', '6.02e-23', '123456789.125', '1e38']) {
      expect(floatBits(text, 64)).toBe(doubleBits(Number(text)));
      expect(floatBits(text, 32)).toBe(singleBits(Number(text)));
    }
  });
});

describe('s-expressions', () => {
  it('keeps positions, nested comments and byte strings', () => {
    const [form] = parseSExpressions('(; a (; b ;) ;)\n;; c\n(x "\\00\\ff\\u{e9}\\n" (@note junk,;) $y)');
    expect(form.line).toBe(3);
    expect(form.kind === 'list' && form.items.length).toBe(3);
    const string = form.kind === 'list' ? form.items[1] : undefined;
    expect(string?.kind === 'string' && [...string.bytes]).toEqual([0, 255, 0xc3, 0xa9, 10]);
  });

  it('names the line of what is not closed', () => {
    expect(() => parseSExpressions('()\n(a')).toThrow(new WastSyntaxError('unclosed (', 2));
    expect(() => parseSExpressions(')')).toThrow(WastSyntaxError);
    expect(() => parseSExpressions('"abc')).toThrow(WastSyntaxError);
  });
});

describe('scripts', () => {
  it('reads the forms of module commands', () => {
    const [binary, quote, definition, instance] = parseScript(
      `(module $A binary "\\00asm" "\\01\\00")
       (assert_malformed (module quote "(func)" "(oops") "unexpected")
       (module definition $M (func))
       (module instance $I $M)`,
    );
    expect(binary).toMatchObject({ kind: 'module', module: { name: '$A', source: { kind: 'binary' } } });
    expect(quote).toMatchObject({ module: { source: { kind: 'quote', text: '(module (func)(oops\n)' } } });
    expect(definition).toMatchObject({
      kind: 'definition',
      module: { source: { text: '(module  $M (func))' } },
    });
    expect(instance).toMatchObject({ kind: 'instance', name: '$I', module: '$M' });
  });

  it('reads results', () => {
    const [command] = parseScript(
      `(assert_return (invoke $M "f" (i32.const -1) (ref.extern 3) (v128.const i16x8 1 2 3 4 5 6 7 8))
         (f32.const nan:canonical) (v128.const f64x2 nan:arithmetic 1) (ref.func) (ref.null extern)
         (either (i32.const 1) (i32.const 2)))`,
    );
    expect(command).toMatchObject({
      kind: 'assert_return',
      action: { instance: '$M', name: 'f', args: [{ bits: 0xffff_ffffn }, { kind: 'extern', value: 3 }, {}] },
      expected: [
        { kind: 'number', bits: 'canonical' },
        { kind: 'v128', shape: 'f64x2', lanes: ['arithmetic', 0x3ff0000000000000n] },
        { kind: 'ref', heap: 'func' },
        { kind: 'null', heap: 'extern' },
        { kind: 'either', of: [{ bits: 1n }, { bits: 2n }] },
      ],
    });
  });

  const suite = findTestsuite();
  const unless = suite === undefined ? ', not run: no suite was found (WASM_TESTSUITE says where it is)' : '';
  it.skipIf(suite === undefined)(`parses every file of the specification suite${unless}`, () => {
    const folder = suite ?? '';
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) =>
      f.endsWith('.wast'),
    );
    let commands = 0;
    for (const file of files) commands += parseScript(readFileSync(join(folder, file), 'utf8')).length;
    expect(files.length).toBeGreaterThan(200);
    expect(commands).toBeGreaterThan(50_000);
  });
});
