import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Assembler } from '../../cli/wast/assemble.ts';
import { parseScript } from '../../cli/wast/parse.ts';
import type { Command } from '../../cli/wast/script.ts';
import { findTestsuite } from '../../cli/wast/testsuite.ts';
import { moduleContext } from '../../test/support/module-context.ts';
import { CompileError } from '../errors.ts';
import { verify } from '../ir/verify.ts';
import type { Module } from '../wasm/module.ts';
import { decodeModule } from '../wasm/reader.ts';
import { validateModule } from '../wasm/validate.ts';
import { buildFunction } from './build.ts';
import { buildInit } from './init.ts';

const suite = findTestsuite();

/** Whole files of features that are not compiled: nothing to learn from them here. */
const foreign =
  /^(simd|i16x8|i32x4|i8x16|relaxed|try_table|throw|tag|return_call|br_on|i31|struct|array|ref_(cast|eq|test|as)|type-|gc)|64\.wast/;

const files =
  suite === undefined ? [] : readdirSync(suite).filter((f) => f.endsWith('.wast') && !foreign.test(f));

/** Everything between bytes and SSA, verified. */
function compile(bytes: Uint8Array): Module {
  const module = decodeModule(bytes);
  validateModule(module);
  for (const target of ['x86_64', 'armv7'] as const) {
    const ctx = moduleContext(module, target);
    for (let index = module.importedFunctions; index < module.functions.length; index++) {
      verify(buildFunction(ctx, index), ctx.target.word);
    }
    verify(buildInit(ctx, { id: -1, name: 'init', kind: 'init', wasmIndex: -1 }), ctx.target.word);
  }
  return module;
}

/** Undefined where the module is accepted. Anything thrown but a CompileError is a fault of ours and goes through. */
function refusal(bytes: Uint8Array): CompileError | undefined {
  try {
    compile(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
}

describe.skipIf(suite === undefined)('the specification suite', () => {
  let assembler: Assembler;
  beforeAll(async () => {
    assembler = await Assembler.load();
  });

  /** The binary of a command's module; undefined where it is text that is no module or that wabt cannot write. */
  function binary(command: Command): { bytes: Uint8Array; valid: boolean } | undefined {
    const valid = command.kind !== 'assert_invalid' && command.kind !== 'assert_malformed';
    const form =
      'module' in command && typeof command.module === 'object'
        ? command.module
        : 'of' in command && 'source' in command.of
          ? command.of
          : undefined;
    if (form === undefined || (form.source.kind === 'quote' && !valid)) return undefined;
    if (form.source.kind === 'binary') return { bytes: form.source.bytes, valid };
    try {
      return { bytes: assembler.assembleStrictly(form.source.text), valid };
    } catch {
      return undefined;
    }
  }

  it.each(files)('%s: accepts and refuses what it should', (file) => {
    const wrong: string[] = [];
    for (const command of parseScript(readFileSync(join(suite ?? '', file), 'utf8'))) {
      const module = binary(command);
      if (module === undefined) continue;
      const error = refusal(module.bytes);
      if (error === undefined && !module.valid) wrong.push(`line ${command.line}: accepted`);
      // A valid module may be beyond what is compiled, or beyond what wabt encodes: then V8 does not take it either.
      if (error === undefined || !module.valid || error.kind === 'unsupported' || error.kind === 'limit')
        continue;
      if (WebAssembly.validate(Uint8Array.from(module.bytes)))
        wrong.push(`line ${command.line}: ${error.message}`);
    }
    expect(wrong).toEqual([]);
  });

  it('agrees with V8 on modules with bytes changed at random', () => {
    const corpus: Uint8Array<ArrayBuffer>[] = [];
    for (const file of files) {
      for (const command of parseScript(readFileSync(join(suite ?? '', file), 'utf8'))) {
        const module = binary(command);
        if (module === undefined || !module.valid || module.bytes.length > 2000) continue;
        const bytes = Uint8Array.from(module.bytes);
        if (bytes.length > 20 && WebAssembly.validate(bytes) && refusal(bytes) === undefined)
          corpus.push(bytes);
      }
    }
    let seed = 20;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    const differences: string[] = [];
    let valid = 0;
    for (let n = 0; n < 8000; n++) {
      const bytes = corpus[random(corpus.length)].slice();
      for (let k = random(3); k >= 0; k--) {
        bytes[8 + random(bytes.length - 8)] = random(2) === 0 ? random(256) : random(0x46);
      }
      const error = refusal(bytes);
      if (error?.kind === 'unsupported' || error?.kind === 'limit') continue;
      const accepted = WebAssembly.validate(bytes);
      if (accepted) valid++;
      // V8 still wants the globals in constant expressions imported.
      if (accepted !== (error === undefined) && !(error === undefined && usesOwnGlobals(bytes))) {
        differences.push(`${error?.message ?? 'accepted'}: ${Buffer.from(bytes).toString('hex')}`);
      }
    }
    expect(differences).toEqual([]);
    expect(valid).toBeGreaterThan(500);
  });
});

function usesOwnGlobals(bytes: Uint8Array): boolean {
  const { globals, elements, data } = decodeModule(bytes);
  const used = [
    ...globals.map((g) => g.init),
    ...elements.flatMap((e) => [e.offset, ...(e.expressions ?? [])]),
    ...data.map((d) => d.offset),
  ];
  return used.some((expr) => expr !== undefined && bytes[expr.start] === 0x23);
}
