;; Floats at odd addresses, for signals.spec.ts: copies an f32 and an f64, prints the bytes, and then reads one beyond the memory.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\80\00\00\00\10\00\00\00")
  (data (i32.const 65) "abcd" "ABCDEFGH")

  (func $copy_single (param $from i32) (param $to i32)
    (f32.store offset=4 (local.get $to)
      (f32.add (f32.load offset=4 (local.get $from)) (f32.const 0))))
  (func $copy_double (param $from i32) (param $to i32)
    (f64.store offset=8 (local.get $to)
      (f64.add (f64.load offset=8 (local.get $from)) (f64.const 0))))

  (func $_start (export "_start")
    (call $copy_single (i32.const 61) (i32.const 125))
    (call $copy_double (i32.const 61) (i32.const 127))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $copy_double (i32.const 65522) (i32.const 128))))
