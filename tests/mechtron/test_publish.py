"""Modules are compiled when they are published, and `publish` says what they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from hyperverse_core import BlockingClient, Machine
from mechtron.guests import MANY
from mechtron.killable import Killable
from mechtron.test_frozen import zipped
from mechtron.test_libraries import LIBRARY
from mechtron.test_mechtrons import DOCUMENT, machine_plugins
from patience import until

__all__ = ["machine_plugins"]

pytestmark = pytest.mark.thorough


def test_publish_compiles_and_says_what_a_module_is(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "m.wasm").write_bytes(bytes(wasmtime.wat2wasm(MANY)))
    (bundle / "l.wasm").write_bytes(bytes(wasmtime.wat2wasm(LIBRARY)))
    (bundle / "good.mechtron").write_text(DOCUMENT.format(name="m", more=""))
    (bundle / "bad.mechtron").write_text(DOCUMENT.format(name="m", more="").replace("m.wasm", "l.wasm"))
    (bundle / "odd.mechtron").write_text("nothing")
    (bundle / "other.mechtron").write_text(DOCUMENT.format(name="x", more=""))
    machine = Killable(tmp_path)
    machine.up()
    try:
        with BlockingClient(machine.data) as client:
            client.exec("create localhost<Space>; create localhost:repo<Repo>; create localhost:repo:m<BundleSeries>")

        def publish(version: str, *more: str) -> Any:
            command = [
                sys.executable,
                "-m",
                "hyperverse_core.cli",
                "publish",
                str(bundle),
                f"localhost:repo:m:{version}",
            ]
            return subprocess.run(
                [*command, f"--data-dir={machine.data}", *more], capture_output=True, text=True, check=True
            )

        done = publish("1.0.0")
        assert "good.mechtron: m.wasm is a core module with the Mechtron ABI, and is compiled" in done.stdout
        assert "  imports: hyperverse.ping, hyperverse.state_get" in done.stdout
        assert "other.mechtron: its module is localhost:repo:x:1.0.0:/m.wasm" in done.stdout
        assert "warning: bad.mechtron would be refused: " in done.stderr
        assert "import a.a: emscripten shortened its name" in done.stderr
        odd = "the document is wrong: line 1, column 1: this is not a document of a Mechtron"
        assert f"warning: odd.mechtron would be refused: {odd}" in done.stderr
        assert len(list(machine.data.rglob("*.cwasm"))) == 1
        rows = json.loads(publish("1.0.1", "--json").stdout)["mechtrons"]
        assert {row["document"] for row in rows} == {path.name for path in bundle.glob("*.mechtron")}
    finally:
        machine.kill()


async def test_a_bundle_that_a_command_publishes_is_compiled_too(machine: Machine, machine_config: Any) -> None:
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:repo<Repo>; create localhost:repo:m<BundleSeries>")
    await client.exec("publish ^[ b ]-> localhost:repo:m:1.0.0", files={"b": zipped(MANY)})
    folder = Path(machine_config.data_dir)
    await until(lambda: list(folder.rglob("*.cwasm")) != [], "the module to be compiled")
