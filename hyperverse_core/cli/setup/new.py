"""``hyperverse new``: writes the files of a new plugin, with a passing test."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import importlib.util
import re
import string
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import click

from ...errors import BadRequest, Conflict
from ...plugins import PluginSet
from ...universe.kind_defs.standard_kinds import STANDARD_KINDS
from ..terminal.options import common, options
from ..terminal.output import print_json
from .new_mechtron import mechtron

__all__ = ["new"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DISTRIBUTION: Final = "cosmic-hyperverse"
_OURS: Final = frozenset({"core", "cosmic", "local"})
"""Names of the core and of ``hyperverse_local.py``."""
_COMMON: Final = {
    "common/pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "common/gitignore.txt": ".gitignore",
    "package__init__.py.txt": "$package/__init__.py",
    "test_package.py.txt": "tests/test_$package.py",
    "common/ci.yml.txt": ".github/workflows/ci.yml",
}
"""The templates of all sorts. Those outside of ``common`` are in a folder for each sort."""


@attrs.frozen
class Sort:
    """A sort of plugin that can be written.

    Attributes:
        name: its name, and that of the folder with its templates.
        about: what the plugin is, for its description; with ``$name`` and ``$kind``.
        thing: the type of object that it registers under the plugin's name; empty if it registers Kinds, or nothing by
            name.
        kinds: the Kinds that it adds.
        more: further templates, with their files.
    """

    name: str
    about: str
    thing: str = ""
    kinds: tuple[str, ...] = ()
    more: Mapping[str, str] = attrs.field(factory=dict)


_SORTS: Final = (
    Sort("driver", "The Kind $kind", kinds=("$kind",)),
    Sort("policy", "The policy $name", "policy"),
    Sort("registry", "The registry $name", "registry"),
    Sort("transport", "The transport $name", "transport"),
    Sort("placement", "The placement $name", "placement"),
    Sort("command", "The command `hyperverse $name`", "command"),
    Sort("observer", "The observer $name"),
    Sort(
        "application",
        "The application $name",
        kinds=("$kind", "${kind}Desk"),
        more={"hyperverse.toml.txt": "hyperverse.toml", "setup.hv.txt": "setup.hv"},
    ),
)
_HELP: Final = {
    "driver": "Write a plugin with a driver for one Kind. The NAME my-thing gives the Kind MyThing.",
    "policy": "Write a plugin with a policy, which decides who may do what.",
    "registry": "Write a plugin with a registry, which stores particles, their state and grants.",
    "transport": "Write a plugin with a transport, which carries waves between machines.",
    "placement": "Write a plugin with a placement, which chooses stars for particles.",
    "command": "Write a plugin with a command of the hyperverse program.",
    "observer": "Write a plugin with an observer, which is notified of waves and refusals.",
    "application": "Write an application: two Kinds that talk, a configuration and a script.",
}


@click.group()
def new() -> None:
    """Write the files of a new plugin, or of a Mechtron."""


def _command(sort: Sort) -> click.Command:
    @click.command(sort.name, help=_HELP[sort.name])
    @click.argument("name")
    @click.option("--into", type=click.Path(path_type=Path), help="Folder to create; hyperverse-NAME by default.")
    @common
    def write(name: str, into: Path | None) -> None:
        _new(sort, name, into)

    return write


for _sort in _SORTS:
    new.add_command(_command(_sort))
new.add_command(mechtron)


def _new(sort: Sort, name: str, into: Path | None) -> None:
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} is not a name for a plugin", hint="use lower-case words and hyphens, such as my-thing"
        )
    names = {
        "name": name,
        "distribution": f"hyperverse-{name}",
        "package": f"hyperverse_{name.replace('-', '_')}",
        "function": f"{name.replace('-', '_')}_command",
        "kind": _kind_of(name),
    }
    kinds = [string.Template(kind).substitute(names) for kind in sort.kinds]
    _check_free(name, sort.thing, kinds)
    about = string.Template(sort.about).substitute(names)
    names |= {"about": about, "adds": about[:1].lower() + about[1:]}
    folder = into or Path(names["distribution"])
    written = _write(folder, sort, names)
    if options().json:
        kind = {"kind": kinds[0]} if kinds else {}
        print_json({"folder": str(folder), "sort": sort.name, **kind, "files": written})
        return
    print(f"wrote {folder}: {', '.join(written)}")
    if not options().quiet:
        print(f'next: pip install -e "{folder}[test]" && pytest {folder} && hyperverse plugins show {name}')


def _kind_of(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def _check_free(name: str, thing: str, kinds: Sequence[str]) -> None:
    """Raises Conflict if the new plugin would have a name that exists already: once installed, both plugins would be
    blocked."""
    package = f"hyperverse_{name.replace('-', '_')}"
    found = PluginSet.load()
    plugins = {info.name: info.distribution or "a distribution without a name" for info in found.plugins}
    taken = ""
    if name in _OURS or plugins.get(name) == _DISTRIBUTION:
        taken = f"the plugin {name!r} comes with the platform"
    elif name in plugins:
        taken = f"the plugin {name!r} is already installed, from {plugins[name]}"
    elif importlib.util.find_spec(package) is not None:
        taken = f"the package {package!r} is already installed"
    elif _is_installed(f"hyperverse-{name}"):
        taken = f"the distribution 'hyperverse-{name}' is already installed"
    elif known := [kind for kind in kinds if kind in STANDARD_KINDS or kind in found.drivers]:
        taken = f"the Kind {known[0]!r} already exists"
    elif thing and (name in found.names(thing) or (thing == "command" and name in _program_commands())):
        taken = f"the {thing} {name!r} already exists"
    if taken:
        raise Conflict(f"{name!r} cannot be the name of a new plugin: {taken}", hint="choose another name")


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _program_commands() -> Collection[str]:
    root = click.get_current_context().find_root().command
    return root.list_commands(click.get_current_context()) if isinstance(root, click.Group) else ()


def _write(folder: Path, sort: Sort, names: Mapping[str, str]) -> list[str]:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"the folder {str(folder)!r} is not empty", hint="give another folder with --into")
    templates = importlib.resources.files(__package__) / "templates"
    written = []
    for source, target in {**_COMMON, **sort.more}.items():
        path = folder / string.Template(target).substitute(names)
        path.parent.mkdir(parents=True, exist_ok=True)
        found = templates / source if source.startswith("common/") else templates / sort.name / source
        path.write_text(string.Template(found.read_text("utf-8")).substitute(names), "utf-8")
        written.append(str(path.relative_to(folder)))
    return written
