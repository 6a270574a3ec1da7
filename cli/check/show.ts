import { createDisassembler } from '../../emu/capstone.ts';
import type { CheckDifference, CheckedFrame, CodePlace } from '../../emu/check/difference.ts';
import { disassemble } from '../listing.ts';

/** Instructions shown to either side of the interrupted one. */
const around = 8;

/** Frames shown of either stack. */
const mostFrames = 24;

/** A difference for people: the code around the program counter, registers, and the frames expected and read side by side. */
export async function showDifference(difference: CheckDifference): Promise<string> {
  const { by, interrupt, pc, reason, place, registers, read, expected } = difference;
  const lines = [`interrupt ${interrupt}, read by the ${by}: ${reason}`, ''];
  if (place !== undefined) lines.push(...(await code(place)), '');
  lines.push(...registerLines(registers), '', ...frameLines(pc, expected, read));
  return lines.join('\n');
}

async function code({ image, symbol, offset, bytes }: CodePlace): Promise<string[]> {
  const [listing] = await disassemble(image, (f) => f.id === symbol.id);
  const notes = new Map(listing?.rows.map((row) => [row.offset, row]));
  const rows = (await createDisassembler(image.target)).disassemble(bytes, symbol.offset);
  const here = rows.findIndex(({ address, size }) => offset >= address && offset < address + size);
  const lines = [`${symbol.name} (${symbol.kind}), frame of ${symbol.frameBytes} bytes:`];
  for (const { address, size, mnemonic, operands } of rows.slice(Math.max(0, here - around), here + around)) {
    const row = notes.get(address);
    const hex = [...bytes.subarray(address - symbol.offset, address - symbol.offset + size)]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join('');
    const note = [row?.operator ?? '', row?.publishes === true ? 'publishes top' : '', row?.trap ?? ''];
    const text = `${address === offset ? '>' : ' '} ${address.toString(16).padStart(7)}  ${hex.padEnd(20)} ${mnemonic} ${operands}`;
    const said = note.filter((part) => part !== '').join('; ');
    lines.push(said === '' ? text : `${text.padEnd(66)} ; ${said}`);
  }
  return lines;
}

function registerLines(registers: CheckDifference['registers']): string[] {
  const cells = Object.entries(registers).map(
    ([name, value]) => `${name.padStart(6)} ${value.toString(16).padStart(16, ' ')}`,
  );
  const lines: string[] = [];
  for (let i = 0; i < cells.length; i += 4) lines.push(cells.slice(i, i + 4).join(' '));
  return lines;
}

function frameLines(pc: number, expected: readonly CheckedFrame[], read: readonly CheckedFrame[]): string[] {
  const text = (frame: CheckedFrame | undefined): string => {
    if (frame === undefined) return '-';
    const offset = frame.wasmOffset < 0 ? '' : `+0x${frame.wasmOffset.toString(16)}`;
    return `${frame.pc < 0 ? '' : `${frame.pc.toString(16)} `}${frame.name} (${frame.image}${offset})`;
  };
  const count = Math.max(expected.length, read.length);
  const width = Math.min(
    60,
    Math.max(8, ...expected.slice(0, mostFrames).map((frame) => text(frame).length)),
  );
  const lines = [`      ${'expected'.padEnd(width)}  read`];
  for (let i = 0; i < Math.min(count, mostFrames); i++) {
    const differs = expected[i]?.name !== read[i]?.name || different(expected[i]?.pc, read[i]?.pc);
    lines.push(
      `${differs ? '≠' : ' '} #${String(i).padEnd(3)} ${text(expected[i]).padEnd(width)}  ${text(read[i])}`,
    );
  }
  if (count > mostFrames) lines.push(`  ... and ${count - mostFrames} more`);
  lines.push(`  at pc 0x${pc.toString(16)}`);
  return lines;
}

/** Of addresses that both are known. */
const different = (a: number | undefined, b: number | undefined): boolean =>
  a !== undefined && b !== undefined && a >= 0 && b >= 0 && a !== b;
