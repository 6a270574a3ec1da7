import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';

/** Kernels are what their names say: their parts against published test vectors, and against other implementations. */
const kernels = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-algorithms-'));
const gcc = spawnSync('gcc', ['--version']).status === 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `main` prints that sees the inside of a kernel. */
function inside(kernel: string, main: string): Buffer {
  const source = join(folder, `${kernel}.c`);
  const program = join(folder, kernel);
  writeFileSync(source, `#include "${kernels}${kernel}.c"\n#include <stdio.h>\nint main(void) { ${main} }\n`);
  const { status, stderr } = spawnSync('gcc', ['-O1', source, '-o', program], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return spawnSync(program).stdout;
}

describe.skipIf(!gcc)('kernels (skipped without gcc)', () => {
  it('aes: SP 800-38A, F.5.1, the first block', () => {
    const out = inside(
      'aes',
      `u32 key[4] = {0x2b7e1516, 0x28aed2a6, 0xabf71588, 0x09cf4f3c};
       u32 counter[4] = {0xf0f1f2f3, 0xf4f5f6f7, 0xf8f9fafb, 0xfcfdfeff}, out[4];
       make_tables(); expand_key(key); encrypt(counter, out);
       for (int i = 0; i < 4; i++) printf("%08x", out[i]);`,
    );
    expect(out.toString()).toBe('ec8cdf7398607cb0f2d21675ea9ea1e4');
  });

  it('sha256: "abc", FIPS 180-4', () => {
    const out = inside(
      'sha256',
      `u32 hash[8], block[16] = {0x61626380}; block[15] = 24;
       for (int i = 0; i < 8; i++) hash[i] = start[i];
       compress(hash, block);
       for (int i = 0; i < 8; i++) printf("%08x", hash[i]);`,
    );
    expect(out.toString()).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('crc32: the check value of "123456789"', () => {
    const out = inside(
      'crc32',
      `run(0); u32 crc = ~0u;
       for (const char *at = "123456789"; *at != 0; at++) crc = (crc >> 8) ^ table[(crc ^ (u8)*at) & 0xff];
       printf("%08x", ~crc);`,
    );
    expect(out.toString()).toBe('cbf43926');
  });

  it('deflate: zlib unpacks what it packs, to something smaller', () => {
    const packed = inside(
      'deflate',
      `for (u32 i = 0; i < bytes; i++) text[i] = "here and there, "[i * (1 + i / 500) % 16];
       deflate(); fwrite(packed, 1, (packed_bits + 7) / 8, stdout);`,
    );
    const text = Array.from(
      { length: 8192 },
      (_, i) => 'here and there, '[(i * (1 + Math.floor(i / 500))) % 16],
    );
    expect(inflateRawSync(packed).toString()).toBe(text.join(''));
    expect(packed.length).toBeLessThan(1000);
  });

  it('interpreter: its program is the sieve', () => {
    const out = inside('interpreter', 'locals[0] = 0; printf("%u", (u32)interpret());');
    let checksum = 0;
    for (let i = 2; i < 1000; i++) {
      const prime = Array.from({ length: Math.floor(Math.sqrt(i)) - 1 }, (_, d) => i % (d + 2)).every(
        (r) => r > 0,
      );
      if (prime) checksum = (Math.imul(checksum, 31) + i) >>> 0;
    }
    expect(Number(out.toString())).toBe(checksum);
  });
});
