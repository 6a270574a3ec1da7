import { CompileError } from '../errors.ts';
import { signatureText } from '../wasm/function-types.ts';
import type { FunctionType, Module } from '../wasm/module.ts';

/** The module that a WASI command imports its functions from (WASI preview 1). */
export const wasiModule = 'wasi_snapshot_preview1';

/** What a function of `module` is like. */
export function functionType(module: Module, index: number): FunctionType {
  return module.types[module.functions[index].typeIndex];
}

/** Index of the exported function `name`, or undefined. */
export function exportedFunction(module: Module, name: string): number | undefined {
  return module.exports.find((entry) => entry.kind === 'function' && entry.name === name)?.index;
}

/** True for a module that looks like a WASI command: exports `_start`, and imports nothing but functions of WASI. */
export function isCommand({ imports, exports }: Module): boolean {
  return (
    exports.some(({ kind, name }) => kind === 'function' && name === '_start') &&
    imports.every(({ kind, module }) => kind === 'function' && module === wasiModule)
  );
}

/**
 * Indices of the functions of `wasi` that serve the imports of a WASI command, in their order.
 * @throws CompileError `unsupported` for a module that is no command, and imports that an executable does not provide, naming them
 */
export function linkCommand(app: Module, wasi: Module): number[] {
  const start = exportedFunction(app, '_start');
  if (start === undefined)
    fail(
      "exports no function '_start': an executable is made of a WASI command, other modules become images",
    );
  const startType = signatureText(functionType(app, start));
  if (startType !== '() -> ()') fail(`'_start' is of type ${startType}; that of a WASI command is () -> ()`);
  if (!app.exports.some(({ kind, name }) => kind === 'memory' && name === 'memory'))
    fail("exports no memory 'memory', which WASI reads and writes");
  return app.imports.map(({ module, name, kind, index }) => {
    if (kind !== 'function' || module !== wasiModule)
      fail(
        `imports ${kind} ${module}.${name}; an executable provides the functions of ${wasiModule} and nothing else`,
      );
    const found = exportedFunction(wasi, name);
    if (found === undefined || !wasiFunctions.has(name))
      fail(`imports ${module}.${name}, which is no function of WASI preview 1 that an executable provides`);
    const wanted = signatureText(functionType(app, index));
    const provided = signatureText(functionType(wasi, found));
    if (wanted !== provided)
      fail(`imports ${module}.${name} as ${wanted}, but an executable provides it as ${provided}`);
    return found;
  });
}

/**
 * The functions of WASI preview 1, all of them. Whatever else the runtime exports takes native addresses and is never a
 * program's to call.
 */
const wasiFunctions: ReadonlySet<string> = new Set(
  `args_get args_sizes_get environ_get environ_sizes_get clock_res_get clock_time_get
  fd_advise fd_allocate fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get
  fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_get fd_prestat_dir_name fd_pwrite fd_read fd_readdir
  fd_renumber fd_seek fd_sync fd_tell fd_write path_create_directory path_filestat_get path_filestat_set_times path_link
  path_open path_readlink path_remove_directory path_rename path_symlink path_unlink_file poll_oneoff proc_exit proc_raise
  sched_yield random_get sock_accept sock_recv sock_send sock_shutdown`.split(/\s+/),
);

function fail(message: string): never {
  throw new CompileError('unsupported', message);
}
