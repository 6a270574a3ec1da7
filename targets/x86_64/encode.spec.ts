import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Assembler } from '../../compiler/backend/assembler.ts';
import { MBlock, Mem, MInst } from '../../compiler/backend/machine.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { emit } from './emit.ts';
import { patch } from './encode.ts';
import { Cond, condNames, Form, type Instruction, instructions, rowName, X } from './instructions.ts';
import { printInstruction } from './print.ts';
import { Reg } from './registers.ts';

const frame: FrameLayout = {
  size: 0x120,
  spillBase: 0x40,
  slotBase: 0x18,
  outgoingBase: 0,
  recordOffset: -1,
  publishes: false,
};

const general = Array.from({ length: 16 }, (_, i) => i);
const vector = general.map((i) => Reg.xmm0 + i);
/** Registers whose encodings are special somewhere: short forms, bytes, SIB, displacement, REX. */
const special = [Reg.rax, Reg.rcx, Reg.rsp, Reg.rbp, Reg.rsi, Reg.rdi, Reg.r8, Reg.r12, Reg.r13, Reg.r15];
const displacements = [0, 1, -1, 127, -128, 128, -129, 0x7fffffff, -0x80000000];
const conditions = Array.from({ length: 16 }, (_, i) => i);

/** Rows that printing leaves out: their bytes depend on labels, or they are several instructions. */
const withoutText: ReadonlySet<number> = new Set([
  Form.macro,
  Form.jcc,
  Form.jccTrap,
  Form.jump,
  Form.switch,
  Form.call,
]);

const allMemory: readonly Mem[] = [
  ...general.flatMap((base) => displacements.map((disp) => new Mem(base, disp))),
  ...general
    .filter((i) => i !== Reg.rsp)
    .flatMap((index) =>
      [0, 1, 2, 3].flatMap((scale) => [
        ...special.map((base) => new Mem(base, 0, index, scale)),
        new Mem(Reg.rbx, 0x40, index, scale),
        new Mem(Reg.rbp, -0x1000, index, scale),
        ...(scale > 0 ? [new Mem(-1, 0, index, scale), new Mem(-1, -4, index, scale)] : []),
      ]),
    ),
];
const someMemory: readonly Mem[] = [
  new Mem(Reg.rsp, 0),
  new Mem(Reg.rbp, 0),
  new Mem(Reg.r13, 0x7f, Reg.r12, 3),
  new Mem(Reg.rax, 0x1234, Reg.rbp, 1),
  new Mem(-1, 5, -1, 0, 'spill'),
  new Mem(-1, 8, Reg.rcx, 1, 'slot'),
  new Mem(-1, 24, -1, 0, 'outgoing'),
  new Mem(-1, 8, -1, 0, 'incoming'),
  new Mem(-1, 0, -1, 0, 'constant', 0),
];

const isVectorRow = (op: number): boolean => op >= X.movaps && op < X.fmin;
const vectorReg = (op: number): boolean => isVectorRow(op) && !(op >= X.cvttss2si && op < X.cvtss2sd);
const vectorRm = (op: number): boolean =>
  isVectorRow(op) && !(op >= X.to_xmm && op < X.fadd) && !(op >= X.cvtsi2ss && op < X.cvttss2si);

interface Fields {
  imm?: number;
  imm2?: number;
  cond?: number;
  mem?: Mem;
}

function make(op: number, defs: number[], uses: number[], fields: Fields = {}): MInst {
  const inst = new MInst(op, defs, uses, -1);
  inst.imm = fields.imm ?? 0;
  inst.imm2 = fields.imm2 ?? 0;
  inst.cond = fields.cond ?? 0;
  inst.mem = fields.mem ?? null;
  return inst;
}

function immediates(row: Instruction): number[] {
  if (row.bytes === 1) return [0, 1, 127, -128, -1];
  const all = [0, 1, -1, 127, -128, 128, -129];
  return row.bytes === 2 ? [...all, 0x7fff, -0x8000] : [...all, 0x7fffffff, -0x80000000];
}

