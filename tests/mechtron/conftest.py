"""WebAssembly modules, written as text and compiled by wasmtime itself, and the program that runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

from patience import START

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Wasm = Callable[[str, str], Path]


@pytest.fixture
def wasm(tmp_path: Path) -> Wasm:
    """``wasm("hello.wasm", "(module)")`` writes that module into the folder of the test, and returns its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_bytes(wasmtime.wat2wasm(text))
        return path

    return write


@pytest.fixture
def program(tmp_path: Path) -> Run:
    """``program("inspect", "a.wasm")`` runs ``hyperverse wasm inspect a.wasm`` in the folder of the test."""

    def run(*args: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        own = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "NO_COLOR": "1", "COLUMNS": "200"}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HYPERVERSE", "XDG_"))}
        return subprocess.run(
            [sys.executable, "-m", "hyperverse_core.cli", "wasm", *map(str, args)],
            cwd=tmp_path,
            env={**kept, **own},
            input=stdin,
            capture_output=True,
            timeout=START,
        )

    return run
