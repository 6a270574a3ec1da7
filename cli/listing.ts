import type { Image, ImageFunction } from '../compiler/image/image.ts';
import { logicalFrames } from '../compiler/image/inlined.ts';
import { floorIndex } from '../compiler/image/lookup.ts';
import { trapMessages } from '../compiler/ir/types.ts';
import { operatorAt } from '../compiler/wasm/opcodes.ts';
import { createDisassembler } from '../emu/capstone.ts';
import { shown } from './shown.ts';

/** One machine instruction with what the image knows of it. */
export interface ListingRow {
  /** Byte offset in the image's code. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** As Capstone prints them: Intel syntax, UAL. */
  readonly mnemonic: string;
  readonly operands: string;
  /** Both. */
  readonly text: string;
  /** Byte offset of the wasm operator it comes from, or -1. */
  readonly wasmOffset: number;
  /** That operator's name, or ''. */
  readonly operator: string;
  /** Byte offset of the operator of the function itself: where a body was inlined, of the call that it stands for; or -1. */
  readonly ownOffset: number;
  /** Names of the functions whose inlined bodies the instruction is in, the outermost first; none in the function's own. */
  readonly inlined: readonly string[];
  /** It stores `top`. */
  readonly publishes: boolean;
  /** What a fault of it means, or ''. */
  readonly trap: string;
}

export interface FunctionListing {
  readonly function: ImageFunction;
  readonly rows: readonly ListingRow[];
}

/** Disassembles the functions of an image that `only` accepts, annotated from its tables. */
export async function disassemble(
  image: Image,
  only: (f: ImageFunction) => boolean = () => true,
): Promise<FunctionListing[]> {
  const lister = await createLister(image);
  return image.functions
    .filter((candidate) => candidate.size > 0 && only(candidate))
    .map((f) => ({ function: f, rows: lister(f) }));
}

/** Makes a function that disassembles functions of an image, annotated from its tables; `bytes` of them, or all. */
export async function createLister(
  image: Image,
): Promise<(f: ImageFunction, bytes?: number) => ListingRow[]> {
  const disassembler = await createDisassembler(image.target);
  const { map } = image;
  const publications = new Set(map.publicationAt);
  const traps = new Map(Array.from(map.trapAt, (at, i) => [at, trapMessages[map.trap[i]] ?? 'unknown trap']));
  return (f, bytes = f.size) => {
    let row = floorIndex(map.positionAt, f.offset);
    const code = image.code.subarray(f.offset, f.offset + bytes);
    return disassembler.disassemble(code, f.offset).map((instruction): ListingRow => {
      const offset = instruction.address;
      while (row + 1 < map.positionAt.length && map.positionAt[row + 1] <= offset) row++;
      // Only the module's own functions come from the module's bytes: positions of helpers are in theirs.
      const position =
        f.kind === 'wasm' && row >= 0 && map.positionAt[row] >= f.offset ? map.position[row] : -1;
      const frames = logicalFrames(image, f, position);
      const [{ wasmOffset }] = frames;
      return {
        offset,
        bytes: image.code.subarray(offset, offset + instruction.size),
        mnemonic: instruction.mnemonic,
        operands: instruction.operands,
        text: `${instruction.mnemonic} ${instruction.operands}`.trimEnd(),
        wasmOffset,
        operator: wasmOffset >= 0 ? operatorAt(image.module.bytes, wasmOffset) : '',
        ownOffset: frames[frames.length - 1].wasmOffset,
        inlined: frames
          .slice(0, -1)
          .map(({ symbol }) => symbol.name)
          .reverse(),
        publishes: publications.has(offset),
        trap: traps.get(offset) ?? '',
      };
    });
  };
}

/** The listing as text: one line an instruction, the wasm operator named where it changes, with the inlined functions that it is in. */
export function formatListing(listings: readonly FunctionListing[]): string {
  const lines: string[] = [];
  for (const { function: f, rows } of listings) {
    const index = f.wasmIndex >= 0 ? ` [function ${f.wasmIndex}]` : ` [${f.kind}]`;
    lines.push('', `${f.name}:${index} ${f.size} bytes, frame ${f.frameBytes}`);
    let last = '';
    for (const row of rows) {
      const place = [...row.inlined, `0x${row.wasmOffset.toString(16)} ${row.operator}`].join(' > ');
      const notes = [
        place !== last && row.operator !== '' ? place : '',
        row.publishes ? 'publishes top' : '',
        row.trap !== '' ? `traps: ${row.trap}` : '',
      ].filter((note) => note !== '');
      last = place;
      const bytes = [...row.bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
      const text = `${row.offset.toString(16).padStart(7)}  ${bytes.padEnd(20)} ${row.text}`;
      lines.push(notes.length > 0 ? `${text.padEnd(70)} ; ${notes.join('; ')}` : text);
    }
  }
  return `${lines.map(shown).join('\n').trimStart()}\n`;
}
