import type { Image, ImageFunction } from '../../compiler/image/image.ts';
import type { Module } from '../../compiler/wasm/module.ts';
import type { Profile, ProfileNode, SamplesByOffset } from '../../emu/profile.ts';
import { ModuleText } from './wasm-text.ts';

/**
 * What a frame is of. `cause` is no function: it stands outermost in stacks whose outermost frames could not be read, and its
 * name says why. `none` stands for stacks without any frame, which are those of adapters.
 */
export type FunctionKind = 'wasm' | 'host' | 'init' | 'cause' | 'none';

/** A function in a profile. */
export interface ProfileFunction {
  /** Index in {@link ProfileModel.functions}. */
  readonly id: number;
  readonly name: string;
  readonly kind: FunctionKind;
  /** What it is compiled from; undefined where it is no function. */
  readonly source: ProfileModule | undefined;
  /** In the module's function space, or -1. */
  readonly wasmIndex: number;
}

/** A module in a profile. */
export interface ProfileModule {
  /** Index in {@link ProfileModel.modules}. */
  readonly id: number;
  /** Its name, if it has one, and a hash of its bytes. */
  readonly label: string;
  readonly module: Module;
  readonly text: ModuleText;
}

/** A stack of frames; an index in {@link ProfileModel.nodes} names it. */
export interface StackEntry {
  /** The stack without its innermost frame, or -1. Callers come before their callees. */
  readonly caller: number;
  /** Innermost function. */
  readonly function: ProfileFunction;
  /** Byte offset in the caller's module of the operator that called, or -1. */
  readonly callOffset: number;
  /** Samples of exactly this stack by the byte offset of the running operator (-1: none of the function's). */
  readonly self: ReadonlyMap<number, number>;
}

/** A frame of a stack. */
export interface Frame {
  readonly function: ProfileFunction;
  /** Byte offset of the operator that runs in it or called from it, or -1. */
  readonly offset: number;
  /** Line in the module's text: the operator's, else the function's first; 0 where there is no text. */
  readonly line: number;
}

/** Samples with the same frames. */
export interface SampledStack {
  /** Innermost first. */
  readonly frames: readonly Frame[];
  readonly count: number;
}

/** A profile ready to be written in any format: functions and modules numbered, what could not be attributed made into frames. */
export interface ProfileModel {
  /** What was sampled, for people: file and export. */
  readonly title: string;
  readonly profile: Profile;
  readonly modules: readonly ProfileModule[];
  readonly functions: readonly ProfileFunction[];
  readonly nodes: readonly StackEntry[];
}

interface MutableEntry extends StackEntry {
  readonly self: Map<number, number>;
}

/** Makes a profile ready to be written. */
export function modelOf(title: string, profile: Profile): ProfileModel {
  const builder = new Builder();
  // Where each stack is, by the cause for which it is no whole one.
  const places = new Map<ProfileNode, number>([[profile.root, -1]]);
  const open: ProfileNode[] = [profile.root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const place = places.get(node) ?? -1;
    if (node.complete.size > 0) builder.count(place, node.complete);
    for (const [cause, counts] of node.failed) {
      let partial = builder.add(-1, builder.special('cause', cause), -1);
      for (const each of pathTo(node))
        partial = builder.add(partial, builder.functionOf(each), each.callOffset);
      builder.count(partial, counts);
    }
    for (const callee of node.callees) {
      places.set(callee, builder.add(place, builder.functionOf(callee), callee.callOffset));
      open.push(callee);
    }
  }
  return { title, profile, modules: builder.modules, functions: builder.functions, nodes: builder.nodes };
}

/** Stacks outermost first, from the one with one frame. */
function pathTo(innermost: ProfileNode): ProfileNode[] {
  const path: ProfileNode[] = [];
  for (let node: ProfileNode | null = innermost; node?.symbol; node = node.caller) path.push(node);
  return path.reverse();
}

