import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { compileFunction } from 'node:vm';

/**
 * Loads a CommonJS package, and all that it requires, unchanged, with another `WebAssembly` than the host's: its JavaScript
 * glue then runs its module on an emulated core. Nothing global is touched, so several of them live side by side.
 *
 * @param path what `require` would take, resolved from `from`
 * @param webAssembly the namespace, see `createWebAssembly`
 * @param from file or URL that the path is relative to
 * @param instead what the package sees in place of globals (`Date`) and of Node's own modules (`node:crypto`), by their names
 * @throws Error as `require` does where the package is not found
 */
export function requireWithWebAssembly(
  path: string,
  webAssembly: object,
  from: string | URL,
  instead: Readonly<Record<string, unknown>> = {},
): unknown {
  const globals = Object.keys(instead).filter((name) => !name.includes(':'));
  const cache = new Map<string, { exports: unknown }>();

  const load = (request: string, parent: string | URL): unknown => {
    if (isBuiltin(request)) return instead[request] ?? createRequire(parent)(request);
    const file = createRequire(parent).resolve(request);
    const cached = cache.get(file);
    if (cached) return cached.exports;
    const module: { exports: unknown } = { exports: {} };
    cache.set(file, module);
    const source = readFileSync(file, 'utf8');
    if (file.endsWith('.json')) {
      module.exports = JSON.parse(source);
      return module.exports;
    }
    const wrapped = compileFunction(
      source,
      ['module', 'exports', 'require', '__filename', '__dirname', 'WebAssembly', ...globals],
      { filename: file },
    );
    const require = Object.assign((inner: string) => load(inner, file), {
      resolve: createRequire(file).resolve,
    });
    const scope = [module, module.exports, require, file, dirname(file), webAssembly];
    wrapped.call(module.exports, ...scope, ...globals.map((name) => instead[name]));
    return module.exports;
  };
  return load(path, from);
}
