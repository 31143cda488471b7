"""Components with the world ``cosmic:hyperverse/mechtron`` answer at an address."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import wasmtime

from hyperverse_core import HyperverseError, Machine
from hyperverse_mechtron import code
from hyperverse_mechtron.checking import checked
from hyperverse_mechtron.code import CodeCache, CodeOptions
from hyperverse_mechtron.inspection import GuestKind
from mechtron.component_guests import BYTES, HANDLE, MANY_OF_COMPONENT
from mechtron.conftest import Run, Wasm
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

pytestmark = pytest.mark.thorough


async def test_a_wave_reaches_a_component_and_its_answer_comes_back(machine: Machine, make: Make) -> None:
    point = await make("m", MANY_OF_COMPONENT)
    assert (await ask(machine, point, "Echo", "hällo")).unwrap() == "hällo"
    assert (await ask(machine, point, "Echo", bytes(range(256)))).unwrap() == bytes(range(256))
    assert (await ask(machine, point, "Echo", {"a": [1, None]})).unwrap() == '{"a":[1,null]}'
    assert (await ask(machine, point, "Echo")).unwrap() == ""
    assert (await ask(machine, point, "Of", "text")).unwrap() == "0"
    assert (await ask(machine, point, "Of", b"bytes")).unwrap() == b"1"
    assert (await ask(machine, point, "Header", headers={"colour": "red"})).unwrap() == "red"
    assert (await ask(machine, point, "Who")).unwrap() == "hyperspace:users:hyperuser"
    assert len((await ask(machine, point, "Random")).unwrap()) == 8
    assert (await ask(machine, point, "Zero")).unwrap() == ""
    assert [(await ask(machine, point, "Mine")).unwrap() for _ in "12"] == ["1", "2"]
    # the state, which a call that traps does not change
    assert [(await ask(machine, point, "Count")).unwrap() for _ in "12"] == ["1", "2"]
    assert not (await ask(machine, point, "Count", "and trap")).ok
    assert (await ask(machine, point, "Count")).unwrap() == "3"
    assert (await machine.client().ping(point, "Cmd<Read>")).unwrap() == {"n": b"3"}


async def test_its_own_waves_leave_with_its_own_address_as_agent(machine: Machine, make: Make) -> None:
    point = await make("m", MANY_OF_COMPONENT)
    assert (await ask(machine, point, "Ask", "x")).error == "no particle 'localhost:other'"
    await machine.client().exec("create localhost:other<Other>")
    answer = json.loads((await ask(machine, point, "Ask", '{"by": 3}')).unwrap())
    assert answer == {"agent": point, "body": {"by": 3}}
    assert "led to this one" in (await ask(machine, point, "Ask", "back")).unwrap()


async def test_what_it_does_wrong_is_answered_and_it_lives_on(machine: Machine, make: Make) -> None:
    point = await make("m", MANY_OF_COMPONENT, "Limits { +seconds=0.3; }")
    for method, status, told in (
        ("Trap", 500, "the guest trapped: it gave up"),
        ("Deep", 500, "nested too deeply"),
        ("Lie", 500, "out of bounds"),
        ("X", 500, "an error of mine"),
        ("Spin", 408, "did not finish within 0.3 s"),
    ):
        reply = await ask(machine, point, method)
        assert (reply.status, told in reply.error.replace("-", " ")) == (status, True), (method, reply.error)
        assert (await ask(machine, point, "Echo", "still here")).unwrap() == "still here"


async def test_a_component_that_takes_bytes_gets_them(machine: Machine, make: Make) -> None:
    point = await make("b", BYTES)
    for body in (b"", b"\xff\0", bytes(range(256)) * 99):
        assert (await ask(machine, point, "Any", body)).unwrap() == body
    assert (await ask(machine, point, "Any", "hällo")).unwrap() == "hällo"
    with pytest.raises(HyperverseError, match="this is not a supported WASI interface"):
        await make("m", WRONG)


async def test_many_components_wait_at_once(machine: Machine, make: Make) -> None:
    point = await make("w", MANY_OF_COMPONENT, "Limits { +seconds=1; +concurrency=20; }")
    await machine.client().exec("create localhost:other<Other>")
    replies = await asyncio.gather(*(ask(machine, point, "Ask", "wait") for _ in range(20)))
    assert {reply.status for reply in replies} == {408}
    assert (await ask(machine, point, "Echo", "x")).ok


WRONG = """(component
  (import "cosmic:hyperverse/host@0.1.0" (instance (export "pign" (func)) ))
  (import "cosmic:hyperverse/host" (instance (export "log" (func (param "text" u32)))))
  (import "cosmic:hyperverse/host@2.0.0" (instance))
  (import "wasi:http/outgoing-handler@0.2.0" (instance))
  (import "wasi:cli/environment@0.3.0" (instance))
  (import "wasi:cli/environment" (instance))
  (import "wasi:cli/stdout@0.2.0" (instance (export "get-stdou" (func))))
  (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func (result u64)))))
  (import "wasi:io/error@0.2.0" (instance (export "failure" (type (sub resource)))))
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/streams@0.2.0" (instance
    (alias outer 1 $pollable (type $p)) (export "input-stream" (type (eq $p)))))
  (import "wasi:random/random@0.2.0" (func))
  (import "else" (func)))"""


def test_everything_that_is_wrong_with_a_component_is_told_at_once() -> None:
    report = checked(bytes(wasmtime.wat2wasm(WRONG)))
    assert report.kind is GuestKind.COMPONENT
    told = [f"{fault.what} | {fault.hint}" for fault in report.faults]
    for part in (
        "the interface has no 'pign'; did you mean 'ping'",
        "log is imported as (u32) -> _, but is (string) -> _",
        "version 2.0.0 of the interface is not supported",
        "wasi:http/outgoing-handler@0.2.0: this is not a supported WASI interface | the reference lists the interfaces",
        "wasi:cli/environment@0.3.0: version 0.3.0 of WASI is not supported | build it for WASI 0.2.x",
        "wasi:cli/environment: WASI without a version is not supported",
        "wasi:cli/stdout@0.2.0: the interface has no 'get-stdou'; did you mean 'get-stdout'",
        "now is imported as () -> u64, but is () -> record { seconds: u64, nanoseconds: u32 }",
        "wasi:io/error@0.2.0: the interface has no type 'failure'",
        "wasi:io/streams@0.2.0: its type 'input-stream' is the same as 'pollable'",
        "import wasi:random/random@0.2.0: nothing here provides it",
        "import else: nothing here provides it",
        "it does not export 'handle'",
    ):
        assert any(part in line for line in told), part
    other = checked(bytes(wasmtime.wat2wasm(BYTES.replace(HANDLE.format(body="(list u8)", answer="(list u8)"), ""))))
    assert [fault.what for fault in other.faults] == ["it does not export 'handle'"]
    plain = BYTES.replace("(result (result (list u8) (error string)))", "(result (list u8))")
    odd = checked(bytes(wasmtime.wat2wasm(plain)))
    assert "which a wave cannot call" in odd.faults[0].what


def test_inspect_shows_its_interfaces(program: Run, wasm: Wasm) -> None:
    done = program("inspect", wasm("m.wasm", MANY_OF_COMPONENT)).stdout.decode()
    assert "  cosmic:hyperverse/host@0.1.0: interface {  # the platform" in done
    assert "    ping: func(to: string, method: string, body: string) -> result<string, string>;" in done
    assert "  handle: func(method: string, body: string) -> result<string, string>" in done


async def test_a_component_that_was_compiled_before_is_not_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = bytes(wasmtime.wat2wasm(MANY_OF_COMPONENT))
    first = await CodeCache(tmp_path / "compiled").load(binary, "it", CodeOptions())
    read: list[bytes] = []
    monkeypatch.setattr(code, "checked", lambda content, *_: read.append(content) or checked(content))
    second = await CodeCache(tmp_path / "compiled").load(binary, "it", CodeOptions())
    assert (second.report, read) == (first.report, [])
    second.path.write_bytes(second.path.read_bytes()[:-1])
    third = await CodeCache(tmp_path / "compiled").load(binary, "it", CodeOptions())
    assert (third.report, read) == (first.report, [binary])