/** All forms that a row has: every register in every place, memory, extremes of immediates. */
function casesOf(op: number): MInst[] {
  const row = instructions[op];
  const regs = vectorReg(op) ? vector : general;
  const rms = vectorRm(op) ? vector : general;
  const [reg, rm] = [regs[3], rms[11]];
  const pairs: [number, number][] = [
    ...regs.map((r): [number, number] => [r, rm]),
    ...rms.map((r): [number, number] => [reg, r]),
  ];
  const memory = op === X.mov || op === X.mov + 1 || op === X.store ? allMemory : someMemory;
  const onlyMemory = op === X.lea || op === X.lea + 1 || op === X.push_m || op === X.pop_m;
  // From memory, movss and movsd do it.
  const onlyRegisters = op === X.to_xmm || op === X.to_xmm + 1;
  switch (row.form) {
    case Form.plain:
      return [make(op, [], [])];
    case Form.regRm:
    case Form.move:
      return [
        ...(onlyMemory ? [] : pairs.map(([a, b]) => make(op, [a], [a, b]))),
        ...(onlyRegisters ? [] : memory.map((mem) => make(op, [reg], [], { mem }))),
        ...(row.form === Form.move ? conditions : []).map((cond) => make(op, [reg], [reg, rm], { cond })),
      ];
    case Form.useRm:
      return [
        ...pairs.map(([a, b]) => make(op, [], [a, b])),
        ...memory.map((mem) => make(op, [], [reg], { mem })),
      ];
    case Form.rmUse: {
      const stores = [
        ...memory.map((mem) => make(op, [], [reg], { mem })),
        ...regs.map((r) => make(op, [], [r], { mem: memory[2] })),
      ];
      // The registers of `test`; everything else of this form has memory.
      return row.name === 'test' ? [...stores, ...pairs.map(([a, b]) => make(op, [], [b, a]))] : stores;
    }
    case Form.rmDef:
      return [
        ...vector.map((v) => make(op, [Reg.rbx], [v])),
        ...general.map((r) => make(op, [r], [vector[9]])),
      ];
    case Form.rm: {
      const memories = memory.map((mem) => make(op, [], [], { mem }));
      return onlyMemory ? memories : [...memories, ...general.map((r) => make(op, [], [r]))];
    }
    case Form.def:
      return general.map((r) => make(op, [r], [r, Reg.rcx]));
    case Form.defImm:
      return general.flatMap((r) => immediates(row).map((imm) => make(op, [r], [r], { imm })));
    case Form.rmImm: {
      const onMemory = memory.flatMap((mem) => immediates(row).map((imm) => make(op, [], [], { mem, imm })));
      const inRegisters = row.name === 'cmp' || row.name === 'test';
      if (!inRegisters) return onMemory;
      return [
        ...onMemory,
        ...general.flatMap((r) => immediates(row).map((imm) => make(op, [], [r], { imm }))),
      ];
    }
    case Form.shiftImm:
      return general.flatMap((r) => [1, 2, row.bytes * 8 - 1].map((imm) => make(op, [r], [r], { imm })));
    case Form.regRmImm: {
      const imms = isVectorRow(op) ? [8, 9, 10, 11] : immediates(row);
      return imms.flatMap((imm) => [
        ...pairs.map(([a, b]) => make(op, [a], [b], { imm })),
        ...memory.map((mem) => make(op, [reg], [], { mem, imm })),
      ]);
    }
    case Form.moveImm:
      return general.flatMap((r) =>
        [
          [0, 0],
          [1, 0],
          [-1, -1],
          [0x7fffffff, 0],
          [-0x80000000, -1],
          [-0x80000000, 0],
          [0, 1],
          [-1, 0x7fffffff],
          [0x12345678, -0x80000000],
        ].map(([imm, imm2]) => make(op, [r], [], { imm, imm2 })),
      );
    case Form.zero:
      return (isVectorRow(op) ? vector : general).map((r) => make(op, [r], []));
    case Form.add:
      return general
        .filter((r) => r !== Reg.rsp)
        .flatMap((r) => [
          make(op, [r], [r, Reg.r9]),
          make(op, [r], [Reg.rdi, r]),
          make(op, [r], [r, r]),
          make(op, [Reg.rbx], [Reg.r14, r]),
          make(op, [Reg.rbx], [r, Reg.r14]),
        ]);
    case Form.addImm:
      return general.flatMap((r) =>
        [...displacements.slice(1), 129].flatMap((imm) => [
          make(op, [r], [r], { imm }),
          make(op, [r === Reg.rbx ? Reg.r8 : Reg.rbx], [r], { imm }),
        ]),
      );
    case Form.set:
      return [
        ...general.map((r) => make(op, [r], [r])),
        ...conditions.map((cond) => make(op, [Reg.rsi], [Reg.rsi], { cond })),
      ];
    case Form.push:
      return general.map((r) => make(op, [], [r]));
    case Form.pop:
      return general.map((r) => make(op, [r], []));
    case Form.pushImm:
      return [0, 1, 127, 128, 0x7fffffff].map((imm) => make(op, [], [], { imm }));
    default:
      return [];
  }
}

const cases = instructions.flatMap((_, op) => casesOf(op));

function encode(inst: MInst): Uint8Array {
  const asm = new Assembler();
  emit(inst, frame, asm);
  return asm.bytes().slice();
}

