"""Components that import WASI preview 2: it is the platform's own, grants nothing unasked, and a wait in it ends."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import attrs
import pytest
import wasmtime

from hyperverse_core import Config, HyperverseError, Machine
from hyperverse_mechtron.checking import checked
from hyperverse_mechtron.preview_2 import PREVIEW_2
from mechtron.component_guests import BYTES
from mechtron.conftest import Run, Wasm
from mechtron.preview_2_guests import SOCKETS, SURROUNDINGS, WAITS
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

pytestmark = pytest.mark.thorough


@pytest.fixture
def machine_config(tmp_path: Path) -> Config:
    return attrs.evolve(Config(data_dir=tmp_path / "data"), drivers={"Mechtron": {"folders": [str(tmp_path)]}})


WAYS = pytest.mark.parametrize("isolation", ["fiber", "process"])


@WAYS
async def test_clocks_poll_randomness_and_streams(
    machine: Machine, make: Make, isolation: str, caplog: pytest.LogCaptureFixture
) -> None:
    point = await make("w", WAITS, f"Run {{ +isolation={isolation}; }} Limits {{ +seconds=60; }}")
    assert (await ask(machine, point, "Tell", "its body")).unwrap() == "its body"
    # not ready, then one of two is, which is the second; it is ready, and the time is over
    assert (await ask(machine, point, "Nap")).unwrap() == "01111"
    assert (await ask(machine, point, "Mixed")).unwrap() == "11"
    assert (await ask(machine, point, "Input")).unwrap() == "11", "an error, and the stream is closed"
    random = {(await ask(machine, point, "Random")).unwrap() for _ in range(5)}
    assert len(random) == 5
    with caplog.at_level("INFO"):
        assert (await ask(machine, point, "Print")).unwrap() == "0"
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if line in ("first line", "second \ufffd")] == ["first line", "second \ufffd"]
    assert (await ask(machine, point, "Loop", "timers that are dropped")).unwrap() == "timers that are dropped"


@WAYS
async def test_what_waits_an_hour_ends_at_its_deadline(machine: Machine, make: Make, isolation: str) -> None:
    point = await make("w", WAITS, f"Run {{ +isolation={isolation}; }} Limits {{ +seconds=1.5; +concurrency=40; }}")
    assert (await ask(machine, point, "Tell", "warm")).unwrap() == "warm"
    threads = threading.active_count()
    waiting = [asyncio.ensure_future(ask(machine, point, method)) for method in ("Hour", "Block", "Ever") * 10]
    await asyncio.wait(waiting, timeout=0.1)
    among = threading.active_count()
    assert (await ask(machine, point, "Tell", "meanwhile")).unwrap() == "meanwhile"
    replies = await asyncio.gather(*waiting)
    assert {(reply.status, reply.error) for reply in replies} == {(408, "the guest did not finish within 1.5 s")}
    assert among < threads + 10, "30 that wait have no threads; the clock and the pool may have begun some"
    assert (await ask(machine, point, "Spin")).status == 408
    assert (await ask(machine, point, "Tell", "afterwards")).unwrap() == "afterwards"


async def test_what_it_does_wrong_is_answered_and_it_lives_on(machine: Machine, make: Make) -> None:
    point = await make("w", WAITS, "Limits { +seconds=60; }")
    for method, told in (
        ("Greedy", "1152921504606846976 random bytes at once, but at most 1048576 are given"),
        ("Write", "the guest writes 100000 bytes at once, but at most 65536 are accepted"),
        ("All", "the guest holds 10,000 WASI pollables and streams"),
        ("Cheat", "unknown handle index 77"),
        ("Zero", "the guest polls 0 pollables at once"),
        ("X", "the guest exited with code 1"),
    ):
        reply = await ask(machine, point, method)
        assert (reply.status, told in reply.error) == (500, True), (method, reply.error)
        assert (await ask(machine, point, "Tell", "still here")).unwrap() == "still here"


async def test_no_network_and_no_folder_are_granted(machine: Machine, make: Make, tmp_path: Path) -> None:
    point = await make("s", SOCKETS)
    assert (await ask(machine, point, "Any")).unwrap() == "11", "an error, which is access-denied"
    reply = await ask(machine, point, "Any", "and uses a socket that it was not given")
    assert (reply.status, "unknown handle index" in reply.error) == (500, True), reply.error
    with pytest.raises(HyperverseError, match=r"grants the folder '.*', but components cannot have folders"):
        await make("f", SOCKETS, f'Grants {{ +folder="{tmp_path}::/data"; }}')


@WAYS
async def test_it_gets_the_variables_and_arguments_of_its_document_and_explain_tells_them(
    machine: Machine, make: Make, isolation: str
) -> None:
    run = f"Run {{ +isolation={isolation}; }}"
    bare = await make("bare", SURROUNDINGS, run)
    assert (await ask(machine, bare, "Any")).unwrap() == "0 bare"
    point = await make("some", SURROUNDINGS, run + ' Grants { +env="A=b"; +env=C=d; +arg=more; }')
    assert (await ask(machine, point, "Any")).unwrap() == "2 some"
    found = (await machine.client().exec(f"explain hyperspace:users:hyperuser on {point}"))[-1].body
    assert isinstance(found, dict)
    assert {"environment: A=b", "environment: C=d", "argument: more", "folders: none", "network: none"} <= set(
        found["granted"]
    )


def test_inspect_says_what_provides_each(program: Run, wasm: Wasm) -> None:
    done = program("inspect", wasm("m.wasm", WAITS)).stdout.decode()
    assert "  wasi:io/poll@0.2.3: interface {  # the platform, in place of WASI preview 2\n" in done
    assert "    poll: func(in: list<borrow<pollable>>) -> list<u32>;\n" in done
    assert "would be refused" not in done
    done = program("inspect", wasm("s.wasm", SOCKETS)).stdout.decode()
    told = "interface {  # the platform, in place of WASI preview 2: no network is granted\n"
    assert f"  wasi:sockets/tcp-create-socket@0.2.3: {told}" in done


@pytest.mark.parametrize("name", PREVIEW_2)
def test_each_interface_is_known_by_its_name_in_every_version(name: str) -> None:
    for version in ("0.2.0", "0.2.9", "0.2.99"):
        report = checked(bytes(wasmtime.wat2wasm(f'(component (import "{name}@{version}" (instance)))')))
        assert [fault.what for fault in report.faults] == ["it does not export 'handle'"]


async def test_a_component_of_the_asynchronous_kind_answers_too(machine: Machine, make: Make) -> None:
    text = BYTES.replace("(component ", "(component (core func $set (canon waitable-set.new)) ", 1)
    assert (
        checked(bytes(wasmtime.wat2wasm(text))).concurrent and not checked(bytes(wasmtime.wat2wasm(BYTES))).concurrent
    )
    for isolation in ("fiber", "process"):
        point = await make(isolation, text, f"Run {{ +isolation={isolation}; }}")
        assert (await ask(machine, point, "Any", b"\xff\0")).unwrap() == b"\xff\0"
