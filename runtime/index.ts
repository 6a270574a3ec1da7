import { handlerBinary } from './handler.generated.ts';
import { wasiBinary } from './wasi.generated.ts';

/** The wasm modules that an executable consists of besides the user's (docs/executables.md). */
export interface RuntimeModules {
  readonly wasi: Uint8Array;
  readonly handler: Uint8Array;
}

/** The runtime as `asc` compiled it from `runtime/assembly`. */
export function runtimeModules(): RuntimeModules {
  return {
    wasi: new Uint8Array(Buffer.from(wasiBinary, 'base64')),
    handler: new Uint8Array(Buffer.from(handlerBinary, 'base64')),
  };
}