/** Text in one spelling: numbers in decimal, immediates as unsigned numbers of the operand size, no factor of one. */
function canonical(text: string, bits: number): string {
  const operands = text.replace(/\s+/g, ' ').replace(/\*1\b/g, '');
  return operands
    .split(/(\[[^\]]*\])/)
    .map((part) =>
      part.replace(/(?<![a-z0-9])(-?)(0x[0-9a-f]+|\d+)(?![a-z0-9])/g, (_, sign: string, digits: string) => {
        const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
        return part.startsWith('[') ? `${value}` : `${BigInt.asUintN(bits, value)}`;
      }),
    )
    .join('')
    .trim();
}

const immediateBits = (row: Instruction): number => Math.min(64, row.bytes === 0 ? 64 : row.bytes * 8);

test('every row of the table has cases, or a test of its own', () => {
  const covered = new Set(cases.map((inst) => inst.op));
  const missing = instructions.flatMap((row, op) =>
    covered.has(op) || withoutText.has(row.form) ? [] : [rowName(op)],
  );
  expect(missing).toEqual([]);
});

test('Capstone reads every encoding as we print it', async () => {
  const disassembler = await createDisassembler('x86_64');
  const encoded = cases.map((inst) => encode(inst));
  const code = new Uint8Array(encoded.reduce((sum, bytes) => sum + bytes.length, 0));
  let at = 0;
  for (const bytes of encoded) {
    code.set(bytes, at);
    at += bytes.length;
  }
  const rows = disassembler.disassemble(code, 0);
  const differences: string[] = [];
  for (let i = 0; i < cases.length && differences.length < 20; i++) {
    const row = instructions[cases[i].op];
    const found = rows[i];
    const bits = immediateBits(row);
    const expected = canonical(printInstruction(cases[i], frame), bits);
    const read = canonical(`${found?.mnemonic} ${found?.operands}`, bits);
    if (read !== expected || found.size !== encoded[i].length) {
      differences.push(
        `${rowName(cases[i].op)}: ${expected} is read as ${read} (${Buffer.from(encoded[i]).toString('hex')})`,
      );
    }
  }
  expect(differences).toEqual([]);
});

const hasGnuAssembler =
  spawnSync('as', ['--version']).status === 0 && spawnSync('objcopy', ['--version']).status === 0;

