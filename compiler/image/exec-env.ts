import { descriptorLayout } from '../abi.ts';
import type { FunctionTypes } from '../wasm/function-types.ts';
import type { Area } from './area.ts';
import type { Image } from './image.ts';

/** An instance of an image at fixed addresses. */
export interface Instance {
  readonly image: Image;
  /** Address of `Image.code`. */
  readonly code: number;
  /** Address of the exec env. */
  readonly env: number;
  /** Addresses of what lies outside the exec env, in the module's order. */
  readonly dataSegments: readonly number[];
  readonly elementSegments: readonly number[];
  readonly tables: readonly number[];
  /** Address and bytes; 0, 0 where the memory comes to be only when the program starts. */
  readonly memory: { readonly address: number; readonly bytes: number };
  /** Descriptors of imported functions, 0 for those that are instructions. */
  readonly imports: readonly number[];
}

/** Fields of the exec env's header that say where the instance runs. */
export interface EnvHeaderValues {
  readonly thread: number;
  readonly stackLimit: number;
  readonly hostCall: number;
  readonly hostData: number;
}

/** Address of the descriptor of function `index`, which something besides direct calls can name. */
export function descriptorOf({ image, env }: Instance, index: number): number {
  return env + image.env.descriptors[index];
}

/** Address of the code of symbol `id`. */
export function codeOf({ image, code }: Instance, id: number): number {
  return code + image.functions[id].offset;
}

/** Number of references in element segment `index`. */
export function elementCount({ module }: Image, index: number): number {
  const { functions, expressions } = module.elements[index];
  return functions?.length ?? expressions?.length ?? 0;
}

/** Writes the exec env of an instance whose init function has not run: all that `emu/loader.ts` writes, too. */
export function writeExecEnv(
  data: Area,
  instance: Instance,
  types: FunctionTypes,
  values: EnvHeaderValues,
): void {
  const { image, env } = instance;
  const { module, env: layout } = image;
  const { word, header } = layout;
  data.u32(env + header.abiVersion, image.abiVersion);
  data.u32(env + header.layoutHash, image.layoutHash);
  data.putWord(env + header.thread, values.thread);
  data.putWord(env + header.stackLimit, values.stackLimit);
  data.putWord(env + header.hostCall, values.hostCall);
  data.putWord(env + header.hostData, values.hostData);
  const pair = (at: number, first: number, second: number): void => {
    data.putWord(env + at, first);
    data.putWord(env + at + word, second);
  };
  for (const at of layout.memories) pair(at, instance.memory.address, instance.memory.bytes);
  layout.tables.forEach((at, i) => {
    pair(at, instance.tables[i], module.tables[i].minimum);
  });
  layout.functionImports.forEach((at, i) => {
    data.putWord(env + at, instance.imports[i]);
  });
  layout.typeIds.forEach((at, i) => {
    data.u32(env + at, types.id(module.types[i]));
  });
  layout.dataSegments.forEach((at, i) => {
    pair(at, instance.dataSegments[i], module.data[i].end - module.data[i].start);
  });
  layout.elementSegments.forEach((at, i) => {
    pair(at, instance.elementSegments[i], elementCount(image, i));
  });
  writeDescriptors(data, instance, types);
}

function writeDescriptors(data: Area, instance: Instance, types: FunctionTypes): void {
  const { image, env } = instance;
  const { module, symbols } = image;
  const layout = descriptorLayout(image.env.word);
  image.env.descriptors.forEach((offset, index) => {
    if (offset < 0) return;
    const { typeIndex } = module.functions[index];
    const at = env + offset;
    data.u32(at + layout.typeId, types.id(module.types[typeIndex]));
    data.u32(at + layout.index, index);
    data.putWord(at + layout.code, codeOf(instance, symbols.wasm[index]));
    data.putWord(at + layout.cross, codeOf(instance, symbols.cross[typeIndex]));
    data.putWord(at + layout.env, env);
  });
}
