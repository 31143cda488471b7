"""Guests for tests, as text of WebAssembly."""

from __future__ import annotations

__all__ = ["ABI", "CAT", "CORE", "EXIT", "MANY", "SLEEPER", "SPINNER"]

CORE = """(module
  (memory (export "memory") 1 16)
  (func (export "hv_abi") (result i32) (i32.const 1))
  (func (export "hv_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hv_handle") (param i32 i32 i32 i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get 2)) (i64.const 32)) (i64.extend_i32_u (local.get 3)))))"""
"""A core Mechtron that answers with the body that it was sent."""

CAT = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "\\00\\01\\00\\00\\00\\40\\00\\00")
  (func (export "_start") (local $n i32)
    (loop $more
      (i32.store (i32.const 4) (i32.const 16384))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $n (i32.load (i32.const 8)))
      (if (local.get $n) (then
        (i32.store (i32.const 4) (local.get $n))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br $more))))))"""
"""A command that copies its standard input to its standard output."""

EXIT = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 7))))"""
"""A command that ends with the exit code 7."""

SLEEPER = """(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 3600000000000))
    (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))))"""
"""A command that sleeps for an hour."""

SPINNER = """(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"""
"""A command that never ends."""

ABI = """
  (func (export "hv_abi") (result i32) (i32.const 1))
  (func (export "hv_alloc") (param i32) (result i32) (i32.const 4096))
  (func $text (param $at i32) (param $n i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (local.get $n))))
  (func $is (param $m i32) (param $c i32) (result i32) (i32.eq (i32.load8_u (local.get $m)) (local.get $c)))
"""
MANY = f"""(module
  (import "hyperverse" "ping" (func $ping (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "hyperverse" "state_get" (func $get (param i32 i32) (result i64)))
  (import "hyperverse" "state_set" (func $set (param i32 i32 i32 i32) (result i64)))
  (import "hyperverse" "take" (func $take (param i32)))
  (import "hyperverse" "log" (func $log (param i32 i32)))
  (import "hyperverse" "agent" (func $agent (result i64)))
  (import "hyperverse" "header" (func $header (param i32 i32) (result i64)))
  (import "hyperverse" "time" (func $time (result i64)))
  (import "hyperverse" "random" (func $random (param i32 i32)))
  (memory (export "memory") 2 64)
  (table 1 funcref)
  (data (i32.const 0) "n")
  (data (i32.const 16) "localhost:other")
  (data (i32.const 48) "Ext<Hello>")
  (data (i32.const 64) "an error of mine")
  (data (i32.const 96) "\\ff\\fe")
  (data (i32.const 112) "colour")
  (global $calls (mut i32) (i32.const 0))
{ABI}
  (func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))
  (func (export "hv_handle") (param $m i32) (param $mn i32) (param $b i32) (param $bn i32) (result i64) (local $r i64)
    (if (call $is (local.get $m) (i32.const 69)) (then (return (call $text (local.get $b) (local.get $bn))))) ;; Echo
    (if (call $is (local.get $m) (i32.const 67)) (then ;; Count: a digit in the state
      (i32.store8 (i32.const 200) (i32.const 48))
      (local.set $r (call $get (i32.const 0) (i32.const 1)))
      (if (i64.eq (i64.shr_u (local.get $r) (i64.const 32)) (i64.const 200)) (then (call $take (i32.const 200))))
      (i32.store8 (i32.const 200) (i32.add (i32.load8_u (i32.const 200)) (i32.const 1)))
      (drop (call $set (i32.const 0) (i32.const 1) (i32.const 200) (i32.const 1)))
      (if (local.get $bn) (then unreachable))
      (return (call $text (i32.const 200) (i32.const 1)))))
    (if (call $is (local.get $m) (i32.const 77)) (then ;; Mine: a digit in a global
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (i32.store8 (i32.const 200) (i32.add (global.get $calls) (i32.const 48)))
      (return (call $text (i32.const 200) (i32.const 1)))))
    (if (call $is (local.get $m) (i32.const 65)) (then ;; Ask another
      (local.set $r (call $ping (i32.const 16) (i32.const 15) (i32.const 48) (i32.const 10)
        (local.get $b) (local.get $bn)))
      (call $take (i32.const 300))
      (return (call $text (i32.const 300) (i32.wrap_i64 (local.get $r))))))
    (if (call $is (local.get $m) (i32.const 87)) (then ;; Who asks
      (local.set $r (call $agent)) (call $take (i32.const 300))
      (return (call $text (i32.const 300) (i32.wrap_i64 (local.get $r))))))
    (if (call $is (local.get $m) (i32.const 72)) (then ;; Header
      (local.set $r (call $header (i32.const 112) (i32.const 6))) (call $take (i32.const 300))
      (return (call $text (i32.const 300) (i32.wrap_i64 (local.get $r))))))
    (if (call $is (local.get $m) (i32.const 88)) (then ;; X: an error
      (return (i64.or (call $text (i32.const 64) (i32.const 16)) (i64.const 0x80000000)))))
    (if (call $is (local.get $m) (i32.const 83)) (then (loop (br 0)))) ;; Spin
    (if (call $is (local.get $m) (i32.const 66)) (then ;; Bomb
      (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable))
    (if (call $is (local.get $m) (i32.const 68)) (then (drop (call $deep (i32.const 1))))) ;; Deep
    (if (call $is (local.get $m) (i32.const 84)) (then unreachable)) ;; Trap
    (if (call $is (local.get $m) (i32.const 76)) (then (return (call $text (i32.const -16) (i32.const 1000))))) ;; Lie
    (if (call $is (local.get $m) (i32.const 85)) (then (return (call $text (i32.const 96) (i32.const 2))))) ;; Utf
    (if (call $is (local.get $m) (i32.const 75)) (then (call $log (i32.const -5) (i32.const 10)))) ;; K: a lie to us
    (call $log (i32.const 64) (i32.const 16))
    (call $random (i32.const 400) (i32.const 8))
    (drop (call $time))
    (call $text (i32.const 0) (i32.const 0))))"""
"""A core Mechtron with a method for each thing that can happen; the first letter says which."""
