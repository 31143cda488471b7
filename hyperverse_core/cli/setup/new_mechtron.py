"""``hyperverse new mechtron``: writes a project that builds to a WebAssembly module, to be published."""

from __future__ import annotations

import importlib.resources
import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
import click

from ...errors import BadRequest, Conflict
from ..terminal.options import common, options
from ..terminal.output import print_json

__all__ = ["mechtron"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@attrs.frozen
class _Language:
    """A language that a Mechtron can be written in.

    Attributes:
        name: its usual name.
        build: the commands that build it, with ``$name``.
        files: its templates, each with the file that is written from it.
        memory: MiB that its configuration requests.
    """

    name: str
    build: str
    files: Mapping[str, str]
    memory: int = 16


_NPM: Final = "npm install\nnpm run build"
_SCRIPT: Final = {
    "hyperverse.js.txt": "hyperverse.js",
    "hyperverse.d.ts.txt": "hyperverse.d.ts",
    "mechtron.wit.txt": "wit/mechtron.wit",
    "gitignore.txt": ".gitignore",
}
"""The common files of projects in JavaScript and TypeScript."""
_LANGUAGES: Final = {
    "python": _Language(
        "Python",
        "componentize-py -d wit -w mechtron componentize --stub-wasi app -o bundle/$name.wasm"
        "      # takes: python -m pip install componentize-py",
        {"app.py.txt": "app.py", "hyperverse.py.txt": "hyperverse.py", "mechtron.wit.txt": "wit/mechtron.wit"},
        memory=64,
    ),
    "wat": _Language(
        "the text of WebAssembly",
        "python build.py      # takes wasmtime: python -m pip install wasmtime",
        {"guest.wat.txt": "$name.wat", "build.py.txt": "build.py"},
    ),
    "js": _Language(
        "JavaScript", _NPM, {"app.js.txt": "app.js", **_SCRIPT, "package.js.json.txt": "package.json"}, memory=32
    ),
    "ts": _Language(
        "TypeScript",
        _NPM,
        {
            "app.ts.txt": "app.ts",
            **_SCRIPT,
            "package.ts.json.txt": "package.json",
            "tsconfig.json.txt": "tsconfig.json",
        },
        memory=32,
    ),
    "as": _Language(
        "AssemblyScript",
        _NPM,
        {"guest.ts.txt": "$name.ts", "package.as.json.txt": "package.json", "gitignore.txt": ".gitignore"},
    ),
    "c": _Language(
        "C",
        "clang --target=wasm32-freestanding -O2 -nostdlib -Wl,--no-entry $name.c -o bundle/$name.wasm"
        "      # takes clang and lld",
        {"guest.c.txt": "$name.c"},
    ),
    "rust": _Language(
        "Rust",
        "rustc --target wasm32-unknown-unknown -O -C strip=debuginfo --crate-type cdylib $name.rs -o bundle/$name.wasm"
        "      # takes: rustup target add wasm32-unknown-unknown",
        {"guest.rs.txt": "$name.rs"},
    ),
    "go": _Language(
        "Go",
        "GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o bundle/$name.wasm .      # takes Go 1.24 or newer",
        {"guest.go.txt": "main.go", "go.mod.txt": "go.mod"},
    ),
}
_ALL: Final = {"README.md.txt": "README.md", "document.txt": "bundle/$name.mechtron"}


@click.command(help="Write the project of a Mechtron, a WebAssembly module that answers at an address.")
@click.argument("name")
@click.option("--lang", default="wat", show_default=True, type=click.Choice(list(_LANGUAGES)), help="Language.")
@click.option("--into", type=click.Path(path_type=Path), help="Folder to create; NAME by default.")
@common
def mechtron(name: str, lang: str, into: Path | None) -> None:
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name!r} is not a name", hint="use lower-case words and hyphens, such as my-thing")
    folder = into or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"the folder {str(folder)!r} is not empty", hint="give another folder with --into")
    language = _LANGUAGES[lang]
    build = string.Template(language.build).substitute(name=name)
    names = {"name": name, "language": language.name, "build": build, "memory": str(language.memory)}
    templates = importlib.resources.files(__package__) / "templates" / "mechtron"
    written = []
    for source, target in {**language.files, **_ALL}.items():
        path = folder / string.Template(target).substitute(names)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(string.Template((templates / source).read_text("utf-8")).substitute(names), "utf-8")
        written.append(str(path.relative_to(folder)))
    if options().json:
        print_json({"folder": str(folder), "language": lang, "files": written})
        return
    print(f"wrote {folder}: {', '.join(written)}")
    if not options().quiet:
        print(f"next: read {folder / 'README.md'}, which says how to build and publish it")
