import wabt from 'wabt';
import type { RuntimeModules } from '../../compiler/executable.ts';

/**
 * A runtime as small as one can be, for tests of the linker that do not depend on the real one: `main` writes its number of
 * arguments, installs the handler for SIGUSR1, sends it, maps the program's memory and runs it. `fd_write` writes what one
 * iovec names; memory.grow gives a page and the answer 7; every function with another purpose shares its type with none of them.
 */
const wasi = `(module
  (import "fathom" "syscall" (func $syscall (param i32 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "fathom" "word_bytes" (func $word (result i32)))
  (import "fathom" "program_info" (func $info (result i64)))
  (import "fathom" "memory_base" (func $base (result i64)))
  (import "fathom" "load_u64" (func $load (param i64) (result i64)))
  (import "fathom" "load_word" (func $load_word (param i64) (result i64)))
  (import "fathom" "store_word" (func $store_word (param i64 i64)))
  (import "fathom" "call" (func $call (param i64)))
  (memory (export "memory") 1 1)
  (data (i32.const 16) "arguments: 0\\n")
  (table $numbers 1 1 funcref)
  (elem (i32.const 0) $number)
  ;; Numbers of system calls: x86-64 in the low half, ARM in the high half.
  (type $pick (func (param i32) (result i32)))
  (func $number (type $pick)
    (if (result i32) (i32.eq (call $word) (i32.const 8))
      (then (i32.and (local.get 0) (i32.const 0xffff))) (else (i32.shr_u (local.get 0) (i32.const 16)))))
  (func $linux (param $call i32) (param $a i64) (param $b i64) (param $c i64) (param $d i64) (result i64)
    (call $syscall (call_indirect (type $pick) (local.get $call) (i32.const 0))
      (local.get $a) (local.get $b) (local.get $c) (local.get $d) (i64.const -1) (i64.const 0)))
  (func $field (param i64) (result i64)
    (call $load (i64.add (call $info) (i64.shl (local.get 0) (i64.const 3)))))
  (func $write (param i64 i64) (drop (call $linux (i32.const 0x40001) (i64.const 1) (local.get 0) (local.get 1) (i64.const 0))))
  (func $store_at (param $i i32) (param i64)
    (call $store_word
      (i64.add (i64.add (call $base) (i64.const 64)) (i64.extend_i32_u (i32.mul (local.get $i) (call $word))))
      (local.get 1)))
  ;; Leaves words behind that are not zero, below the frames of who calls it.
  (func $soil (param i32) (if (local.get 0) (then (call $soil (i32.sub (local.get 0) (i32.const 1))) (drop (call $base)))))
  (func (export "main") (param $stack i64) (local $at i64)
    (call $soil (i32.const 500))
    (i32.store8 (i32.const 27) (i32.add (i32.const 48) (i32.wrap_i64 (call $load_word (local.get $stack)))))
    (call $write (i64.add (call $base) (i64.const 16)) (i64.const 13))
    ;; struct kernel_sigaction: handler, flags (SA_SIGINFO, SA_RESTORER), restorer, mask.
    (call $store_at (i32.const 0) (call $field (i64.const 13)))
    (call $store_at (i32.const 1) (i64.const 0x04000004))
    (call $store_at (i32.const 2) (call $field (i64.const 14)))
    (drop (call $linux (i32.const 0xae000d) (call $field (i64.const 15)) (i64.add (call $base) (i64.const 64)) (i64.const 0) (i64.const 8)))
    (drop (call $linux (i32.const 0x25003e)
      (call $linux (i32.const 0x140027) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)) (call $field (i64.const 15)) (i64.const 0) (i64.const 0)))
    ;; Two pages, of which the program has one at first.
    (local.set $at (call $linux (i32.const 0xc00009) (i64.const 0) (i64.const 131072) (i64.const 3) (i64.const 0x22)))
    (call $store_word (i64.add (call $field (i64.const 1)) (call $field (i64.const 4))) (local.get $at))
    (call $size (i64.const 65536))
    (call $call (call $field (i64.const 2)))
    (call $call (call $field (i64.const 3)))
    (call $exit (i32.const 0)))
  (func $size (param i64)
    (call $store_word
      (i64.add (i64.add (call $field (i64.const 1)) (call $field (i64.const 4))) (i64.extend_i32_u (call $word)))
      (local.get 0)))
  (func $exit (export "proc_exit") (param i32)
    (drop (call $linux (i32.const 0xf800e7) (i64.extend_i32_u (local.get 0)) (i64.const 0) (i64.const 0) (i64.const 0))))
  (func (export "fd_write") (param i32 i32 i32 i32) (result i32) (local $memory i64) (local $iovec i64)
    (local.set $memory (call $load_word (i64.add (call $field (i64.const 1)) (call $field (i64.const 4)))))
    (local.set $iovec (call $load (i64.add (local.get $memory) (i64.extend_i32_u (local.get 1)))))
    (call $write
      (i64.add (local.get $memory) (i64.and (local.get $iovec) (i64.const 0xffffffff)))
      (i64.shr_u (local.get $iovec) (i64.const 32)))
    (i32.const 0))
  (func (export "secret") (param i32))
  (func (export "service") (param i64 i32 i64 i64) (result i64)
    (call $size (i64.const 131072))
    (i64.const 7)))`;

/** Writes \`signal 10 handled\`, if the upper halves of what the trampoline handed over are as they should be. */
const handler = `(module
  (import "fathom" "syscall" (func $syscall (param i32 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "fathom" "word_bytes" (func $word (result i32)))
  (import "fathom" "memory_base" (func $base (result i64)))
  (import "fathom" "load_u32" (func $load (param i64) (result i32)))
  (memory (export "memory") 1 1)
  (global $wide (mut i32) (i32.const 0))
  (data (i32.const 0) "signal 00 handled\\n")
  (func $start (global.set $wide (i32.eq (call $word) (i32.const 8))))
  (start $start)
  (func (export "signal") (param $signal i32) (param $info i64) (param $context i64)
    (i32.store8 (i32.const 7) (i32.add (i32.const 48) (i32.div_u (local.get $signal) (i32.const 10))))
    (i32.store8 (i32.const 8) (i32.add (i32.const 48) (i32.rem_u (local.get $signal) (i32.const 10))))
    (if (i32.eqz (global.get $wide))
      (then (if (i64.ne (i64.shr_u (i64.or (local.get $info) (local.get $context)) (i64.const 32)) (i64.const 0))
        (then (unreachable)))))
    ;; si_signo is the first word.
    (if (i32.ne (call $load (local.get $info)) (local.get $signal)) (then (unreachable)))
    (drop (call $syscall
      (select (i32.const 1) (i32.const 4) (global.get $wide))
      (i64.const 1) (call $base) (i64.const 18) (i64.const 0) (i64.const 0) (i64.const 0)))))`;

const toolkit = await wabt();

/** A module from its text. */
export function assembleModule(text: string): Uint8Array {
  const parsed = toolkit.parseWat('test.wat', text);
  try {
    return parsed.toBinary({ write_debug_names: true }).buffer;
  } finally {
    parsed.destroy();
  }
}

export const smallRuntime: RuntimeModules = { wasi: assembleModule(wasi), handler: assembleModule(handler) };
