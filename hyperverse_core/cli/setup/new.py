"""``hyperverse new``: writes the files of a new plugin, with a passing test."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import importlib.util
import re
import string
from pathlib import Path
from typing import Final

import click

from ...errors import BadRequest, Conflict
from ...plugins import PluginSet
from ...universe.kind_defs.standard_kinds import STANDARD_KINDS
from ..terminal.options import common, options
from ..terminal.output import print_json

__all__ = ["new"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DISTRIBUTION: Final = "cosmic-hyperverse"
_OURS: Final = frozenset({"core", "cosmic", "local"})
"""Names of the core and of ``hyperverse_local.py``."""
_FILES: Final = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "gitignore.txt": ".gitignore",
    "package__init__.py.txt": "$package/__init__.py",
    "test_package.py.txt": "tests/test_$package.py",
    "ci.yml.txt": ".github/workflows/ci.yml",
}


@click.group()
def new() -> None:
    """Write the files of a new plugin."""


@new.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), help="Folder to create; hyperverse-NAME by default.")
@common
def driver(name: str, into: Path | None) -> None:
    """Write a plugin with a driver for one Kind. The NAME my-thing gives the Kind MyThing."""
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} is not a name for a plugin", hint="use lower-case words and hyphens, such as my-thing"
        )
    _check_free(name)
    names = {
        "name": name,
        "distribution": f"hyperverse-{name}",
        "package": f"hyperverse_{name.replace('-', '_')}",
        "kind": _kind_of(name),
    }
    folder = into or Path(names["distribution"])
    written = _write(folder, names)
    if options().json:
        print_json({"folder": str(folder), "kind": names["kind"], "files": written})
        return
    print(f"wrote {folder}: {', '.join(written)}")
    if not options().quiet:
        print(f'next: pip install -e "{folder}[test]" && pytest {folder} && hyperverse plugins show {name}')


def _kind_of(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def _check_free(name: str) -> None:
    """Raises Conflict when what would be written takes the name of something that is there: installed, it would take
    the place of that, and both plugins would be blocked."""
    package, kind = f"hyperverse_{name.replace('-', '_')}", _kind_of(name)
    found = PluginSet.load()
    plugins = {info.name: info.distribution or "a distribution without a name" for info in found.plugins}
    taken = ""
    if name in _OURS or plugins.get(name) == _DISTRIBUTION:
        taken = f"the plugin {name!r} comes with the platform"
    elif name in plugins:
        taken = f"the plugin {name!r} is installed already, from {plugins[name]}"
    elif importlib.util.find_spec(package) is not None:
        taken = f"the package {package!r} is installed already"
    elif _is_installed(f"hyperverse-{name}"):
        taken = f"the distribution 'hyperverse-{name}' is installed already"
    elif kind in STANDARD_KINDS or kind in found.drivers:
        taken = f"the Kind {kind!r} is there already"
    if taken:
        raise Conflict(f"{name!r} cannot be the name of a new plugin: {taken}", hint="choose another name")


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _write(folder: Path, names: dict[str, str]) -> list[str]:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"the folder {str(folder)!r} is not empty", hint="give another folder with --into")
    templates = importlib.resources.files(__package__) / "driver_template"
    written = []
    for source, target in _FILES.items():
        path = folder / string.Template(target).substitute(names)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (templates / source).read_text("utf-8")
        path.write_text(string.Template(text).substitute(names), "utf-8")
        written.append(str(path.relative_to(folder)))
    return written