/** Assembles a program for x86-64; its .text bytes. */
function assemble(text: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-as-'));
  try {
    const [source, object, binary] = ['a.s', 'a.o', 'a.bin'].map((name) => join(folder, name));
    writeFileSync(source, `.intel_syntax noprefix\n.text\n${text}`);
    const made = spawnSync('as', ['--64', '-o', object, source], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr.slice(0, 2000));
    const copied = spawnSync('objcopy', ['-O', 'binary', '-j', '.text', object, binary]);
    if (copied.status !== 0) throw new Error('objcopy failed');
    return readFileSync(binary);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Between two registers both directions encode the same; ours puts the destination in the reg field, except for `test`. */
const direction = (inst: MInst): string => {
  const { form } = instructions[inst.op];
  const loads = form === Form.regRm || form === Form.useRm || form === Form.zero || form === Form.add;
  return loads ? '{load} ' : '';
};

test.skipIf(!hasGnuAssembler)(
  'GNU as encodes what we print byte for byte (skipped where binutils is missing)',
  () => {
    // A slot of sixteen bytes each: longer than any instruction.
    const bytes = assemble(
      cases.map((inst) => `${direction(inst)}${printInstruction(inst, frame)}\n.balign 16, 0xcc\n`).join(''),
    );
    const differences: string[] = [];
    for (let i = 0; i < cases.length && differences.length < 20; i++) {
      const ours = Buffer.from(encode(cases[i]));
      const theirs = Buffer.from(bytes.subarray(i * 16, i * 16 + 16));
      const padded = Buffer.concat([ours, Buffer.alloc(16 - ours.length, 0xcc)]);
      if (!padded.equals(theirs)) {
        differences.push(
          `${printInstruction(cases[i], frame)}: ${ours.toString('hex')}, not ${theirs.toString('hex')}`,
        );
      }
    }
    expect(differences).toEqual([]);
  },
);

/** Emits the instructions of blocks twice, as the emission driver does, and returns the code. */
function emitBlocks(blocks: readonly MBlock[]): Uint8Array {
  let asm = new Assembler();
  const once = (): void => {
    const starts: number[] = [];
    for (const block of blocks) {
      asm.bind(block);
      for (const inst of block.insts) {
        asm.estimateHere = firstStarts[starts.length] ?? 0;
        starts.push(asm.offset);
        emit(inst, frame, asm);
      }
    }
    firstStarts = starts;
  };
  const stubs = (): void => asm.flushStubs((to) => emit(new MInst(X.ud2, [], [], -1), frame, to));
  let firstStarts: number[] = [];
  once();
  stubs();
  asm = new Assembler(asm);
  once();
  stubs();
  asm.resolve(patch);
  return asm.bytes().slice();
}

function branchTo(op: number, cond: number, block: MBlock): MInst {
  const inst = make(op, [], [], { cond });
  inst.block = block;
  return inst;
}

test.skipIf(!hasGnuAssembler)(
  'branches take their short form where they reach (skipped where binutils is missing)',
  () => {
    const blocks = [new MBlock(0), new MBlock(1), new MBlock(2), new MBlock(3)];
    const [start, near, far, end] = blocks;
    const text: string[] = ['b0:'];
    const add = (block: MBlock, inst: MInst, line: string): void => {
      block.insts.push(inst);
      text.push(line);
    };
    for (const cond of conditions) {
      add(start, branchTo(X.jcc, cond, start), `j${condNames[cond]} b0`);
    }
    add(start, branchTo(X.jmp, 0, near), 'jmp b1');
    text.push('b1:');
    const filler = make(X.mov_i + 1, [Reg.rax], [], { imm: 1, imm2: 1 });
    for (let i = 0; i < 20; i++) add(near, filler, 'movabs rax, 0x100000001');
    add(near, branchTo(X.jmp, 0, end), 'jmp b3');
    add(near, branchTo(X.jcc, Cond.a, far), 'ja b2');
    text.push('b2:');
    for (let i = 0; i < 20; i++) add(far, filler, 'movabs rax, 0x100000001');
    for (const cond of conditions) add(far, branchTo(X.jcc, cond, start), `j${condNames[cond]} b0`);
    add(far, branchTo(X.jmp, 0, far), 'jmp b2');
    text.push('b3:');
    add(end, make(X.ret, [], []), 'ret');
    expect(Buffer.from(emitBlocks(blocks)).toString('hex')).toBe(
      Buffer.from(assemble(`${text.join('\n')}\n`)).toString('hex'),
    );
  },
);

/** Disassembly of what one instruction emits, literals at rip + 0. */
async function listing(inst: MInst): Promise<string[]> {
  const block = new MBlock(0);
  block.insts.push(inst);
  const disassembler = await createDisassembler('x86_64');
  return disassembler
    .disassemble(emitBlocks([block]), 0)
    .map((row) => `${row.mnemonic} ${row.operands}`.trim());
}

test('sequences', async () => {
  expect(await listing(make(X.rem_s, [Reg.rax, Reg.rdx], [Reg.rax, Reg.r9]))).toEqual([
    'xor edx, edx',
    'cmp r9d, -1',
    'je 0xc',
    'cdq',
    'idiv r9d',
  ]);
  const xmm = (i: number): number => Reg.xmm0 + i;
  expect(await listing(make(X.fmin + 1, [xmm(3)], [xmm(3), xmm(9)]))).toEqual([
    'ucomisd xmm3, xmm9',
    'jne 0x16',
    'jp 0xf',
    'orps xmm3, xmm9',
    'jmp 0x1b',
    'addsd xmm3, xmm9',
    'jmp 0x1b',
    'minsd xmm3, xmm9',
  ]);
  expect(await listing(make(X.trunc_u_f32, [Reg.r8], [xmm(1)]))).toEqual([
    'cvttss2si r8, xmm1',
    'mov r11d, r8d',
    'cmp r11, r8',
    'jne 0xd',
    'ud2',
  ]);
  expect(await listing(make(X.cmov, [Reg.rax], [Reg.rax, Reg.rcx], { cond: Cond.floatUnequal }))).toEqual([
    'cmovne eax, ecx',
    'cmovp eax, ecx',
  ]);
});

test('a jump table stands behind the code and holds distances from itself', async () => {
  const blocks = [new MBlock(0), new MBlock(1), new MBlock(2)];
  const inst = make(X.switch, [], [Reg.rdi]);
  inst.temps = [Reg.rax];
  inst.blocks = [blocks[1], blocks[2], blocks[1]];
  blocks[0].insts.push(inst);
  blocks[1].insts.push(make(X.ret, [], []));
  blocks[2].insts.push(make(X.ud2, [], []));
  const code = emitBlocks(blocks);
  const disassembler = await createDisassembler('x86_64');
  const rows = disassembler.disassemble(code.subarray(0, code.length - 8), 0);
  const text = rows.map((row) => `${row.mnemonic} ${row.operands}`.trim());
  expect(text).toEqual([
    'cmp edi, 2',
    'jae 0x15',
    'lea r11, [rip + 0xc]',
    'movsxd rax, dword ptr [r11 + rdi*4]',
    'add rax, r11',
    'jmp rax',
    'ret',
    'ud2',
  ]);
  const table = new DataView(code.buffer, code.length - 8);
  const start = code.length - 8;
  expect([table.getInt32(0, true) + start, table.getInt32(4, true) + start]).toEqual([0x15, 0x16]);
});
