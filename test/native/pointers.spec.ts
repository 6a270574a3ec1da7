import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { build, cleanUp, places, run, temporaryFolder } from './places.ts';

/**
 * Pointers and lengths of a hostile program: every function of WASI that takes some gets them at the end of the memory, one byte too
 * far, far outside, and with sums beyond 32 bits. On ARM, where little lies between a memory and what comes behind it, a
 * missing check would be a trap or worse.
 */
afterAll(cleanUp);

/** One page that cannot grow. */
const memoryBytes = 65536;

/** Where programs keep what is good: texts, and lists of vectors and subscriptions. */
const at = {
  file: 0x100,
  other: 0x110,
  link: 0x120,
  vector: 0x200,
  none: 0x210,
  subscription: 0x300,
  room: 0x1000,
};

/** A parameter: a constant, or a pointer to so many bytes, which is a good one unless it is the one in question. */
type Parameter = number | bigint | { readonly pointer: number; readonly bytes: number };

const out = (bytes: number): Parameter => ({ pointer: at.room, bytes });
const text = (pointer: number): Parameter[] => [{ pointer, bytes: 4 }, 4];

/** A clock that has been there already: the event comes at once. */
const clock: Parameter = { pointer: at.subscription, bytes: 48 };

/** Descriptors: the preopened directory, and a file in it that the program opens first. */
const directory = 3;
const file = 4;
const vectors: Parameter[] = [{ pointer: at.vector, bytes: 8 }, 1];

/** Calls that go well, or fail for another reason than a pointer. Parameters of 64 bits are bigints. */
const calls: readonly (readonly [name: string, parameters: readonly Parameter[]])[] = [
  ['args_sizes_get', [out(4), out(4)]],
  // Its name, which is another everywhere.
  ['args_get', [out(4), at.room]],
  ['environ_sizes_get', [out(4), out(4)]],
  ['environ_get', [out(4), out(4)]],
  ['clock_res_get', [0, out(8)]],
  ['clock_time_get', [0, 0n, out(8)]],
  ['fd_fdstat_get', [file, out(24)]],
  ['fd_filestat_get', [file, out(64)]],
  ['fd_prestat_get', [directory, out(8)]],
  ['fd_prestat_dir_name', [directory, out(4), 4]],
  ['fd_pread', [file, ...vectors, 0n, out(4)]],
  ['fd_pwrite', [file, ...vectors, 0n, out(4)]],
  ['fd_read', [file, ...vectors, out(4)]],
  ['fd_write', [file, ...vectors, out(4)]],
  ['fd_readdir', [directory, out(100), 100, 0n, out(4)]],
  ['fd_seek', [file, 0n, 0, out(8)]],
  ['fd_tell', [file, out(8)]],
  ['path_create_directory', [directory, ...text(at.file)]],
  ['path_filestat_get', [directory, 0, ...text(at.file), out(64)]],
  ['path_filestat_set_times', [directory, 0, ...text(at.file), 0n, 0n, 0]],
  ['path_link', [directory, 0, ...text(at.file), directory, ...text(at.other)]],
  ['path_open', [directory, 0, ...text(at.file), 0, 2n, 0n, 0, out(4)]],
  ['path_readlink', [directory, ...text(at.link), out(4), 4, out(4)]],
  ['path_remove_directory', [directory, ...text(at.file)]],
  ['path_rename', [directory, ...text(at.file), directory, ...text(at.file)]],
  ['path_symlink', [...text(at.file), directory, ...text(at.link)]],
  ['path_unlink_file', [directory, ...text(at.other)]],
  ['poll_oneoff', [clock, out(32), 1, out(4)]],
  ['random_get', [out(100), 100]],
];

/** Types of parameters of WASI's functions, as wasm has them. */
const typeOf = (parameter: Parameter): string => (typeof parameter === 'bigint' ? 'i64' : 'i32');

/** A case: what it is, and its call. */
interface Case {
  readonly what: string;
  readonly call: string;
  /** Whether all of it lies in the memory. */
  readonly good: boolean;
}

function callOf(name: string, parameters: readonly Parameter[], changed = -1, pointer = 0): string {
  const values = parameters.map((parameter, i) => {
    if (i === changed) return `(i32.const ${pointer})`;
    if (typeof parameter === 'object') return `(i32.const ${parameter.pointer})`;
    return `(${typeOf(parameter)}.const ${parameter})`;
  });
  return `(call $${name} ${values.join(' ')})`;
}

const cases: readonly Case[] = calls.flatMap(([name, parameters]) => [
  { what: `${name}, all good`, call: callOf(name, parameters), good: true },
  ...parameters.flatMap((parameter, i): Case[] => {
    if (typeof parameter !== 'object') return [];
    const { bytes } = parameter;
    const end = memoryBytes - bytes;
    return [
      [end, 'at the end'],
      [end + 1, 'one byte too far'],
      [memoryBytes, 'behind the end'],
      [2 ** 31, 'far outside'],
      [2 ** 32 - bytes, 'at the end of 32 bits'],
      [2 ** 32 - 1, 'beyond 32 bits'],
    ].map(([pointer, where]) => ({
      what: `${name}, parameter ${i} ${where}`,
      call: callOf(name, parameters, i, Number(pointer)),
      good: pointer === end,
    }));
  }),
]);

