"""Modules that are needed at once by a machine that has run none yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from patience import START

pytestmark = pytest.mark.thorough

PROGRAM: Final = """
import asyncio
import sys
from pathlib import Path

import wasmtime

from hyperverse_mechtron.code import CodeCache, CodeOptions

TEXT = '(module (memory (export "memory") 1) (func (export "f") (result i32) i32.const {}))'


async def load(folder):
    cache = CodeCache(folder)
    binaries = [bytes(wasmtime.wat2wasm(TEXT.format(number))) for number in range(4)]
    return await asyncio.gather(*(cache.load(each, "it", CodeOptions()) for each in binaries))


sys.setswitchinterval(1e-5)
codes = asyncio.run(load(Path(sys.argv[1])))
if sys.argv[2] == "again":
    from hyperverse_mechtron.host.engine import engine

    for each in codes:
        wasmtime.Instance(wasmtime.Store(engine().wasm), each.module, [])
"""


def test_they_are_loaded_with_one_engine(tmp_path: Path) -> None:
    for what in ("first", *["again"] * 2):  # compiled in the first run, and loaded at once in the others
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "code"), what],
            capture_output=True,
            text=True,
            timeout=START,
            env={**os.environ},
        )
        assert done.returncode == 0, done.stderr
