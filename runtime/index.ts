import type { RuntimeModules } from '../compiler/executable.ts';
import { handlerBinary } from './handler.generated.ts';
import { wasiBinary } from './wasi.generated.ts';

let modules: RuntimeModules | undefined;

/** The runtime as `asc` compiled it from `runtime/assembly`: always the same arrays. */
export function runtimeModules(): RuntimeModules {
  modules ??= {
    wasi: new Uint8Array(Buffer.from(wasiBinary, 'base64')),
    handler: new Uint8Array(Buffer.from(handlerBinary, 'base64')),
  };
  return modules;
}
