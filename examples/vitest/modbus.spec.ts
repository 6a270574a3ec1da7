import { readFileSync } from 'node:fs';
import { createWebAssembly } from 'fathom-wasm';
import { expect, test } from 'vitest';

interface Modbus {
  memory: WebAssembly.Memory;
  frame(): number;
  crc16(length: number): number;
  scale(raw: number, span: number): number;
}

const cortexA9 = createWebAssembly({ target: 'armv7' });
const { instance } = await cortexA9.instantiate<Modbus>(readFileSync('modbus.wasm'));
const { memory, frame, crc16, scale } = instance.exports;

test('the check sum is right, and as cheap as the bus wants it', async () => {
  new Uint8Array(memory.buffer, frame()).set(Buffer.from('123456789'));
  const { value, instructions, cycles } = await cortexA9.measure(() => crc16(9));
  expect(value).toBe(0x4b37);
  expect(instructions).toBeLessThan(800);
  expect(cycles).toBeLessThan(800);
});

test('a sensor without a span traps', () => {
  expect(scale(3, 4)).toBe(750);
  expect(() => scale(3, 0)).toThrow('divide by zero');
});
