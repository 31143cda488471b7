"""Guests of several versions, as text of WebAssembly."""

from __future__ import annotations

__all__ = [
    "BREAKS_STATE",
    "COUNTS",
    "LOSES",
    "OFFERS",
    "OFFERS_GLOBAL",
    "OTHER_GLOBAL",
    "OTHER_TYPE",
    "PUTS",
    "SAVES",
    "SAVES_BY_TWO",
    "counts",
]

_HEAD = """(module
  (memory (export "memory") 2)
  (global $n (mut i32) (i32.const 0))
  (func (export "hv_abi") (result i32) (i32.const 1))
  (func (export "hv_alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "hv_handle") (param i32 i32 i32 i32) (result i64)
    (global.set $n (i32.add (global.get $n) (i32.const %(by)d)))
    (i32.store8 (i32.const 200) (i32.const %(mark)d))
    (i32.store8 (i32.const 201) (i32.add (global.get $n) (i32.const 48)))
    (i64.or (i64.shl (i64.const 200) (i64.const 32)) (i64.const 2)))
  %(more)s)"""
_SAVES = """
  (func (export "hv_save") (result i64) (i32.store (i32.const 300) (global.get $n))
    (i64.or (i64.shl (i64.const 300) (i64.const 32)) (i64.const 4)))
  (func (export "hv_load") (param $at i32) (param $size i32)
    (if (i32.ne (local.get $size) (i32.const 4)) (then unreachable))
    (global.set $n (i32.load (local.get $at))))"""


def counts(mark: str, by: int = 1, more: str = "") -> str:
    """A core Mechtron that counts its waves, and answers with ``mark`` and the digit."""
    return _HEAD % {"mark": ord(mark), "by": by, "more": more}


COUNTS = counts("a")
SAVES = counts("a", more=_SAVES)
SAVES_BY_TWO = counts("b", 2, _SAVES)
OFFERS = counts("a", more='(func (export "twice") (param i32) (result i32) (local.get 0))')
LOSES = counts("b", 2)
OTHER_TYPE = counts("b", 2, '(func (export "twice") (param i64) (result i32) (i32.const 0))')
OFFERS_GLOBAL = counts("a", more='(global (export "level") (mut i32) (i32.const 0))')
OTHER_GLOBAL = counts("b", more='(global (export "level") (mut i64) (i64.const 0))')
BREAKS_STATE = counts(
    "b",
    more="""(func (export "hv_save") (result i64) (i64.const 0))
  (func (export "hv_load") (param i32 i32) unreachable)""",
)
PUTS = """(module
  (import "hyperverse" "state_set" (func $set (param i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 1)
  (data (i32.const 0) "hyperverse")
  (func (export "hv_abi") (result i32) (i32.const 1))
  (func (export "hv_alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "hv_handle") (param i32 i32 i32 i32) (result i64)
    (call $set (i32.const 0) (i32.const 10) (i32.const 0) (i32.const 1))))"""
"""It wants to put something under the key that is the platform's."""
