"""Mechtrons answer at an address, within their limits, whatever their guests do."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import wasmtime

from hyperverse_core import HyperverseError, Machine, Pong
from mechtron import others
from mechtron.guests import CAT, EXIT, MANY
from patience import PATIENCE

pytestmark = pytest.mark.thorough

Make = Callable[..., Awaitable[str]]
DOCUMENT = """Mechtron(version=1.0.0) {{
  Wasm {{ +bin=localhost:repo:{name}:1.0.0:/m.wasm; +name={name}; }}
  {more}
}}"""


LARGE = MANY.replace("2 64)", "2048)")


@pytest.fixture
def machine_plugins() -> list[object]:
    return [others]


@pytest.fixture
async def make(machine: Machine) -> Make:
    """``await make("m", MANY, "Limits { +seconds=1; }")`` publishes that module with a document, and makes a Mechtron
    of them; returns its point."""
    return await maker(machine)


async def maker(machine: Machine) -> Make:
    """What the fixture ``make`` is, for any machine."""
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:repo<Repo>")

    async def create(name: str, text: str | bytes, more: str = "") -> str:
        content = text if isinstance(text, bytes) else bytes(wasmtime.wat2wasm(text))
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w") as files:
            files.writestr("m.wasm", content)
            files.writestr("m.mechtron", DOCUMENT.format(name=name, more=more))
        at = f"localhost:repo:{name}"
        files = {"bundle.zip": bundle.getvalue()}
        await client.exec(f"create {at}<BundleSeries>; publish ^[ bundle.zip ]-> {at}:1.0.0", files=files)
        await client.exec(f"create localhost:{name}<Mechtron>{{ +config={at}:1.0.0:/m.mechtron }}", wait=4 * PATIENCE)
        return f"localhost:{name}"

    return create


async def ask(machine: Machine, to: str, method: str, body: object = None, **options: object) -> Pong:
    return await machine.client().ping(to, f"Ext<{method}>", body, wait=PATIENCE, **options)  # type: ignore[arg-type]


async def test_a_wave_reaches_the_guest_and_its_answer_comes_back(machine: Machine, make: Make) -> None:
    point = await make("m", MANY)
    assert (await ask(machine, point, "Echo", "hällo")).unwrap() == "hällo"
    assert (await ask(machine, point, "Echo", b"\xff\x00")).unwrap() == b"\xff\x00"
    assert (await ask(machine, point, "Echo", {"a": [1, None]})).unwrap() == '{"a":[1,null]}'
    assert (await ask(machine, point, "Echo")).unwrap() == ""
    assert (await ask(machine, point, "Zero")).unwrap() == ""
    big = "x" * 50_000
    assert (await ask(machine, point, "Echo", big)).unwrap() == big
    assert (await ask(machine, point, "Header", headers={"colour": "red"})).unwrap() == "red"
    assert (await ask(machine, point, "Who")).unwrap() == "hyperspace:users:hyperuser"


async def test_its_own_waves_leave_with_its_own_address_as_agent(machine: Machine, make: Make) -> None:
    point = await make("m", MANY)
    assert (await ask(machine, point, "Ask", "x")).unwrap() == "no particle 'localhost:other'"
    await machine.client().exec("create localhost:other<Other>")
    answer = json.loads((await ask(machine, point, "Ask", '{"by": 3}')).unwrap())
    assert answer == {"agent": point, "body": {"by": 3}}


async def test_a_chain_that_comes_back_to_a_waiting_guest_is_answered_508(machine: Machine, make: Make) -> None:
    point = await make("m", MANY)
    await machine.client().exec("create localhost:other<Other>")
    assert "led to this one" in (await ask(machine, point, "Ask", "back")).unwrap()
    assert (await ask(machine, point, "Echo", "still here")).unwrap() == "still here"


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("Trap", "it gave up"),
        ("Deep", "nested too deeply"),
        ("Bomb", "MiB of memory that it may have"),
        ("Lie", "its answer has 1000 bytes at 4294967280"),
        ("Utf", "not UTF-8 text: byte 0xff at 0"),
        ("Knock", "points outside of its memory"),
        ("X", "an error of mine"),
    ],
)
async def test_what_a_guest_does_wrong_is_answered_and_it_lives_on(
    machine: Machine, make: Make, method: str, told: str
) -> None:
    point = await make("m", MANY, "Limits { +memory=4; }")
    assert (await ask(machine, point, "Mine")).unwrap() == "1"
    assert (await ask(machine, point, "Count")).unwrap() == "1"
    reply = await ask(machine, point, method)
    assert (reply.status, reply.outcome.value) == (500, "failed")
    assert told in reply.error
    assert (await ask(machine, point, "Count")).unwrap() == "2"  # what was saved is there
    thrown_away = method not in ("X", "Utf")
    assert (await ask(machine, point, "Mine")).unwrap() == ("1" if thrown_away else "2")


async def test_a_guest_that_never_ends_is_answered_at_its_deadline(machine: Machine, make: Make) -> None:
    point = await make("m", MANY, "Limits { +seconds=0.2; }")
    reply = await ask(machine, point, "Spin")
    assert (reply.status, reply.error) == (408, "the guest did not finish within 0.2 s")
    await machine.client().exec("create localhost:other<Other>")
    reply = await ask(machine, point, "Ask", "wait")
    assert (reply.status, reply.error) == (408, "the guest did not finish within 0.2 s")
    assert (await ask(machine, point, "Echo", "well")).unwrap() == "well"


async def test_a_state_is_saved_with_the_call_or_not_at_all(machine: Machine, make: Make) -> None:
    point = await make("m", MANY)
    for number in "123":
        assert (await ask(machine, point, "Count")).unwrap() == number
    assert not (await ask(machine, point, "Count", "and trap")).ok
    assert (await ask(machine, point, "Count")).unwrap() == "4"
    assert (await machine.client().ping(point, "Cmd<Read>")).unwrap() == {"n": b"4"}


async def test_a_guest_without_a_state_is_told_so(machine: Machine, make: Make) -> None:
    point = await make("m", MANY, "Run { +state=none; }")
    assert "+state=none" in (await ask(machine, point, "Count")).error


async def test_a_command_reads_the_body_and_writes_the_reply(machine: Machine, make: Make) -> None:
    cat, end = await make("cat", CAT), await make("end", EXIT)
    assert (await ask(machine, cat, "Any", "hällo")).unwrap() == "hällo"
    assert (await ask(machine, cat, "Any", bytes(range(256)) * 99)).unwrap() == bytes(range(256)) * 99
    reply = await ask(machine, end, "Any")
    assert (reply.status, reply.error) == (500, "the command ended with exit code 7")


async def test_a_command_that_is_asked_to_run_tells_everything(machine: Machine, make: Make) -> None:
    end = await make("end", EXIT, "Run { +reply=run; }")
    assert (await ask(machine, end, "Any")).unwrap() == {"exit_code": 7, "stdout": "", "stderr": ""}
    assert "it takes stdin, args" in (await ask(machine, end, "Any", {"arg": []})).error


@pytest.mark.parametrize(
    ("text", "more", "told"),
    [
        (b"(module)", "", "localhost:repo:m:1.0.0:/m.wasm cannot run here: it is not binary WebAssembly: it is WebAs"),
        (b"", "", "localhost:repo:m:1.0.0:/m.wasm cannot run here: it is empty"),
        (b"", "Run { +state=memory; }", "localhost:repo:m:1.0.0:/m.wasm cannot run here: it is empty"),
        ('(module (import "a" "b" (func)) (import "env" "x" (func)))', "", "import env.x: nothing here provides it"),
        (MANY.replace('"hv_alloc"', '"alloc"'), "", "does not export 'hv_alloc'"),
        (MANY, "Limits { +seconds=9999; }", "'9999' is not a number from 0.001 to 3600"),
        (MANY, "Limits { +seconds=100; }", "more than this machine allows"),
        (MANY, "Limits { +secnds=1; }", "Limits has no 'secnds'; did you mean 'seconds'?"),
        (MANY, "Run { +isolation=proces; }", "'proces' cannot be chosen; did you mean 'process'?"),
        (MANY, "Grants { +folder=/etc::/etc; }", "the folder '/etc' is not among those"),
        (MANY, "Wasm { +bin=x; }", "'bin' is assigned twice"),
        ("(module)", "", "library"),
        (LARGE, "Limits { +memory=127; }", "begins with 128 MiB of memory, but its document allows 127"),
    ],
)
async def test_what_is_wrong_is_told_at_create(
    machine: Machine, make: Make, text: str | bytes, more: str, told: str
) -> None:
    with pytest.raises(HyperverseError) as caught:
        await make("m", text, more)
    assert told in str(caught.value)
    assert not (await ask(machine, "localhost:m", "Echo")).ok


async def test_a_document_or_a_module_that_is_not_there_is_told_at_create(machine: Machine, make: Make) -> None:
    await make("m", MANY)
    client = machine.client()
    with pytest.raises(HyperverseError, match="localhost:none cannot be read"):
        await client.exec("create localhost:n<Mechtron>{ +config=localhost:none }")
    with pytest.raises(HyperverseError, match="is not text"):
        await client.exec("create localhost:n<Mechtron>{ +config=localhost:repo:m:1.0.0:/m.wasm }")


async def test_a_bind_that_is_not_there_or_wrong_is_told_at_create(machine: Machine, make: Make) -> None:
    await make("m", MANY)
    client, version = machine.client(), "localhost:repo:m:1.0.0:"
    for bind, told in (
        (f"{version}/none.bind", "no particle 'localhost:repo:m:1.0.0:/none.bind'"),
        (f"{version}/m.wasm", "is not text"),
        (f"{version}/m.mechtron", "the bind localhost:repo:m:1.0.0:/m.mechtron is wrong: line 1"),
    ):
        with pytest.raises(HyperverseError, match=told):
            await client.exec(f"create localhost:n<Mechtron>{{ +config={version}/m.mechtron, +bind={bind} }}")
    with zipfile.ZipFile(files := io.BytesIO(), "w") as written:
        written.writestr("m.bind", "Bind(version=1.0.0) { Route<*<*>> -> (()) => &; }")
    bundle = {"bundle.zip": files.getvalue()}
    await client.exec("publish ^[ bundle.zip ]-> localhost:repo:m:1.0.1", files=bundle)
    right = "localhost:repo:m:1.0.1:/m.bind"
    await client.exec(f"create localhost:n<Mechtron>{{ +config={version}/m.mechtron, +bind={right} }}")
    assert (await ask(machine, "localhost:n", "Echo", "here")).unwrap() == "here"


async def test_a_module_is_compiled_once_and_a_changed_file_is_not_loaded(
    machine: Machine, make: Make, tmp_path: Path
) -> None:
    from hyperverse_mechtron.code import CodeCache, CodeOptions

    folder = tmp_path / "compiled"
    binary = bytes(wasmtime.wat2wasm(MANY))
    first = await CodeCache(folder).load(binary, "it", CodeOptions())
    (kept,) = folder.glob("*.cwasm")
    assert kept.stat().st_mode & 0o077 == 0 or folder.stat().st_mode & 0o077 == 0
    stamp = kept.stat().st_mtime_ns
    again = await CodeCache(folder).load(binary, "it", CodeOptions())
    assert (again.digest, kept.stat().st_mtime_ns) == (first.digest, stamp)
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    await CodeCache(folder).load(binary, "it", CodeOptions())
    assert kept.stat().st_mtime_ns != stamp
    folder.chmod(0o777)
    with pytest.raises(HyperverseError, match="others can write the folder"):
        await CodeCache(folder).load(binary, "it", CodeOptions())
