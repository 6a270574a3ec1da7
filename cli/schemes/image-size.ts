import type { Image } from '../../compiler/image/image.ts';
import { encodeStackMap, type StackMapField } from '../../compiler/image/stack-map.ts';

/** What an image takes of memory in a program, in bytes. */
export interface ImageSize {
  /** Of all functions, adapters included, without padding. */
  readonly code: number;
  /**
   * The part of the stack map that says where frames and return addresses are: all rows of frames, and the words of each
   * function that no other part of it needs. 0 for `none`, of which nobody reads more than the innermost frame.
   */
  readonly frames: number;
  /** All else: constants, padding, data segments, and the map's names, positions and traps, which every scheme has. */
  readonly rest: number;
}

/** Words of a function's record in the map that only readers of whole stacks look at. */
const frameFields: readonly StackMapField[] = ['frames', 'frameBytes', 'recordOffset', 'slotBase', 'kind'];

/** Measures an image as it lies in memory: the code, its data segments, and the stack map as bytes. */
export function imageSize(image: Image): ImageSize {
  const { functions, map, module } = image;
  const code = functions.reduce((sum, { size }) => sum + size, 0);
  const data = module.data.reduce((sum, { start, end }) => sum + end - start, 0);
  const whole = encodeStackMap(image).length;
  const none = new Uint32Array(0);
  const withoutRows = encodeStackMap({ ...image, map: { ...map, frameAt: none } }).length;
  // A function without rows still has the byte that says so.
  const frames = whole - withoutRows + functions.length * (1 + 4 * frameFields.length);
  return {
    code,
    frames: image.scheme === 'none' ? 0 : frames,
    rest: image.code.length - code + data + whole - frames,
  };
}
