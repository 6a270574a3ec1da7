import type { Image, ImageFunction } from '../compiler/image/image.ts';
import { functionAt, trapAt } from '../compiler/image/lookup.ts';
import type { Module } from '../compiler/wasm/module.ts';

/** An image in the code memory of a machine. Addresses are guest addresses, offsets are those of `Image.code`. */
export class LoadedImage {
  readonly image: Image;
  /** Address of `Image.code`. */
  readonly base: number;
  /** First address behind it. */
  readonly end: number;
  /** Addresses of the data segments' bytes, in module order. */
  readonly dataSegments: readonly number[];
  /** What V8 would call its script: the module's name, if it has one, and a hash of its bytes. */
  readonly label: string;

  constructor(image: Image, base: number, dataSegments: readonly number[]) {
    this.image = image;
    this.base = base;
    this.end = base + image.code.length;
    this.dataSegments = dataSegments;
    this.label = moduleLabel(image.module);
  }

  /** Address of a function by its symbol id. */
  address(symbol: number): number {
    return this.base + this.image.functions[symbol].offset;
  }

  /** The function whose code holds `offset`, or undefined between functions and in the constants. */
  functionAt(offset: number): ImageFunction | undefined {
    return functionAt(this.image, offset);
  }

  /** The trap of the instruction exactly at `offset`, or -1. */
  trapAt(offset: number): number {
    return trapAt(this.image, offset) ?? -1;
  }
}

/** `name-hash` or `hash`, the hash eight hexadecimal digits of FNV-1a over the module's bytes. */
function moduleLabel(module: Module): string {
  let hash = 0x811c9dc5;
  for (const byte of module.bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  const text = (hash >>> 0).toString(16).padStart(8, '0');
  return module.names.module === undefined ? text : `${module.names.module}-${text}`;
}
