"""A wasmtime that lacks one of the private names: guests run over its public API, in worker processes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime

from hyperverse_core import BlockingClient
from mechtron.component_guests import BYTES
from mechtron.guests import CAT, CORE, MANY, SLEEPER
from mechtron.killable import Killable
from mechtron.preview_2_guests import SOCKETS, SURROUNDINGS, WAITS
from mechtron.test_mechtrons import DOCUMENT
from patience import PATIENCE

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]

HIDDEN = "wasmtime_call_future_poll"
HIDES = f"""
import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec


class Hides(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "wasmtime._bindings":
            return None
        sys.meta_path.remove(self)
        found = find_spec(name)
        run = found.loader.exec_module

        def exec_module(module):
            run(module)
            del module._{HIDDEN}

        found.loader.exec_module = exec_module
        return found


sys.meta_path.insert(0, Hides())
"""
LIBRARY = '(module (memory (export "memory") 1) (func (export "less") (param i32) (result i32) local.get 0))'


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Killable]:
    """A machine whose processes do not find that name."""
    folder = tmp_path / "hides"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HIDES)
    killable = Killable(tmp_path, {"PYTHONPATH": str(folder)})
    killable.up()
    yield killable
    killable.kill()


def make(client: BlockingClient, name: str, text: str, more: str = "") -> str:
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as files:
        files.writestr("m.wasm", bytes(wasmtime.wat2wasm(text)))
        files.writestr("m.mechtron", DOCUMENT.format(name=name, more=more))
    at = f"localhost:repo:{name}"
    given = {"bundle.zip": bundle.getvalue()}
    client.exec(f"create {at}<BundleSeries>; publish ^[ bundle.zip ]-> {at}:1.0.0", files=given, wait=4 * PATIENCE)
    client.exec(f"create localhost:{name}<Mechtron>{{ +config={at}:1.0.0:/m.mechtron }}", wait=4 * PATIENCE)
    return f"localhost:{name}"


def test_guests_answer_and_end_at_their_deadline(machine: Killable) -> None:
    with BlockingClient(machine.data) as client:
        client.exec("create localhost<Space>; create localhost:repo<Repo>")

        def ask(point: str, method: str, body: object = None) -> tuple[int, object]:
            reply = client.ping(point, f"Ext<{method}>", body, wait=4 * PATIENCE)
            return reply.status, reply.body if reply.ok else reply.error

        many = make(client, "m", MANY, "Limits { +seconds=60; +memory=4; }")
        assert ask(many, "Echo", "hällo") == (200, "hällo")
        assert [ask(many, "Count") for _ in "12"] == [(200, "1"), (200, "2")]
        spins = make(client, "spins", MANY, "Limits { +seconds=0.5; }")
        assert ask(spins, "Spin") == (408, "the guest did not finish within 0.5 s")
        status, told = ask(many, "Trap")
        assert status == 500 and "it gave up" in str(told)
        status, told = ask(many, "K")
        assert status == 500 and "points outside of its memory" in str(told)
        assert ask(many, "Count") == (200, "3")
        make(client, "other", CORE)
        assert ask(many, "Ask", "to another") == (200, "to another")
        assert ask(make(client, "sleeps", SLEEPER, "Limits { +seconds=0.5; }"), "Any")[0] == 408
        assert ask(make(client, "cat", CAT), "Any", bytes(range(256))) == (200, bytes(range(256)))
        assert ask(make(client, "component", BYTES), "Any", b"\xff\x00") == (200, b"\xff\x00")
        waits = make(client, "waits", WAITS, "Limits { +seconds=1; +memory=64; }")
        assert ask(waits, "Tell", "its body") == (200, "its body")
        assert ask(waits, "Mixed") == (200, "11")
        assert ask(waits, "Input") == (200, "11")
        assert ask(waits, "Print") == (200, "0")
        assert ask(waits, "Random")[0] == 200
        assert [ask(waits, each) for each in ("Hour", "Block")] == [(408, "the guest did not finish within 1 s")] * 2
        status, told = ask(waits, "X")
        assert status == 500 and "the guest exited with code 1" in str(told)
        assert ask(make(client, "sockets", SOCKETS), "Any") == (200, "11")
        assert ask(make(client, "around", SURROUNDINGS, "Grants { +env=A=b; }"), "Any") == (200, "1 around")
        library = make(client, "library", LIBRARY)
        assert ask(library, "Any", [{"call": "less", "args": [-7]}]) == (200, [-7])
        drivers = {each["kind"]: each for each in client.status()["drivers"]}
    mechtron = drivers["Mechtron"]
    assert mechtron["state"] == "Ready"
    assert f"has no {HIDDEN}" in mechtron["cause"] and "worker processes" in mechtron["cause"]
    assert f"has no {HIDDEN}" in machine.log.read_text()