class Builder {
  readonly modules: ProfileModule[] = [];
  readonly functions: ProfileFunction[] = [];
  readonly nodes: MutableEntry[] = [];
  private readonly byImage = new Map<Image, ProfileModule>();
  private readonly bySymbol = new Map<ImageFunction, ProfileFunction>();
  private readonly byCause = new Map<string, ProfileFunction>();
  /** Stacks by caller, function and call. */
  private readonly known = new Map<string, number>();

  functionOf({ symbol, image }: ProfileNode): ProfileFunction {
    if (symbol === null || image === null) return this.special('none', '(no frame)');
    let found = this.bySymbol.get(symbol);
    if (found === undefined) {
      const kind = symbol.kind === 'wasm' || symbol.kind === 'init' ? symbol.kind : 'host';
      const source = this.moduleOf(image.image, image.label);
      const { name, wasmIndex: index } = symbol;
      // Images are files that anyone can write: an index need not be one.
      const wasmIndex = kind === 'wasm' && source.text.start(index) > 0 ? index : -1;
      found = { id: this.functions.length, name, kind, source, wasmIndex };
      this.functions.push(found);
      this.bySymbol.set(symbol, found);
    }
    return found;
  }

  /** What stands in for a function. */
  special(kind: 'cause' | 'none', name: string): ProfileFunction {
    const text = kind === 'cause' ? `[${name}]` : name;
    let found = this.byCause.get(text);
    if (found === undefined) {
      found = { id: this.functions.length, name: text, kind, source: undefined, wasmIndex: -1 };
      this.functions.push(found);
      this.byCause.set(text, found);
    }
    return found;
  }

  /** The stack that is `caller` and one frame more. */
  add(caller: number, of: ProfileFunction, call: number): number {
    const callOffset = caller < 0 ? -1 : within(this.nodes[caller].function, call);
    const key = `${caller},${of.id},${callOffset}`;
    let index = this.known.get(key);
    if (index === undefined) {
      index = this.nodes.length;
      this.nodes.push({ caller, function: of, callOffset, self: new Map() });
      this.known.set(key, index);
    }
    return index;
  }

  count(place: number, counts: SamplesByOffset): void {
    const index = place < 0 ? this.add(-1, this.special('none', '(no frame)'), -1) : place;
    const { self, function: of } = this.nodes[index];
    for (const [at, { count }] of counts) {
      const offset = within(of, at);
      self.set(offset, (self.get(offset) ?? 0) + count);
    }
  }

  private moduleOf(image: Image, label: string): ProfileModule {
    const { module } = image;
    let found = this.byImage.get(image);
    if (found === undefined) {
      found = { id: this.modules.length, label, module, text: new ModuleText(module) };
      this.modules.push(found);
      this.byImage.set(image, found);
    }
    return found;
  }
}

/** The offset, or -1 where it is not in the function's own body: images are files that anyone can write. */
function within({ source, wasmIndex }: ProfileFunction, offset: number): number {
  const body = source?.module.functions[wasmIndex];
  return body !== undefined && offset >= body.bodyStart && offset < body.bodyEnd ? offset : -1;
}

/** Every stack that samples ended in, with the operators of its frames. */
export function* stacksOf({ nodes }: ProfileModel): Generator<SampledStack> {
  for (const node of nodes) {
    for (const [offset, count] of node.self) {
      const frames = [frame(node.function, offset)];
      for (let callee = node; callee.caller >= 0; callee = nodes[callee.caller])
        frames.push(frame(nodes[callee.caller].function, callee.callOffset));
      yield { frames, count };
    }
  }
}

function frame(of: ProfileFunction, offset: number): Frame {
  return { function: of, offset, line: lineOf(of, offset) };
}

/** Line in the module's text of the operator at `offset`, else of the function; 0 where there is no text. */
export function lineOf({ source, wasmIndex }: ProfileFunction, offset: number): number {
  if (source === undefined || wasmIndex < 0) return 0;
  return source.text.start(wasmIndex) + source.text.indexOf(wasmIndex, offset);
}

/** Instructions that the samples stand for, or undefined where nothing says how many one does. */
export const instructionsOf = (count: number, { interval }: Profile): number | undefined =>
  interval === undefined ? undefined : count * interval;
