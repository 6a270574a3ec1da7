import { CompileError } from '../../compiler/errors.ts';
import type { Image, ImageFunction } from '../../compiler/image/image.ts';
import { ByteReader } from '../../compiler/wasm/bytes.ts';
import { functionName, type Module } from '../../compiler/wasm/module.ts';
import { operators } from '../../compiler/wasm/opcodes.ts';
import type { LoadedImage } from '../../emu/loaded-image.ts';
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
  const open: ProfileNode[] = [profile.root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.complete.size > 0) builder.count(builder.place(node), node.complete);
    for (const [cause, counts] of node.failed) builder.count(builder.partial(node, cause), counts);
    open.push(...node.callees);
  }
  return { title, profile, modules: builder.modules, functions: builder.functions, nodes: builder.nodes };
}

/** The stacks that lead to one, from the outermost frame's on. */
function pathTo(innermost: ProfileNode): ProfileNode[] {
  const path: ProfileNode[] = [];
  for (let node: ProfileNode | null = innermost; node?.symbol; node = node.caller) path.push(node);
  return path.reverse();
}

class Builder {
  readonly modules: ProfileModule[] = [];
  readonly functions: ProfileFunction[] = [];
  readonly nodes: MutableEntry[] = [];
  private readonly places = new Map<ProfileNode, number>();
  private readonly byImage = new Map<Image, ProfileModule>();
  private readonly bySymbol = new Map<ImageFunction, ProfileFunction>();
  private readonly byImport = new Map<string, ProfileFunction>();
  private readonly byCause = new Map<string, ProfileFunction>();
  /** Stacks by caller, function and call. */
  private readonly known = new Map<string, number>();

  /** The stack of `node`. Stacks that no sample ended in or went through get no place. */
  place(node: ProfileNode): number {
    const missing: ProfileNode[] = [];
    let place: number | undefined;
    for (let each: ProfileNode | null = node; each?.symbol; each = each.caller) {
      place = this.places.get(each);
      if (place !== undefined) break;
      missing.push(each);
    }
    let index = place ?? -1;
    for (let each = missing.pop(); each !== undefined; each = missing.pop()) {
      index = this.add(index, this.functionOf(each), each.callOffset);
      this.places.set(each, index);
    }
    return index;
  }

  /** The stack of `node` with the cause, for which it is no whole one, as its outermost frame. */
  partial(node: ProfileNode, cause: string): number {
    let index = this.add(-1, this.special('cause', cause), -1);
    for (const each of pathTo(node)) index = this.add(index, this.functionOf(each), each.callOffset);
    return index;
  }

  private functionOf(node: ProfileNode): ProfileFunction {
    const { symbol, image } = node;
    if (symbol === null || image === null) return this.special('none', '(no frame)');
    if (symbol.kind === 'host-adapter') return this.hostFunction(node, symbol, image);
    let found = this.bySymbol.get(symbol);
    if (found === undefined) {
      const kind = symbol.kind === 'init' ? 'init' : 'wasm';
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

  /** One adapter serves all imports of a type: which of them it is, the call says, unless that goes through a table. */
  private hostFunction(
    { caller, callOffset }: ProfileNode,
    adapter: ImageFunction,
    image: LoadedImage,
  ): ProfileFunction {
    const name = (caller?.image && importCalledAt(caller.image.image.module, callOffset)) ?? adapter.name;
    const source = this.moduleOf(caller?.image?.image ?? image.image, caller?.image?.label ?? image.label);
    const key = `${source.id},${name}`;
    let found = this.byImport.get(key);
    if (found === undefined) {
      found = { id: this.functions.length, name, kind: 'host', source, wasmIndex: -1 };
      this.functions.push(found);
      this.byImport.set(key, found);
    }
    return found;
  }

  /** What stands in for a function. */
  private special(kind: 'cause' | 'none', name: string): ProfileFunction {
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
  private add(caller: number, of: ProfileFunction, call: number): number {
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

/** Name of the import that the operator at `offset` calls, if it is one that does. */
function importCalledAt(module: Module, offset: number): string | undefined {
  const operator = offset < 0 ? undefined : operators[module.bytes[offset]];
  if (operator?.name !== 'call') return undefined;
  try {
    const index = new ByteReader(module.bytes, offset + 1).u32();
    return index < module.importedFunctions ? functionName(module, index) : undefined;
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
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
