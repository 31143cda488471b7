"""``isolation=process``: guests run in worker processes, and what happens there stays there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import attrs
import pytest

from hyperverse_core import Config, Machine, Pong
from mechtron.component_guests import MANY_OF_COMPONENT
from mechtron.guests import CAT, CORE, EXIT, MANY, SLEEPER, SPINNER
from mechtron.test_mechtrons import Make, ask, machine_plugins, make
from mechtron.versions import COUNTS, SAVES
from patience import PATIENCE, until

__all__ = ["machine_plugins", "make"]

pytestmark = pytest.mark.thorough

APART = "Run { +isolation=process; }"
READER = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "pipe")
  (func (export "_start")
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0)
      (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 8)) (then unreachable))
    (i32.store (i32.const 32) (i32.const 100)) (i32.store (i32.const 36) (i32.const 10))
    (drop (call $read (i32.load (i32.const 8)) (i32.const 32) (i32.const 1) (i32.const 40)))))"""


@pytest.fixture
def machine_config(tmp_path: Path) -> Config:
    return attrs.evolve(Config(data_dir=tmp_path / "data"), drivers={"Mechtron": {"folders": [str(tmp_path)]}})


def workers() -> list[int]:
    """The worker processes of this process."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"worker_process" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found


async def test_guests_of_every_kind_run_apart_as_they_do_here(machine: Machine, make: Make) -> None:
    client = machine.client()
    await client.exec("create localhost:other<Other>")
    for name, text in (("m", MANY), ("c", MANY_OF_COMPONENT)):
        point = await make(name, text, APART + " Limits { +seconds=3; }")
        assert (await ask(machine, point, "Echo", "hällo")).unwrap() == "hällo"
        assert (await ask(machine, point, "Echo", b"\xff\x00")).unwrap() == b"\xff\x00"
        assert (await ask(machine, point, "Header", headers={"colour": "red"})).unwrap() == "red"
        assert (await ask(machine, point, "Who")).unwrap() == "hyperspace:users:hyperuser"
        assert [(await ask(machine, point, "Count")).unwrap() for _ in "12"] == ["1", "2"]
        assert "it gave up" in (await ask(machine, point, "Trap")).error
        assert (await ask(machine, point, "X")).error == "an error of mine"
        assert (await ask(machine, point, "Count")).unwrap() == "3"
        answer = json.loads((await ask(machine, point, "Ask", '{"by": 3}')).unwrap())
        assert answer == {"agent": point, "body": {"by": 3}}
        assert "led to this one" in (await ask(machine, point, "Ask", "back")).unwrap()
    library = await make("l", '(module (func (export "one") (result i32) (i32.const 1)))', APART)
    assert (await ask(machine, library, "Any", [{"call": "one"}])).unwrap() == [1]
    assert "exports no function 'two'" in (await ask(machine, library, "Any", [{"call": "two"}])).error
    cat, end = await make("cat", CAT, APART), await make("end", EXIT, APART)
    assert (await ask(machine, cat, "Any", bytes(range(256)) * 99)).unwrap() == bytes(range(256)) * 99
    assert (await ask(machine, end, "Any")).error == "the command ended with exit code 7"
    assert 1 <= len(workers()) <= (os.cpu_count() or 2)


async def test_what_is_kept_of_an_instance_is_kept_of_one_apart(machine: Machine, make: Make) -> None:
    for name, text, state in (("f", COUNTS, "memory"), ("s", SAVES, "save")):
        point = await make(name, text, f"Run {{ +isolation=process; +state={state}; }}")
        assert [(await ask(machine, point, "Count")).unwrap() for _ in "12"] == ["a1", "a2"]
    before = workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: not set(before) & set(workers()), "the workers to be gone", within=PATIENCE)
    for name in "fs":
        replies: list[Pong] = []
        while not replies or replies[-1].status == 503:  # the machine may not have seen its end yet
            replies.append(await ask(machine, f"localhost:{name}", "Count"))
        assert replies[-1].unwrap() == "a3"


async def test_a_worker_that_dies_takes_its_calls_with_it_and_nothing_else(machine: Machine, make: Make) -> None:
    spinner = await make("s", SPINNER, "Run { +isolation=process; } Limits { +seconds=60; }")
    here = await make("m", MANY)
    assert (await ask(machine, here, "Count")).unwrap() == "1"
    call = asyncio.ensure_future(ask(machine, spinner, "Run"))
    await until(workers, "a worker", within=PATIENCE)
    await asyncio.sleep(0.3)
    for pid in workers():
        os.kill(pid, signal.SIGKILL)
    reply = await call
    assert (reply.status, reply.outcome.value) == (503, "unknown")
    assert "worker process of the guest has died" in reply.error
    assert (await ask(machine, here, "Count")).unwrap() == "2"
    again = asyncio.ensure_future(ask(machine, spinner, "Run"))
    await until(workers, "another worker", within=PATIENCE)
    again.cancel()


async def test_guests_that_do_not_end_are_answered_at_their_deadline(
    machine: Machine, make: Make, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    limits = "Run { +isolation=process; } Limits { +seconds=0.5; +concurrency=4; }"
    points = [
        await make("s", SPINNER, limits),
        await make("z", SLEEPER, limits),
        await make("r", READER, limits + f" Grants {{ +folder={tmp_path}::/; }}"),
    ]
    calls = [asyncio.ensure_future(ask(machine, point, "Run")) for point in points for _ in range(3)]
    replies = await asyncio.gather(*calls)
    assert {(reply.status, reply.error) for reply in replies} == {(408, "the guest did not finish within 0.5 s")}
    # an opening that never returns holds a thread: that worker is given up, and others go on
    assert (await ask(machine, await make("cat", CAT, APART), "Any", "x")).unwrap() == "x"


async def test_large_bodies_and_small_ones_reach_a_guest_apart_and_come_back(machine: Machine, make: Make) -> None:
    echo = await make("e", CORE.replace("1 16", "64 64"), f"{APART} Limits {{ +seconds=60; }}")
    large = bytes(range(256)) * 12_000
    for body in (b"x", large, b"", large[:-1], b"y", large):
        for _ in range(3):  # after the first, it may wait in the machine's thread
            assert (await ask(machine, echo, "Echo", body)).unwrap() == body


async def test_many_calls_of_guests_apart_get_their_own_answers(machine: Machine, make: Make) -> None:
    text = CORE.replace("1 16", "64 64")
    points = [await make(f"e{n}", text, f"{APART} Limits {{ +seconds=60; +concurrency=8; }}") for n in range(3)]
    sent = [(points[n % 3], f"{n} " * (1 + n % 7 * 3000)) for n in range(200)]
    replies = await asyncio.gather(*(ask(machine, point, "Echo", body) for point, body in sent))
    assert [reply.unwrap() for reply in replies] == [body for _, body in sent]


async def test_nobody_else_gets_the_answer_of_a_call_that_was_cancelled(machine: Machine, make: Make) -> None:
    point = await make("m", MANY, f"{APART} Limits {{ +seconds=60; +concurrency=2; }}")
    assert (await ask(machine, point, "Echo", "a")).unwrap() == "a"
    for number in range(20):
        gone = asyncio.ensure_future(ask(machine, point, "Spin" if number % 2 else "Echo", "gone"))
        await asyncio.sleep(0.01 * (number % 3))
        gone.cancel()
        assert (await ask(machine, point, "Echo", f"{number}")).unwrap() == f"{number}"
    assert len(workers()) <= (os.cpu_count() or 2)


async def test_a_worker_ends_with_the_machine(machine: Machine, make: Make) -> None:
    cat = await make("cat", CAT, APART)
    assert (await ask(machine, cat, "Any", "x")).ok
    assert workers()
    await machine.stop()
    assert workers() == []
