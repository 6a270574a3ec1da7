;; States to be interrupted in, for signals.spec.ts. `signals-states STATE`: l, an endless loop; d, one under 50,000 frames; s, asleep
;; for a second in poll_oneoff; r, blocked in fd_read of standard input. Prints `ready` before and, after s and r, `done`.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; 0: iovec, 8: result, 16: argv, 256: arguments, 512: texts, 1024: subscription, 1536: event, 2048: input.
  (data (i32.const 512) "ready\0adone\0a")

  (func $write (param $at i32) (param $bytes i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $bytes))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $done (call $write (i32.const 518) (i32.const 5)))

  (func $endless
    (loop $next (br $next)))
  (func $deep (param $left i32) (result i32)
    (if (i32.eqz (local.get $left)) (then (call $endless)))
    (i32.add (local.get $left) (call $deep (i32.sub (local.get $left) (i32.const 1)))))

  ;; A relative time of the monotonic clock: subscription_clock at 16, with its id at 16, timeout at 24.
  (func $sleep
    (i32.store8 (i32.const 1032) (i32.const 0))
    (i32.store (i32.const 1040) (i32.const 1))
    (i64.store (i32.const 1048) (i64.const 1000000000))
    (drop (call $poll_oneoff (i32.const 1024) (i32.const 1536) (i32.const 1) (i32.const 8)))
    (call $done))

  (func $read
    (i32.store (i32.const 0) (i32.const 2048))
    (i32.store (i32.const 4) (i32.const 64))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $write (i32.const 2048) (i32.load (i32.const 8)))
    (call $done))

  (func $_start (export "_start")
    (local $state i32)
    (drop (call $args_get (i32.const 16) (i32.const 256)))
    (local.set $state (i32.load8_u (i32.load (i32.const 20))))
    (call $write (i32.const 512) (i32.const 6))
    (if (i32.eq (local.get $state) (i32.const 0x6c)) (then (call $endless)))
    (if (i32.eq (local.get $state) (i32.const 0x64)) (then (drop (call $deep (i32.const 49998)))))
    (if (i32.eq (local.get $state) (i32.const 0x73)) (then (call $sleep)))
    (if (i32.eq (local.get $state) (i32.const 0x72)) (then (call $read)))))
