/**
 * Reads call frame information as an unwinder does (DWARF 5, 6.4; LSB Core 5.0, 10.6), independently of what writes it: only what
 * Fathom's sections use, and anything else throws.
 */
export interface FrameDescription {
  readonly start: number;
  readonly end: number;
  readonly signal: boolean;
  /** Ascending: each holds up to the next one. */
  readonly rows: readonly FrameRule[];
}

export interface FrameRule {
  readonly address: number;
  /** Bytes above the stack pointer, or the operations that compute it. */
  readonly cfa: number | readonly number[];
  /** Per register: bytes from the CFA, `same` or `undefined`; or the operations that compute its place. */
  readonly registers: Readonly<Record<number, number | 'same' | 'undefined' | readonly number[]>>;
}

interface Common {
  readonly augmentation: string;
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly returnAddress: number;
  readonly stackPointer: number;
  readonly initial: State;
}

interface State {
  cfa: FrameRule['cfa'];
  registers: Record<number, FrameRule['registers'][number]>;
}

class Cursor {
  readonly view: DataView;
  at: number;
  constructor(view: DataView, at: number) {
    this.view = view;
    this.at = at;
  }
  u8 = (): number => this.view.getUint8(this.at++);
  u16(): number {
    this.at += 2;
    return this.view.getUint16(this.at - 2, true);
  }
  u32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }
  uleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
  sleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value;
    }
  }
  block(): number[] {
    const length = this.uleb();
    return Array.from({ length }, this.u8);
  }
}

/**
 * All FDEs of a section.
 * @param sectionAddress of an .eh_frame; undefined for a .debug_frame
 */
export function readFrames(section: Uint8Array, sectionAddress?: number): FrameDescription[] {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const isEh = sectionAddress !== undefined;
  const commons = new Map<number, Common>();
  const found: FrameDescription[] = [];
  const cursor = new Cursor(view, 0);
  while (cursor.at < section.length) {
    const entry = cursor.at;
    const length = cursor.u32();
    if (length === 0 && isEh) {
      if (cursor.at !== section.length) throw new Error('entries behind the end');
      break;
    }
    const end = cursor.at + length;
    const idAt = cursor.at;
    const id = cursor.u32();
    if (id === (isEh ? 0 : 0xffff_ffff)) {
      commons.set(entry, readCommon(cursor, end, isEh));
    } else {
      const common = commons.get(isEh ? idAt - id : id);
      if (common === undefined) throw new Error(`the entry at ${entry} has no CIE`);
      const field = cursor.at;
      const start = isEh ? sectionAddress + field + (cursor.u32() | 0) : cursor.u32();
      const size = cursor.u32();
      if (isEh && cursor.uleb() !== 0) throw new Error('augmentation data');
      const state = { cfa: common.initial.cfa, registers: { ...common.initial.registers } };
      const rows = run(cursor, end, common, state, start);
      found.push({ start, end: start + size, signal: common.augmentation.includes('S'), rows });
    }
    cursor.at = end;
  }
  return found;
}

function readCommon(cursor: Cursor, end: number, isEh: boolean): Common {
  if (cursor.u8() !== 1) throw new Error('CIE version');
  let augmentation = '';
  for (let byte = cursor.u8(); byte !== 0; byte = cursor.u8()) augmentation += String.fromCharCode(byte);
  const common = {
    augmentation,
    codeAlignment: cursor.uleb(),
    dataAlignment: cursor.sleb(),
    returnAddress: cursor.u8(),
    stackPointer: -1,
    initial: { cfa: NaN, registers: {} } as State,
  };
  if (augmentation.startsWith('z') !== isEh) throw new Error(`augmentation ${augmentation}`);
  // One byte: DW_EH_PE_pcrel | DW_EH_PE_sdata4.
  if (isEh && (cursor.uleb() !== 1 || cursor.u8() !== 0x1b)) throw new Error('pointer encoding');
  run(cursor, end, common, common.initial, 0);
  return common;
}

/** Interprets call frame instructions; opcodes by number, so that a wrong table shows. */
function run(cursor: Cursor, end: number, common: Common, state: State, start: number): FrameRule[] {
  const rows: FrameRule[] = [];
  let address = start;
  const { initial, codeAlignment, dataAlignment } = common;
  const advance = (units: number): void => {
    rows.push({ address, cfa: state.cfa, registers: { ...state.registers } });
    address += units * codeAlignment;
  };
  while (cursor.at < end) {
    const byte = cursor.u8();
    const low = byte & 0x3f;
    if (byte >= 0xc0) state.registers[low] = initial.registers[low];
    else if (byte >= 0x80) state.registers[low] = cursor.uleb() * dataAlignment;
    else if (byte >= 0x40) advance(low);
    else if (byte === 0x02) advance(cursor.u8());
    else if (byte === 0x03) advance(cursor.u16());
    else if (byte === 0x04) advance(cursor.u32());
    else if (byte === 0x07) state.registers[cursor.uleb()] = 'undefined';
    else if (byte === 0x08) state.registers[cursor.uleb()] = 'same';
    else if (byte === 0x0c) {
      cursor.uleb();
      state.cfa = cursor.uleb();
    } else if (byte === 0x0e) state.cfa = cursor.uleb();
    else if (byte === 0x0f) state.cfa = cursor.block();
    else if (byte === 0x10) {
      const register = cursor.uleb();
      state.registers[register] = cursor.block();
    } else if (byte !== 0) throw new Error(`call frame instruction ${byte}`);
  }
  advance(0);
  return rows;
}

/** The rule for `address`, which must be unique. */
export function ruleAt(frames: readonly FrameDescription[], address: number): FrameRule | undefined {
  const covering = frames.filter(({ start, end }) => address >= start && address < end);
  if (covering.length > 1) throw new Error(`two descriptions of 0x${address.toString(16)}`);
  return covering[0]?.rows.findLast((row) => row.address <= address);
}
