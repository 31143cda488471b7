"""Damaged modules are accepted or refused, each with a reason, and nothing crashes."""

from __future__ import annotations

import wasmtime

from hyperverse_core.errors import BadRequest
from hyperverse_mechtron.checking import checked
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.inspection import GuestKind
from mechtron.component_guests import BYTES, MANY_OF_COMPONENT
from mechtron.guests import CAT, CORE, EXIT, MANY, SLEEPER
from mechtron.mutants import mutants
from mechtron.versions import SAVES
from thoroughness import THOROUGH

COUNT = 2000 if THOROUGH else 400
SEED = 20261127
LIBRARY = """(module (import "env" "abort" (func (param i32 i32 i32 i32))) (memory (export "memory") 1 4)
  (table (export "table") 3 funcref) (global (export "g") (mut i64) (i64.const 7)) (elem (i32.const 0) $f)
  (data (i32.const 8) "some data") (func $f (export "malloc") (param i32) (result i32) (local.get 0)))"""


def originals() -> list[bytes]:
    texts = (MANY, CORE, CAT, EXIT, SLEEPER, SAVES, LIBRARY, MANY_OF_COMPONENT, BYTES)
    return [bytes(wasmtime.wat2wasm(text)) for text in texts]


def judged(binary: bytes) -> str:
    """What becomes of a file: ``accepted``, or why it is refused."""
    try:
        report = checked(binary)
    except BadRequest as exc:
        assert exc.message and exc.hint, binary.hex()
        return "malformed"
    assert all(fault.what and fault.hint for fault in report.faults), binary.hex()
    if report.faults:
        return "refused"
    if report.kind is not GuestKind.COMPONENT:
        wasmtime.Module(engine().wasm, binary)  # what is accepted is compiled behind it
    return "accepted"


def test_each_damaged_module_is_refused_or_accepted_with_a_reason() -> None:
    told = [judged(binary) for binary in mutants(originals(), COUNT, seed=SEED)]
    assert len(told) == COUNT
    assert {"accepted", "refused", "malformed"} == set(told)  # otherwise the damage is no test
    assert [judged(binary) for binary in originals()] == ["accepted"] * 9
