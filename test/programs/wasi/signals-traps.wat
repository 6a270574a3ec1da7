;; Every way to trap, for signals.spec.ts: `signals-traps LETTER`. Each function traps in one operator, which V8 names the same.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (type $value (func (result i32)))
  (type $other (func (param i64)))
  (memory (export "memory") 1)
  (data $d "abc")
  (table $t 4 funcref)
  (elem $e func $one)
  (elem (table $t) (i32.const 1) func $one)
  (global $zero (mut i32) (i32.const 0))
  (func $one (result i32) (i32.const 1))

  (func $a_unreachable (unreachable))
  (func $b_load (drop (i32.load (i32.const 65533))))
  (func $c_store (i64.store (i32.const -1) (i64.const 0)))
  (func $d_load_float (drop (f64.load offset=65532 (global.get $zero))))
  (func $e_divide (drop (i32.div_s (i32.const 1) (global.get $zero))))
  (func $f_divide64 (drop (i64.div_u (i64.const 1) (i64.extend_i32_s (global.get $zero)))))
  (func $g_remainder (drop (i32.rem_u (i32.const 1) (global.get $zero))))
  (func $h_overflow
    (drop (i32.div_s (i32.const -2147483648) (i32.sub (global.get $zero) (i32.const 1)))))
  (func $i_truncate (drop (i32.trunc_f64_s (f64.convert_i32_s (i32.sub (global.get $zero) (i32.const 1)))))
    (drop (i32.trunc_f32_s (f32.const 1e10))))
  (func $j_call_null (drop (call_indirect $t (type $value) (i32.const 0))))
  (func $k_call_signature (call_indirect $t (type $other) (i64.const 0) (i32.const 1)))
  (func $l_call_outside (drop (call_indirect $t (type $value) (i32.const 4))))
  (func $m_table_get (drop (table.get $t (i32.const 4))))
  (func $n_table_init (table.init $t $e (i32.const 4) (i32.const 0) (i32.const 1)))
  (func $o_memory_copy (memory.copy (i32.const 65530) (i32.const 0) (i32.const 7)))
  (func $p_memory_init (memory.init $d (i32.const 0) (i32.const 1) (i32.const 3)))
  (func $q_memory_fill (memory.fill (i32.const 65530) (i32.const 0) (i32.const 7)))
  (func $r_recurse (call $r_recurse) (call $r_recurse))

  (table $all funcref
    (elem $a_unreachable $b_load $c_store $d_load_float $e_divide $f_divide64 $g_remainder $h_overflow $i_truncate
      $j_call_null $k_call_signature $l_call_outside $m_table_get $n_table_init $o_memory_copy $p_memory_init
      $q_memory_fill $r_recurse))

  (func $_start (export "_start")
    (drop (call $args_get (i32.const 16) (i32.const 256)))
    (call_indirect $all
      (i32.sub (i32.load8_u (i32.load (i32.const 20))) (i32.const 97)))))
