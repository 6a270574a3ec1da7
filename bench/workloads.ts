import { readFileSync } from 'node:fs';
import { packages } from './packages/index.ts';
import { projectFile } from './places.ts';
import type { Workload } from './workload.ts';

type KernelRow = readonly [name: string, about: string, counted: number, quick: number, full: number];

/** Our own kernels, in bench/kernels. Times are some 20 ms and 0.3 s a call on a machine of 2023. */
const kernelRows: readonly KernelRow[] = [
  ['matmul', 'matrix multiply: doubles, strided loads', 30, 200, 3000],
  ['lu', 'LU decomposition and solution: doubles, divisions', 100, 500, 8000],
  ['stencil', 'heat in a plate: floats, neighbours', 300, 2500, 30_000],
  ['nbody', 'five bodies: doubles, roots', 30_000, 250_000, 4_000_000],
  ['crc32', 'CRC-32: a table, one load after the other', 20, 500, 8000],
  ['sha256', 'SHA-256: rotations and additions', 150, 700, 10_000],
  ['aes', 'AES-128: tables and exclusive ors', 150, 1500, 25_000],
  ['huffman', 'Huffman coding and back: heap, tree, bits', 5, 40, 700],
  ['deflate', 'deflate compressor and back: hash chains, bits', 5, 40, 700],
  ['jpeg', 'JPEG-like transform and back: integers, short loops', 40, 200, 3000],
  ['sort', 'quicksort: recursion, unpredictable branches', 5, 40, 700],
  ['hashmap', 'hash map: insert, find, delete', 6, 60, 1000],
  ['search', "string search: Horspool's and by letters", 4, 30, 500],
  ['interpreter', 'bytecode interpreter: one switch in a loop', 30, 400, 6000],
  ['fib', 'recursive Fibonacci: calls and nothing else', 24, 33, 38],
  ['mutual', 'mutual recursion, a thousand deep', 1000, 15_000, 250_000],
  ['indirect', 'hot leaf by call_indirect', 400, 6000, 80_000],
];

const kernels: readonly Workload[] = kernelRows.map(([name, about, counted, quick, full]) => ({
  name,
  about,
  source: `bench/kernels/${name}.c`,
  n: { counted, quick, full },
  c: projectFile(`bench/kernels/${name}.c`),
  module: async () => new Uint8Array(readFileSync(projectFile(`bench/kernels/${name}.wasm`))),
}));

/** All workloads, in the order of reports. */
export const workloads: readonly Workload[] = [...kernels, ...packages];
