import { ImageError } from '../errors.ts';
import { type FunctionKind, mostInlinedBodies } from '../ir/function.ts';
import { trapMessages } from '../ir/types.ts';
import type { Image, StackMap } from './image.ts';
import { inlinedRow } from './inlined.ts';

/**
 * Checks that an image from outside is put together as the linker does it, so that loaders and readers may rely on it:
 * functions in place and of the kind that their symbols say, tables in order, relocations where they belong.
 * What the machine code does is not judged: it runs on an emulated core, which is its sandbox.
 * @throws ImageError naming what is wrong
 */
export function checkImage(image: Image): void {
  if (image.constantsOffset > image.code.length)
    throw new ImageError('the constants lie outside the code section');
  checkFunctions(image);
  checkSymbols(image);
  checkRelocations(image);
  checkMap(image.map, image.code.length);
  checkInlined(image);
}

/** Records lie in their frames, below the return address: so readers that go from record to record come to an end. */
function checkFunctions({ functions, constantsOffset, target }: Image): void {
  const word = target === 'x86_64' ? 8 : 4;
  let end = 0;
  functions.forEach((f, id) => {
    if (f.id !== id || f.offset < end || f.offset + f.size > constantsOffset)
      throw new ImageError(`function ${id} is out of place`);
    end = f.offset + f.size;
    if (f.recordOffset < -1 || (f.recordOffset >= 0 && f.recordOffset + 2 * word > f.frameBytes))
      throw new ImageError(`the record of function ${id} lies outside of its frame`);
  });
}

function checkSymbols({ functions, symbols, module }: Image): void {
  const expectKind = (id: number, kind: FunctionKind, what: string): void => {
    if (functions[id]?.kind !== kind) throw new ImageError(`${what} is no ${kind} of the image`);
  };
  expectKind(symbols.init, 'init', 'the init function');
  expectKind(symbols.initEntry, 'entry-adapter', "the init function's entry");
  if (symbols.service !== -1) expectKind(symbols.service, 'cross-adapter', 'the service adapter');
  module.functions.forEach(({ typeIndex }, index) => {
    const id = symbols.wasm[index];
    const imported = index < module.importedFunctions;
    if (imported !== (id === -1))
      throw new ImageError(`function ${index} of the module has no place in the image`);
    if (!imported) {
      expectKind(id, 'wasm', `function ${index} of the module`);
      if (functions[id].wasmIndex !== index)
        throw new ImageError(`function ${index} of the module is another in the image`);
    }
    if (!imported && !module.escaping.has(index)) return;
    expectKind(symbols.entry[typeIndex], 'entry-adapter', `the entry of type ${typeIndex}`);
    expectKind(symbols.cross[typeIndex], 'cross-adapter', `the cross adapter of type ${typeIndex}`);
    expectKind(symbols.host[typeIndex], 'host-adapter', `the host adapter of type ${typeIndex}`);
  });
}

/** Instruction bits of `movw` and `movt` without condition, register and immediate (Arm ARM DDI 0406C, A8.8.102 and A8.8.106). */
const patched = { 'arm-movw': 0x03000000, 'arm-movt': 0x03400000 } as const;

function checkRelocations({ relocations, code, constantsOffset, target }: Image): void {
  if (target !== 'armv7' && relocations.length > 0)
    throw new ImageError(`${target} images have no relocations`);
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  for (const { offset, kind, addend } of relocations) {
    if (offset % 4 !== 0 || offset + 4 > constantsOffset || addend > code.length)
      throw new ImageError('a relocation is out of range');
    if ((view.getUint32(offset, true) & 0x0ff00000) !== patched[kind])
      throw new ImageError(`the relocation at 0x${offset.toString(16)} is of no ${kind.slice(4)}`);
  }
}

/** Parallel arrays of equal length, whose code offsets ascend and stay within the code. */
function checkMap(map: StackMap, codeBytes: number): void {
  const tables: readonly (readonly [string, Uint32Array, readonly { readonly length: number }[]])[] = [
    ['positions', map.positionAt, [map.position]],
    ['frames', map.frameAt, [map.cfa, map.returnAddress, map.published]],
    ['traps', map.trapAt, [map.trap]],
    ['publications', map.publicationAt, []],
  ];
  for (const [name, at, columns] of tables) {
    if (columns.some((column) => column.length !== at.length))
      throw new ImageError(`the table of ${name} is torn`);
    for (let i = 0; i < at.length; i++)
      if (at[i] > codeBytes || (i > 0 && at[i] < at[i - 1]))
        throw new ImageError(`the table of ${name} is out of order`);
  }
  if (map.trap.some((kind) => kind >= trapMessages.length))
    throw new ImageError('a trap is of no known kind');
}

/** Inlined bodies are of the module's functions, and each lies in code of those before it, no deeper than the inliner puts them. */
function checkInlined({ map, module }: Image): void {
  const { base, wasmIndex, bodyStart, call } = map.inlined;
  if ([wasmIndex, bodyStart, call].some((column) => column.length !== base.length))
    throw new ImageError('the table of inlined calls is torn');
  const depth = new Uint8Array(base.length);
  for (let i = 0; i < base.length; i++) {
    if (base[i] < module.bytes.length || (i > 0 && base[i] <= base[i - 1]))
      throw new ImageError('the table of inlined calls is out of order');
    const callee = module.functions[wasmIndex[i]];
    if (callee === undefined || wasmIndex[i] < module.importedFunctions || callee.bodyStart !== bodyStart[i])
      throw new ImageError(`inlined call ${i} is of no function of the module`);
    if (call[i] < -1 || call[i] >= base[i]) throw new ImageError(`inlined call ${i} lies in itself`);
    const outer = inlinedRow(map.inlined, call[i]);
    depth[i] = outer < 0 ? 1 : depth[outer] + 1;
    if (depth[i] > mostInlinedBodies) throw new ImageError(`inlined call ${i} is too deep`);
  }
}
