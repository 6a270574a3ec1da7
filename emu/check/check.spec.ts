import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { schemeNames } from '../../compiler/stack/scheme.ts';
import { FROM_HOST, TrueStack } from '../stack/true-stack.ts';
import { createWebAssembly, type EmulatedWebAssembly } from '../webassembly.ts';
import { CheckEnded, HostCheck } from './host-check.ts';
import { defaultBlockPoints, Points } from './points.ts';
import { Truth } from './truth.ts';

/** The parts of `fathom check`: which instructions it takes, the stack it compares with, and the readings it spares itself. */

const toolkit = await wabt();
const targets = ['x86_64', 'armv7'] as const;

function assemble(program: string): Uint8Array {
  const text = readFileSync(new URL(`../../test/programs/${program}.wat`, import.meta.url), 'utf8');
  return toolkit.parseWat(program, text).toBinary({ write_debug_names: true }).buffer;
}

function assembleText(text: string): Uint8Array {
  return toolkit.parseWat('program', text).toBinary({ write_debug_names: true }).buffer;
}

type Functions = Record<string, (n: number) => number>;

/** The mixed program, which calls back, traps, and goes on. */
function mixed(webAssembly: EmulatedWebAssembly): Functions {
  let exports: Functions = {};
  const host = {
    'call-back'(n: number): number {
      expect(() => exports.trap(3)).toThrow('unreachable');
      return exports.fib(3) + n;
    },
  };
  const module = new webAssembly.Module(assemble('mixed'));
  exports = new webAssembly.Instance(module, { host }).exports as Functions;
  return exports;
}

describe('the points of a check', () => {
  const schedules = [
    { kind: 'every-instruction' },
    { kind: 'every', instructions: 3 },
    { kind: 'random', seed: 5, mean: 4 },
  ] as const;

  it.each(schedules)('are taken by exactly one shard each: $kind', (schedule) => {
    const instructions = 5 * defaultBlockPoints;
    const taken = (shard?: { index: number; of: number }): number[] => {
      const points = new Points(schedule, { ...(shard && { shard }), limit: 3 * defaultBlockPoints + 10 });
      const found: number[] = [];
      for (let i = 0; i < instructions; i++) if (points.take()) found.push(i);
      expect(points.taken).toBe(found.length);
      return found;
    };
    const whole = taken();
    const shards = [0, 1, 2].map((index) => taken({ index, of: 3 }));
    expect(shards.flat().sort((a, b) => a - b)).toEqual(whole);
    if (schedule.kind === 'every-instruction') {
      expect(whole.length).toBe(3 * defaultBlockPoints + 10);
      for (const shard of shards) expect(shard.length).toBeGreaterThan(0);
    }
  });

  it('refuse what is no schedule by instructions', () => {
    expect(() => new Points({ kind: 'every', instructions: 0 })).toThrow(RangeError);
    expect(() => new Points({ kind: 'random', seed: 1, mean: 0 })).toThrow(RangeError);
    expect(() => new Points({ kind: 'at', addresses: [1] })).toThrow(RangeError);
  });
});

describe.each(targets)('on %s', (target) => {
  it('the stack followed at calls and returns is the one followed at every instruction', () => {
    const webAssembly = createWebAssembly({ target });
    const { machine } = webAssembly;
    const { core } = machine;
    const reference = new TrueStack(core);
    const truth = new Truth(core);
    let instructions = 0;
    let versions = 0;
    const compare = (): void => {
      const expected = reference.activations.map((a) => a.returnAddress).filter((a) => a !== core.exitStub);
      expect(truth.returns.slice(0, truth.depth)).toEqual(expected);
    };
    machine.runner = {
      run() {
        for (;;) {
          reference.observe();
          truth.observe(truth.stack.kindAt(core.pc));
          if (truth.version !== versions || instructions % 97 === 0) compare();
          versions = truth.version;
          instructions++;
          const stop = core.step();
          if (stop.reason === 'count') continue;
          reference.observe();
          truth.settle();
          return stop;
        }
      },
      entered(adapter) {
        reference.enter(adapter, core.exitStub);
        truth.enter(adapter, core.exitStub);
      },
      left(sp) {
        reference.unwindTo(sp);
        truth.unwindTo(sp);
        compare();
      },
    };
    const { round } = mixed(webAssembly);
    for (let n = 0; n < 3; n++) round(n);
    expect(instructions).toBeGreaterThan(2000);
    expect(versions).toBeGreaterThan(100);
    expect(reference.activations.filter(({ callSite }) => callSite !== FROM_HOST)).toEqual([]);
    machine.close();
  });

  it.each(schemeNames)('no reading is spared that would be another one, scheme %s', (scheme) => {
    const webAssembly = createWebAssembly({ target, scheme });
    const { machine } = webAssembly;
    const check = new HostCheck(machine, { scheme, points: new Points({ kind: 'every-instruction' }) });
    check.during(() => {
      const { round } = mixed(webAssembly);
      round(1);
    });
    expect(check.difference).toBeUndefined();
    // The word that the innermost record names is spoiled between two instructions: it is seen at the next one.
    const spoilt = createWebAssembly({ target, scheme });
    const points = new Points({ kind: 'every-instruction' });
    const other = new HostCheck(spoilt.machine, { scheme, points });
    const { core, stack, wordBytes } = spoilt.machine;
    let spoiltAt = -1;
    const step = core.step.bind(core);
    core.step = () => {
      const stop = step();
      if (spoiltAt < 0 && points.taken > 200 && other.truth.depth >= 4) {
        const { callerSp, returnAddress } = other.truth.stack.activations[2];
        for (let at = callerSp - wordBytes; at >= core.sp; at -= wordBytes) {
          if (spoilt.machine.readStack(at) !== returnAddress) continue;
          stack.writeU32(at, 0);
          spoiltAt = points.taken;
          break;
        }
        if (spoiltAt < 0) throw new Error('no return address is on the stack');
      }
      return stop;
    };
    try {
      other.during(() => mixed(spoilt).round(1));
    } catch {
      // The difference, or what the program made of it.
    }
    if (scheme === 'none') expect(other.difference).toBeUndefined();
    else expect(other.difference?.interrupt).toBe(spoiltAt);
    webAssembly.machine.close();
    spoilt.machine.close();
  });

  it('ends a call that does not end, and checks the next one', () => {
    const webAssembly = createWebAssembly({ target, scheme: 'atomic' });
    const { machine } = webAssembly;
    const points = new Points({ kind: 'every-instruction' });
    const check = new HostCheck(machine, { scheme: 'atomic', points, budget: 5000 });
    const text = `(module (func (export "loop") (loop (br 0))) (func (export "one") (result i32) (i32.const 1))
      (func $deep (export "deep") (call $deep) (call $deep)))`;
    const { exports } = new webAssembly.Instance(new webAssembly.Module(assembleText(text)));
    const { loop, one, deep } = exports as Functions;
    check.during(() => {
      expect(() => loop(0)).toThrow(CheckEnded);
      expect(points.taken).toBeGreaterThan(4900);
      expect(() => deep(0)).toThrow(CheckEnded);
      // Deep stacks cost more than shallow ones.
      expect(points.taken).toBeLessThan(10_000);
      expect(one(0)).toBe(1);
    });
    expect(check.difference).toBeUndefined();
    machine.close();
  });
});
