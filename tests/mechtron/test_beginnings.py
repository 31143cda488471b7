"""What would go wrong when an instance is made is told when a module is inspected, before any wave."""

from __future__ import annotations

import pytest
import wasmtime

from hyperverse_core import HyperverseError, Machine
from hyperverse_mechtron.checking import checked
from mechtron.guests import CAT, CORE, EXIT, MANY, SLEEPER
from mechtron.test_mechtrons import Make, machine_plugins, make

__all__ = ["machine_plugins", "make"]

F = '(func $f (export "f"))'
MEMORY = '(memory (export "memory") 1)'
BAD = {
    f'{F}{MEMORY} (data (i32.const 0) "a") (data (i32.const 65535) "ab")': (
        "data segment 1 has 2 bytes at 65535, and the memory begins with 65536"
    ),
    f'{F}{MEMORY} (data (i32.const -1) "a")': "data segment 0 has 1 bytes at 4294967295",
    f'{F}{MEMORY} (data $passive "abc") (data (i32.const 65536) "x")': "data segment 1 has 1 bytes at 65536",
    f"{F} (table 2 funcref) (elem (i32.const 1) func $f $f)": (
        "element segment 0 has 2 elements at 1, and the table begins with 2"
    ),
    f"{F} (table 2 funcref) (elem (table 0) (i32.const 2) funcref (ref.func $f))": (
        "element segment 0 has 1 elements at 2"
    ),
    f"{F} (table 100001 funcref)": "table 0 begins with 100001 elements, at most 100000 are allowed",
}
GOOD = (
    f'{F}{MEMORY} (data (i32.const 65535) "a") (data $passive "abc") (data (i32.const 65536) "")',
    f'{F}{MEMORY} (global $g i32 (i32.const 70000)) (data (global.get $g) "x")',
    f'{F}{MEMORY} (data (i32.add (i32.const 70000) (i32.const -69999)) "x") (data (i32.const 9) "y")',
    f"{F} (table 2 funcref) (elem (i32.const 0) func $f $f) (elem $p func $f $f $f) (elem declare func $f)",
    f"{F} (table 2 funcref) (elem (table 0) (i32.const 0) funcref (ref.func $f) (ref.null func))",
    f"{F} (table 100000 funcref)",
)


def faults(text: str) -> list[str]:
    return [fault.what for fault in checked(bytes(wasmtime.wat2wasm(text))).faults]


@pytest.mark.parametrize("body", BAD)
def test_what_is_outside_is_told(body: str) -> None:
    (told,) = faults(f"(module {body})")
    assert BAD[body] in told


@pytest.mark.parametrize("body", GOOD)
def test_what_is_inside_or_cannot_be_told_is_not_refused(body: str) -> None:
    assert faults(f"(module {body})") == []


@pytest.mark.parametrize("text", [CAT, CORE, EXIT, MANY, SLEEPER])
def test_modules_that_begin_well_have_no_faults(text: str) -> None:
    assert faults(text) == []


def with_abi(body: str) -> str:
    """A core module whose ``hv_abi`` is this."""
    return f"""(module (import "hyperverse" "log" (func (param i32 i32))) {MEMORY}
      (func $other (result i32) (i32.const 3))
      (func (export "hv_abi") (result i32) {body})
      (func (export "hv_alloc") (param i32) (result i32) (i32.const 0))
      (func (export "hv_handle") (param i32 i32 i32 i32) (result i64) (i64.const 0)))"""


def test_another_version_of_the_interface_is_told_where_it_is_a_number() -> None:
    assert faults(with_abi("(i32.const 2)")) == ["hv_abi() is 2, but only 1 is supported"]
    assert faults(with_abi("(i32.const 1)")) == []
    assert faults(with_abi("(call $other)")) == [], "that is told when it is called"


@pytest.mark.thorough
async def test_create_refuses_such_a_module(machine: Machine, make: Make) -> None:
    with pytest.raises(HyperverseError, match="only 1 is supported"):
        await make("a", with_abi("(i32.const 2)"))
    with pytest.raises(HyperverseError, match="data segment 0 has 1 bytes at 65536"):
        await make("d", f'(module {F}{MEMORY} (data (i32.const 65536) "a"))')
