import type { RuntimeModules } from '../compiler/executable.ts';
import { handlerBinary } from './handler.generated.ts';
import { wasiBinary } from './wasi.generated.ts';

/** The runtime as `asc` compiled it from `runtime/assembly`. */
export function runtimeModules(): RuntimeModules {
  return {
    wasi: new Uint8Array(Buffer.from(wasiBinary, 'base64')),
    handler: new Uint8Array(Buffer.from(handlerBinary, 'base64')),
  };
}