/** Lengths, counts and what vectors hold. */
const lengths: readonly Case[] = [
  ...['fd_read', 'fd_write'].flatMap((name): Case[] => [
    { what: `${name}, no vectors`, call: callOf(name, [file, at.vector, 0, out(4)]), good: true },
    {
      what: `${name}, no vectors at the end`,
      call: callOf(name, [file, memoryBytes, 0, out(4)]),
      good: true,
    },
    {
      what: `${name}, no vectors beyond it`,
      call: callOf(name, [file, memoryBytes + 1, 0, out(4)]),
      good: false,
    },
    // Eight bytes each: 8 and 0 modulo 2^32.
    ...[0x2000_0001, 0x2000_0000, 0xffff_ffff, 0x1fff_ffff].map((count) => ({
      what: `${name}, ${count} vectors`,
      call: callOf(name, [file, at.vector, count, out(4)]),
      good: false,
    })),
    ...[
      [memoryBytes, 1],
      [memoryBytes - 1, 2],
      [1, 0xffff_ffff],
      [0xffff_ffff, 1],
      [0xffff_ffff, 0xffff_ffff],
      [0, memoryBytes + 1],
      [memoryBytes + 1, 0],
      [0x8000_0000, 0x8000_0000],
    ].map(([pointer, bytes]) => ({
      what: `${name}, a second vector of ${bytes} bytes at ${pointer}`,
      call: `(i32.store (i32.const ${at.vector + 8}) (i32.const ${pointer}))
        (i32.store (i32.const ${at.vector + 12}) (i32.const ${bytes}))
        ${callOf(name, [file, at.vector, 2, out(4)])}`,
      good: false,
    })),
    {
      what: `${name}, a vector of nothing at the end`,
      call: `(i32.store (i32.const ${at.vector + 8}) (i32.const ${memoryBytes}))
        (i32.store (i32.const ${at.vector + 12}) (i32.const 0))
        ${callOf(name, [file, at.vector, 2, out(4)])}`,
      good: true,
    },
  ]),
  ...[0xffff_ffff, memoryBytes + 1, memoryBytes - at.room + 1].flatMap((bytes): Case[] => [
    { what: `random_get of ${bytes}`, call: callOf('random_get', [at.room, bytes]), good: false },
    {
      what: `fd_readdir of ${bytes}`,
      call: callOf('fd_readdir', [directory, at.room, bytes, 0n, out(4)]),
      good: false,
    },
    {
      what: `path_readlink of ${bytes}`,
      call: callOf('path_readlink', [directory, ...text(at.link), at.room, bytes, out(4)]),
      good: false,
    },
    {
      what: `path_open of a path of ${bytes}`,
      call: callOf('path_open', [directory, 0, at.room, bytes, 0, 2n, 0n, 0, out(4)]),
      good: false,
    },
  ]),
  { what: 'random_get of nothing at the end', call: callOf('random_get', [memoryBytes, 0]), good: true },
  { what: 'random_get of nothing beyond it', call: callOf('random_get', [memoryBytes + 1, 0]), good: false },
  // 32 bytes of an event at the end, and two clocks.
  {
    what: 'poll_oneoff, events that do not fit',
    call: callOf('poll_oneoff', [at.subscription, memoryBytes - 32, 2, out(4)]),
    good: false,
  },
  {
    what: 'poll_oneoff, subscriptions that do not fit',
    call: callOf('poll_oneoff', [memoryBytes - 48, at.room, 2, out(4)]),
    good: false,
  },
];

const all = [...cases, ...lengths];

/** Each case's errno goes into a table of bytes, which is written at the end. */
function program(): string {
  const table = 0x8000;
  const restore = `
    (i32.store (i32.const ${at.vector}) (i32.const ${at.room}))
    (i32.store (i32.const ${at.vector + 4}) (i32.const 4))
    (memory.fill (i32.const ${at.subscription}) (i32.const 0) (i32.const 96))
    (memory.fill (i32.const ${memoryBytes - 256}) (i32.const 0) (i32.const 256))`;
  const imports = calls.map(
    ([name, parameters]) =>
      `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${parameters.map(typeOf).join(' ')}) (result i32)))`,
  );
  return `(module
    ${imports.join('\n')}
    (memory (export "memory") 1 1)
    (data (i32.const ${at.file}) "file")
    (data (i32.const ${at.other}) "else")
    (data (i32.const ${at.link}) "link")
    (func $case (param $at i32) (param $errno i32)
      (i32.store8 (local.get $at) (local.get $errno))
      ${restore})
    (func (export "_start")
      ${restore}
      (drop ${callOf('path_open', [directory, 0, ...text(at.file), 1, 0xffff_ffffn, 0n, 0, out(4)])})
      ${all.map(({ call }, i) => `(call $case (i32.const ${table + i}) ${call})`).join('\n')}
      (i32.store (i32.const ${at.vector}) (i32.const ${table}))
      (i32.store (i32.const ${at.vector + 4}) (i32.const ${all.length}))
      (drop (call $fd_write (i32.const 1) (i32.const ${at.vector}) (i32.const 1) (i32.const ${at.room})))))`;
}

let bytes: Uint8Array;

beforeAll(async () => {
  const toolkit = await wabt();
  bytes = toolkit.parseWat('pointers.wat', program()).toBinary({}).buffer;
});

const fault = 21;

describe.each(places)('%s', (_name, place, skip) => {
  it.skipIf(skip)('answers fault for what is not in the memory, and for nothing else', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), 'text');
    const outcome = await run(place, build('pointers', place.target, { bytes }), {
      env: { A: '1' },
      dirs: { '/box': folder },
    });
    expect(outcome).toMatchObject({ stderr: '', code: 0 });
    const found = all.map(({ what }, i) => [what, outcome.stdout.charCodeAt(i) === fault]);
    expect(found).toEqual(all.map(({ what, good }) => [what, !good]));
    expect(readdirSync(folder).length).toBeLessThan(4);
  });
});
