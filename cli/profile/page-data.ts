import { shown } from '../shown.ts';
import type { FunctionKind, ProfileModel } from './model.ts';

/** What the page of a profile is made of, as JSON. */
export interface PageData {
  readonly samples: number;
  /** Instructions from sample to sample, or null. */
  readonly interval: number | null;
  readonly modules: readonly string[];
  readonly functions: readonly PageFunction[];
  /** The flame graph: stacks by function, callers before their callees; node 0 is the empty stack, its own caller. */
  readonly nodes: {
    readonly caller: readonly number[];
    /** Index in `functions`; -1 for node 0. */
    readonly function: readonly number[];
    /** Samples of exactly this stack. */
    readonly self: readonly number[];
  };
  /** Lines by index in `functions`: of all that have text. */
  readonly listings: Readonly<Record<number, readonly PageLine[]>>;
}

export interface PageFunction {
  readonly name: string;
  readonly kind: FunctionKind;
  /** Index in `modules`, or -1. */
  readonly module: number;
  /** In the module's function space, or -1. */
  readonly index: number;
  /** Samples in which it was the innermost function. */
  readonly self: number;
  /** Samples in which it was on the stack, once each. */
  readonly total: number;
}

/** A line of a function's text: its samples as the running operator, and those in which it ran or had called. */
export type PageLine = readonly [offset: number, depth: number, text: string, self: number, total: number];

interface LineCounts {
  self: Float64Array;
  total: Float64Array;
}

/** Makes the page's data. */
export function pageData(model: ProfileModel): PageData {
  const { functions, nodes, profile } = model;
  const self = new Float64Array(functions.length);
  const total = new Float64Array(functions.length);
  const lines = functions.map(linesOf);
  // Of each stack and all that it leads to.
  const samples = nodes.map(({ self: counts }) =>
    [...counts.values()].reduce((sum, count) => sum + count, 0),
  );
  for (let k = nodes.length - 1; k >= 0; k--)
    if (nodes[k].caller >= 0) samples[nodes[k].caller] += samples[k];
  const callees: number[][] = nodes.map(() => []);
  const outermost: number[] = [];
  nodes.forEach(({ caller }, k) => {
    (caller < 0 ? outermost : callees[caller]).push(k);
  });

  // Functions and lines on the stack, as often as they are: recursion counts a sample once.
  const active = new Int32Array(functions.length);
  const activeLines = lines.map((counts) => new Int32Array(counts?.self.length ?? 0));
  const pending = outermost.map((k) => ({ node: k, leave: false }));
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    const { node, leave } = step;
    const { function: of, caller, callOffset, self: counts } = nodes[node];
    const calling = caller < 0 ? undefined : nodes[caller].function;
    const callLine = calling === undefined || callOffset < 0 ? -1 : lineIn(model, calling.id, callOffset);
    if (leave) {
      active[of.id]--;
      if (calling !== undefined && callLine >= 0) activeLines[calling.id][callLine]--;
      continue;
    }
    if (active[of.id]++ === 0) total[of.id] += samples[node];
    const callers = calling && lines[calling.id];
    if (calling && callers && callLine >= 0 && activeLines[calling.id][callLine]++ === 0)
      callers.total[callLine] += samples[node];
    const own = lines[of.id];
    for (const [offset, count] of counts) {
      self[of.id] += count;
      if (own === undefined) continue;
      const line = lineIn(model, of.id, offset);
      own.self[line] += count;
      if (activeLines[of.id][line] === 0) own.total[line] += count;
    }
    pending.push({ node, leave: true });
    for (const callee of callees[node]) pending.push({ node: callee, leave: false });
  }

  return {
    samples: profile.samples,
    interval: profile.interval ?? null,
    modules: model.modules.map(({ label }) => shown(label)),
    functions: functions.map((of) => ({
      name: shown(of.name),
      kind: of.kind,
      module: of.source?.id ?? -1,
      index: of.wasmIndex,
      self: self[of.id],
      total: total[of.id],
    })),
    nodes: flameGraph(model),
    listings: Object.fromEntries(
      functions.flatMap(({ id, source, wasmIndex }): [number, PageLine[]][] => {
        const counts = lines[id];
        if (source === undefined || counts === undefined) return [];
        const text = source.text.lines(wasmIndex);
        return [
          [
            id,
            text.map((line, k) => [
              line.offset,
              line.depth,
              shown(line.text),
              counts.self[k],
              counts.total[k],
            ]),
          ],
        ];
      }),
    ),
  };

  function linesOf({ source, wasmIndex }: (typeof functions)[number]): LineCounts | undefined {
    if (source === undefined || wasmIndex < 0) return undefined;
    const { length } = source.text.lines(wasmIndex);
    return { self: new Float64Array(length), total: new Float64Array(length) };
  }
}

/** Index in the function's lines of the operator at `offset`; -1 for functions without text. */
function lineIn({ functions }: ProfileModel, id: number, offset: number): number {
  const { source, wasmIndex } = functions[id];
  return source === undefined || wasmIndex < 0 ? -1 : source.text.indexOf(wasmIndex, offset);
}

/** Stacks by their functions alone: where these call each other makes no frames. */
function flameGraph({ nodes }: ProfileModel): PageData['nodes'] {
  const graph = { caller: [0], function: [-1], self: [0] };
  const known = new Map<string, number>();
  const places: number[] = [];
  for (const { caller, function: of, self } of nodes) {
    const from = caller < 0 ? 0 : places[caller];
    const key = `${from},${of.id}`;
    let place = known.get(key);
    if (place === undefined) {
      place = graph.caller.length;
      known.set(key, place);
      graph.caller.push(from);
      graph.function.push(of.id);
      graph.self.push(0);
    }
    for (const count of self.values()) graph.self[place] += count;
    places.push(place);
  }
  return graph;
}
