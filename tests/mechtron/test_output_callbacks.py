"""The outputs of a command are called in other threads than that of the event loop, and do nothing but append."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import pytest
import wasmtime

from hyperverse_mechtron.host import command
from hyperverse_mechtron.host.command import run_command
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.host.grants import WasiGrants
from hyperverse_mechtron.host.limits import GuestLimits
from mechtron.guests import CAT

ALLOWED = {"__call__", "len", "append", "setprofile"}
"""``setprofile`` is what this test calls itself to end its watch."""


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[int]]:
    """What is called while a guest writes, in Python or C, and in which threads."""
    found: dict[str, set[int]] = {}

    class Watched(command._Output):
        def __call__(self, data: bytes) -> int:
            def note(frame: FrameType, event: str, what: Any) -> None:
                if event in ("call", "c_call"):
                    name = frame.f_code.co_name if event == "call" else what.__name__
                    found.setdefault(name, set()).add(threading.get_ident())

            before = sys.getprofile()
            sys.setprofile(note)
            try:
                return super().__call__(data)
            finally:
                sys.setprofile(before)

    monkeypatch.setattr(command, "_Output", Watched)
    return found


@pytest.mark.parametrize("output", ["stdout", "stderr"])
async def test_what_a_guest_writes_is_only_appended(called: dict[str, set[int]], output: str) -> None:
    text = CAT if output == "stdout" else CAT.replace("(call $write (i32.const 1)", "(call $write (i32.const 2)")
    sent = bytes(range(256)) * 400
    module = wasmtime.Module(engine().wasm, text)
    done = await run_command(module, "cat", WasiGrants(), GuestLimits(), stdin=sent)
    assert (done.code, getattr(done, output)) == (0, sent)
    assert called.keys() == ALLOWED
    assert threading.get_ident() not in called["append"], "it must be another thread, or nothing would be shown"


async def test_what_is_too_much_is_only_counted(called: dict[str, set[int]]) -> None:
    module = wasmtime.Module(engine().wasm, CAT)
    with pytest.raises(Exception, match="the guest has written 102400 bytes of output, and 10 are allowed"):
        await run_command(module, "cat", WasiGrants(), GuestLimits(output=10), stdin=bytes(102_400))
    assert called.keys() == ALLOWED - {"append"}
