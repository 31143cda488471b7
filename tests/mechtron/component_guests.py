"""Components for tests, as text of WebAssembly."""

from __future__ import annotations

__all__ = ["BYTES", "HANDLE", "LIBC", "MANY_OF_COMPONENT"]

_HOST = """
  (import "cosmic:hyperverse/host@0.1.0" (instance $host
    (export "ping" (func (param "to" string) (param "method" string) (param "body" string)
      (result (result string (error string)))))
    (export "state-get" (func (param "key" string) (result (option string))))
    (export "state-set" (func (param "key" string) (param "value" string)))
    (export "log" (func (param "text" string)))
    (export "agent" (func (result string)))
    (export "header" (func (param "name" string) (result (option string))))
    (export "carries-bytes" (func (result bool)))
    (export "random" (func (param "size" u32) (result string)))
    (export "now" (func (result u64)))))"""
LIBC = """
  (core module $libc
    (memory (export "memory") 2 64)
    (global $top (mut i32) (i32.const 8192))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (global.get $top))
      (global.set $top (i32.and (i32.add (i32.add (global.get $top) (local.get 3)) (i32.const 7)) (i32.const -8)))
      (if (i32.gt_u (global.get $top) (i32.const 131072)) (then unreachable))
      (local.get $at)))
  (core instance $libc (instantiate $libc))"""
HANDLE = """
  (func (export "handle") (param "method" string) (param "body" {body}) (result (result {answer} (error string)))
    (canon lift (core func $m "handle") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc"))))"""


def _lowered(*names: str) -> str:
    lines = [
        f'(core func ${name} (canon lower (func $host "{name}") (memory (core memory $libc "memory"))'
        f' (realloc (core func $libc "realloc"))))'
        for name in names
    ]
    exports = " ".join(f'(export "{name}" (func ${name}))' for name in names)
    return "\n  ".join((*lines, f"(core instance $lowered {exports})"))


