"""Guests that do what they must not, as text of WebAssembly."""

from __future__ import annotations

__all__ = ["ALLOC_LIES", "IMPORTS", "LIES", "STACKED", "STARTS", "TABLES", "core", "lying"]

_HEAD = """(module
  {imports}
  (memory (export "memory") 1 16)
  (data (i32.const 16) "\\ff\\fe")
  (data (i32.const 32) "localhost:other")
  (data (i32.const 64) "Ext<Hello>")
  (data (i32.const 80) "Ext<")
  {more}
  (func (export "hv_abi") (result i32) (i32.const 1))
  (func (export "hv_alloc") (param i32) (result i32) (i32.const {alloc}))
  (func (export "hv_handle") (param $m i32) (param $mn i32) (param $b i32) (param $bn i32) (result i64)
    {handle}
    (i64.or (i64.shl (i64.extend_i32_u (local.get $b)) (i64.const 32)) (i64.extend_i32_u (local.get $bn)))))"""


def core(handle: str = "", *, imports: str = "", more: str = "", alloc: int = 4096) -> str:
    return _HEAD.format(imports=imports, more=more, alloc=alloc, handle=handle)


STARTS = core(more="(func $s (loop (br 0))) (start $s)")
"""Its start never ends."""
ALLOC_LIES = core(alloc=-8)
"""It gives an address outside of its memory."""
TABLES = core(
    "(loop (br_if 0 (i32.ne (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable",
    more="(table 1 funcref)",
)
"""It makes its table as large as it may be."""
STACKED = core(
    """(global.set $sp (i32.sub (global.get $sp) (i32.const 512)))
    (if (i32.eq (i32.load8_u (local.get $m)) (i32.const 84)) (then unreachable))
    (i32.store (global.get $sp) (local.get $b))
    (local.set $b (i32.load (global.get $sp)))
    (global.set $sp (i32.add (global.get $sp) (i32.const 512)))""",
    more="(global $sp (mut i32) (i32.const 4096))",
)
"""It has a stack in its memory, as compilers make it: a trap leaves the pointer where it is."""

_PING = "(drop (call $ping {} (i32.const 300) (i32.const 1)))"
LIES = {
    "a point outside": (_PING.format("(i32.const -4) (i32.const 15) (i32.const 64) (i32.const 10)"), "points outside"),
    "a length outside": (_PING.format("(i32.const 32) (i32.const -1) (i32.const 64) (i32.const 10)"), "points outside"),
    "a method outside": (
        _PING.format("(i32.const 32) (i32.const 15) (i32.const 65530) (i32.const 10)"),
        "points outside",
    ),
    "a large body": (
        "(drop (call $ping (i32.const 32) (i32.const 15) (i32.const 64) (i32.const 10) (i32.const 0) (i32.const -1)))",
        "and 4194304 are allowed",
    ),
    "a key outside": ("(drop (call $get (i32.const 65535) (i32.const 2)))", "points outside"),
    "a key of no text": ("(drop (call $get (i32.const 16) (i32.const 2)))", "a key of the state that is not UTF-8"),
    "a value outside": (
        "(drop (call $set (i32.const 32) (i32.const 2) (i32.const 65536) (i32.const 1)))",
        "points outside",
    ),
    "a header of no text": ("(drop (call $header (i32.const 16) (i32.const 1)))", "not UTF-8"),
    "a line outside": ("(call $log (i32.const -1) (i32.const 9000))", "points outside"),
    "a line of no text": ("(call $log (i32.const 16) (i32.const 2))", "not UTF-8"),
    "an answer outside": ("(drop (call $agent)) (call $take (i32.const -1))", "points outside"),
    "bytes outside": ("(call $random (i32.const 65535) (i32.const 2))", "points outside"),
    "too many bytes": ("(call $random (i32.const 0) (i32.const 65537))", "65536 are given at once"),
}
"""Calls of the platform that lie, and what the guest traps with."""
IMPORTS = """(import "hyperverse" "ping" (func $ping (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "hyperverse" "state_get" (func $get (param i32 i32) (result i64)))
  (import "hyperverse" "state_set" (func $set (param i32 i32 i32 i32) (result i64)))
  (import "hyperverse" "take" (func $take (param i32)))
  (import "hyperverse" "log" (func $log (param i32 i32)))
  (import "hyperverse" "agent" (func $agent (result i64)))
  (import "hyperverse" "header" (func $header (param i32 i32) (result i64)))
  (import "hyperverse" "random" (func $random (param i32 i32)))"""


def lying() -> str:
    """A core Mechtron that lies with the number that its body begins with, and answers with its body."""
    lines = [
        f"(if (i32.eq (i32.load8_u (local.get $b)) (i32.const {number})) (then {call}))"
        for number, (call, _) in enumerate(LIES.values(), 1)
    ]
    wrong = [  # what the platform refuses is answered to the guest, which goes on
        _PING.format("(i32.const 16) (i32.const 2) (i32.const 64) (i32.const 10)"),
        _PING.format("(i32.const 32) (i32.const 0) (i32.const 64) (i32.const 10)"),
        _PING.format("(i32.const 32) (i32.const 15) (i32.const 80) (i32.const 4)"),
        _PING.format("(i32.const 32) (i32.const 15) (i32.const 64) (i32.const 0)"),
    ]
    lines += [f"(if (i32.eq (i32.load8_u (local.get $b)) (i32.const 100)) (then {call}))" for call in wrong]
    return core("\n    ".join(lines), imports=IMPORTS)
