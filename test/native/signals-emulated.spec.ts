import { describe, expect, it } from 'vitest';
import type { Dump } from '../../cli/dump.ts';
import { seededRandom } from '../../emu/interrupts.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { Dumped } from './dumped.ts';

/** The signal handler on the emulated kernel, where every instruction can be interrupted and every word be made a lie. */

/** A word that is not what it should be, and how the reading then ends. */
type Lie = readonly [reason: string, place: number, value: number];

/** Functions of the program, by the names of their symbols; adapters and helpers have names of the linker's. */
const own = /^(leaf|twice|divide|down|grow|print|_start)$/;

/** Frames as one line, the outermost first. */
const chain = ({ frames }: Dump): string =>
  frames
    .map(({ name }) => name)
    .reverse()
    .join(' ');

const cases = [x86_64, armv7].flatMap((target) =>
  (['atomic', 'tail', 'field', 'unwind'] as const).map((scheme) => ({ name: target.name, target, scheme })),
);

describe.each(cases)('the signal handler of $name, scheme $scheme, emulated', ({ target, scheme }) => {
  it('reads the whole stack at every instruction', () => {
    const dumped = new Dumped(target, scheme);
    const { core } = dumped.process;
    dumped.runTo(dumped.symbol('_start'));
    const chains = new Set<string>();
    let before = '';
    let points = 0;
    while (!dumped.ended && points < 20_000) {
      const dump = dumped.dump();
      const now = chain(dump);
      expect(dump.end, now).toBe('complete');
      // A call or a return, never two.
      const change = now.length > before.length ? now.slice(before.length) : before.slice(now.length);
      if (before !== '') {
        expect(now.startsWith(before) || before.startsWith(now), `${before} -> ${now}`).toBe(true);
        expect(change, `${before} -> ${now}`).toMatch(/^( \S+)?$/);
      }
      const name = dumped.functionAt(core.pc);
      if (own.test(name)) expect(dump.frames[0].name).toBe(name);
      before = now;
      chains.add(now.replace(/^\S+ /, ''));
      points++;
      dumped.step();
    }
    expect(dumped.process.exitStatus).toEqual({ exitCode: 0 });
    expect(dumped.output).toMatch(/^\d\n$/);
    for (const expected of [
      '_start leaf',
      '_start twice leaf',
      '_start divide',
      '_start down down down down leaf',
    ])
      expect(chains).toContain(expected);
    expect([...chains].some((found) => /^_start print \S*fd_write /.test(found))).toBe(true);
    expect([...chains].some((found) => /^_start grow \S*service/.test(found))).toBe(true);
    expect(points).toBeGreaterThan(500);
  });

  it('says why it cannot read on', () => {
    const dumped = new Dumped(target, scheme);
    const { process, word } = dumped;
    dumped.runTo(dumped.symbol('leaf'));
    expect(chain(dumped.dump())).toMatch(/_start leaf$/);
    const app = dumped.symbol('fathom_app_env');
    const top = dumped.top('app');
    // Functions publish, or adapters alone.
    const record = dumped.load(top);
    const activation = scheme === 'unwind' ? record : dumped.load(record);
    let returnAddress = dumped.process.core.sp + word;
    while (dumped.functionAt(dumped.load(returnAddress)) !== 'fathom_app_cross_adapter')
      returnAddress += word;
    const envs: readonly Lie[] = [
      ['bad-env', dumped.info('thread'), 0],
      ['bad-env', dumped.info('thread'), app + word],
      ['wrong-activation', activation + word, 1],
      ['wrong-activation', activation + 3 * word, dumped.symbol('fathom_wasi_env')],
      ['wrong-activation', activation + 4 * word, activation],
      ['no-image-at-return', returnAddress, 1],
      // The adapter's own record says whose it is.
      ['wrong-function', dumped.load(activation) + word, 1],
      ['no-image-at-return', returnAddress, dumped.symbol('fathom_signal')],
    ];
    const records: readonly Lie[] = [
      ['bad-record', top, 0],
      ['bad-record', top, record + 1],
      ['bad-record', top, dumped.info('stackEnd')],
      ['bad-record', top, dumped.info('stackStart') - word],
      ['broken-chain', record, record],
      ['wrong-activation', record, activation + 1],
      // The record of `_start` left out.
      ['bad-record', top, activation],
    ];
    const adapters: readonly Lie[] = [
      ['broken-chain', activation, activation - 16 * word],
      ['bad-record', activation, activation + 2 * word],
    ];
    const lies = [...envs, ...(scheme === 'unwind' ? adapters : records)];
    for (const [reason, place, value] of lies) {
      const kept = process.memory.bytes(place, word).slice();
      dumped.store(place, value);
      expect(dumped.dump().end, `${place} = ${value}`).toBe(reason);
      process.memory.write(place, kept);
    }
    const { core } = process;
    const { pc } = core;
    core.pc = dumped.symbol('fathom_no_service');
    expect(dumped.dump()).toMatchObject({ end: 'no-image-at-pc', frames: [] });
    core.pc = pc;
    expect(process.run()).toEqual({ exitCode: 0 });
  });

  it('reads nothing that it should not when registers, records and stack are corrupt', () => {
    const dumped = new Dumped(target, scheme);
    const { process, word } = dumped;
    const { core, memory } = process;
    dumped.runTo(dumped.symbol('_start'));
    const stackEnd = dumped.info('stackEnd');
    const code = dumped.symbol('_start');
    const envs = ['fathom_app_env', 'fathom_wasi_env'].map((name) => dumped.symbol(name));
    const tops = [dumped.top('app'), dumped.top('wasi')];
    const random = seededRandom(7);
    const values = [
      () => 0,
      () => random(64),
      () => 2 ** 32 - 1 - random(16),
      () => random(2 ** 32),
      () => stackEnd - word * random(64),
      () => stackEnd - random(1024),
      () => core.sp + word * random(64),
      () => code + random(0x8000),
      () => envs[random(2)],
    ];
    const places = [
      () => tops[random(2)],
      () => dumped.info('thread'),
      () => core.sp + word * random(Math.floor((stackEnd - core.sp) / word)),
      () => core.sp + word * random(Math.floor((stackEnd - core.sp) / word)),
    ];
    const registers =
      target === x86_64 ? (['r15', 'rsp', 'rip'] as const) : (['r10', 'sp', 'lr', 'pc'] as const);
    const ends = new Map<string, number>();
    for (let k = 0; k < 1500 && !dumped.ended; k++) {
      if (dumped.functionAt(core.pc) === 'none') throw new Error('the program has gone astray');
      const value = values[random(values.length)]();
      let end: string;
      if (random(3) > 0) {
        const place = places[random(places.length)]();
        const kept = memory.bytes(place, word).slice();
        dumped.store(place, value);
        end = dumped.dump().end;
        memory.write(place, kept);
      } else {
        const register = registers[random(registers.length)];
        const kept = core.read(register);
        const isPc = register === 'rip' || register === 'pc';
        core.write(register, BigInt(isPc ? code + 4 * random(0x1000) : value));
        end = dumped.dump().end;
        core.write(register, kept);
      }
      ends.set(end, (ends.get(end) ?? 0) + 1);
      dumped.step();
      if (k % 8 === 0) for (let n = random(16); n > 0 && !dumped.ended; n--) dumped.step();
    }
    for (const end of ['complete', 'bad-env', 'wrong-activation', 'no-image-at-return'])
      expect([...ends.keys()]).toContain(end);
    if (!dumped.ended) process.run();
    expect(process.exitStatus).toEqual({ exitCode: 0 });
    expect(dumped.output).toMatch(/^\d\n$/);
  });
});