_NAMES = ("ping", "state-get", "state-set", "log", "agent", "header", "carries-bytes", "random", "now")
_MAIN = """
  (core module $main
    (import "libc" "memory" (memory 2))
    (import "host" "ping" (func $ping (param i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "state-get" (func $get (param i32 i32 i32)))
    (import "host" "state-set" (func $set (param i32 i32 i32 i32)))
    (import "host" "log" (func $log (param i32 i32)))
    (import "host" "agent" (func $agent (param i32)))
    (import "host" "header" (func $header (param i32 i32 i32)))
    (import "host" "carries-bytes" (func $bytes (result i32)))
    (import "host" "random" (func $random (param i32 i32)))
    (import "host" "now" (func $now (result i64)))
    (data (i32.const 0) "n")
    (data (i32.const 16) "localhost:other")
    (data (i32.const 48) "Ext<Hello>")
    (data (i32.const 64) "an error of mine")
    (data (i32.const 112) "colour")
    (global $calls (mut i32) (i32.const 0))
    (func $answer (param $error i32) (param $at i32) (param $n i32) (result i32)
      (i32.store (i32.const 1024) (local.get $error))
      (i32.store (i32.const 1028) (local.get $at)) (i32.store (i32.const 1032) (local.get $n)) (i32.const 1024))
    (func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))
    (func $is (param $m i32) (param $c i32) (result i32) (i32.eq (i32.load8_u (local.get $m)) (local.get $c)))
    (func (export "handle") (param $m i32) (param $mn i32) (param $b i32) (param $bn i32) (result i32)
      (if (call $is (local.get $m) (i32.const 69)) (then ;; Echo
        (return (call $answer (i32.const 0) (local.get $b) (local.get $bn)))))
      (if (call $is (local.get $m) (i32.const 67)) (then ;; Count
        (call $get (i32.const 0) (i32.const 1) (i32.const 200))
        (i32.store8 (i32.const 300) (i32.const 48))
        (if (i32.load8_u (i32.const 200)) (then
          (i32.store8 (i32.const 300) (i32.load8_u (i32.load (i32.const 204))))))
        (i32.store8 (i32.const 300) (i32.add (i32.load8_u (i32.const 300)) (i32.const 1)))
        (call $set (i32.const 0) (i32.const 1) (i32.const 300) (i32.const 1))
        (if (local.get $bn) (then unreachable))
        (return (call $answer (i32.const 0) (i32.const 300) (i32.const 1)))))
      (if (call $is (local.get $m) (i32.const 77)) (then ;; Mine
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.store8 (i32.const 300) (i32.add (global.get $calls) (i32.const 48)))
        (return (call $answer (i32.const 0) (i32.const 300) (i32.const 1)))))
      (if (call $is (local.get $m) (i32.const 65)) (then ;; Ask
        (call $ping (i32.const 16) (i32.const 15) (i32.const 48) (i32.const 10)
          (local.get $b) (local.get $bn) (i32.const 200))
        (return (call $answer (i32.load8_u (i32.const 200)) (i32.load (i32.const 204)) (i32.load (i32.const 208))))))
      (if (call $is (local.get $m) (i32.const 87)) (then ;; Who
        (call $agent (i32.const 200))
        (return (call $answer (i32.const 0) (i32.load (i32.const 200)) (i32.load (i32.const 204))))))
      (if (call $is (local.get $m) (i32.const 72)) (then ;; Header
        (call $header (i32.const 112) (i32.const 6) (i32.const 200))
        (return (call $answer (i32.eqz (i32.load8_u (i32.const 200)))
          (i32.load (i32.const 204)) (i32.load (i32.const 208))))))
      (if (call $is (local.get $m) (i32.const 79)) (then ;; Of bytes?
        (i32.store8 (i32.const 300) (i32.add (call $bytes) (i32.const 48)))
        (return (call $answer (i32.const 0) (i32.const 300) (i32.const 1)))))
      (if (call $is (local.get $m) (i32.const 82)) (then ;; Random
        (if (i64.lt_u (call $now) (i64.const 1000000000)) (then unreachable))
        (call $random (i32.const 8) (i32.const 200))
        (return (call $answer (i32.const 0) (i32.load (i32.const 200)) (i32.load (i32.const 204))))))
      (if (call $is (local.get $m) (i32.const 88)) (then ;; X: an error
        (return (call $answer (i32.const 1) (i32.const 64) (i32.const 16)))))
      (if (call $is (local.get $m) (i32.const 83)) (then (loop (br 0)))) ;; Spin
      (if (call $is (local.get $m) (i32.const 68)) (then (drop (call $deep (i32.const 1))))) ;; Deep
      (if (call $is (local.get $m) (i32.const 84)) (then unreachable)) ;; Trap
      (if (call $is (local.get $m) (i32.const 76)) (then ;; Lie
        (return (call $answer (i32.const 0) (i32.const -16) (i32.const 1000)))))
      (call $log (i32.const 64) (i32.const 16))
      (call $answer (i32.const 0) (i32.const 0) (i32.const 0))))
  (core instance $m (instantiate $main (with "libc" (instance $libc)) (with "host" (instance $lowered))))"""

MANY_OF_COMPONENT = (
    f"(component {_HOST}{LIBC}\n  {_lowered(*_NAMES)}{_MAIN}{HANDLE.format(body='string', answer='string')})"
)
"""A component with the world of Mechtrons, and a method for each thing that can happen; the first letter says which."""

BYTES = f"""(component {LIBC}
  (core module $main
    (import "libc" "memory" (memory 2))
    (func (export "handle") (param i32 i32 i32 i32) (result i32)
      (i32.store (i32.const 1028) (local.get 2)) (i32.store (i32.const 1032) (local.get 3)) (i32.const 1024)))
  (core instance $m (instantiate $main (with "libc" (instance $libc))))
  {HANDLE.format(body="(list u8)", answer="(list u8)")})"""
"""A component that echoes the body as a list of bytes, and imports nothing."""
