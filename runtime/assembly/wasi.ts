/** The `wasi` image (docs/executables.md): start, services, and wasi_snapshot_preview1. */
export { args_get, args_sizes_get, environ_get, environ_sizes_get } from './args';
export { clock_res_get, clock_time_get } from './clock';
export {
  fd_advise,
  fd_allocate,
  fd_close,
  fd_datasync,
  fd_fdstat_get,
  fd_fdstat_set_flags,
  fd_fdstat_set_rights,
  fd_prestat_dir_name,
  fd_prestat_get,
  fd_renumber,
  fd_sync,
} from './fd';
export { fd_pread, fd_pwrite, fd_read, fd_seek, fd_tell, fd_write } from './io';
export { path_open } from './open';
export {
  path_create_directory,
  path_link,
  path_readlink,
  path_remove_directory,
  path_rename,
  path_symlink,
  path_unlink_file,
} from './path';
export { poll_oneoff } from './poll';
export { proc_exit, proc_raise, sched_yield } from './proc';
export { random_get } from './random';
export { fd_readdir } from './readdir';
export { service } from './service';
export { sock_accept, sock_recv, sock_send, sock_shutdown } from './sock';
export { main } from './start';
export {
  fd_filestat_get,
  fd_filestat_set_size,
  fd_filestat_set_times,
  path_filestat_get,
  path_filestat_set_times,
} from './stat';
