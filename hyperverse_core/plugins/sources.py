"""Sources of plugins: entry points of the group ``hyperverse``, objects that a program hands over, and a
``hyperverse_local.py`` beside the config file. Finding a plugin does not import it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

__all__ = [
    "GROUP",
    "LOCAL_FILE",
    "PluginSource",
    "installed_sources",
    "local_source",
    "name_and_version",
    "object_source",
]

GROUP = "hyperverse"
LOCAL_FILE = "hyperverse_local.py"


@attrs.frozen
class PluginSource:
    """A plugin before it is loaded.

    Attributes:
        name: name of its entry point.
        distribution, version: its distribution; empty when it has none.
        load: imports the plugin, and raises what the import raises.
        given: whether a program handed it over, so that ``only`` does not leave it out.
    """

    name: str
    distribution: str
    version: str
    load: Callable[[], Any] = attrs.field(repr=False)
    given: bool = False


def installed_sources() -> list[PluginSource]:
    """Returns every installed plugin, sorted by name. A distribution that is on the path twice counts once."""
    sources: list[PluginSource] = []
    seen: set[tuple[str, str, str]] = set()
    for point in importlib.metadata.entry_points(group=GROUP):
        distribution, version = name_and_version(point.dist)
        if (point.name, point.value, distribution) in seen:
            continue
        seen.add((point.name, point.value, distribution))
        sources.append(PluginSource(point.name, distribution, version, point.load))
    return sorted(sources, key=lambda source: (source.name, source.distribution))


def name_and_version(distribution: importlib.metadata.Distribution | None) -> tuple[str, str]:
    """Returns name and version of a distribution; empty texts when its metadata is damaged."""
    if distribution is None:
        return "", ""
    try:
        return _field(distribution.metadata, "Name"), _field(distribution.metadata, "Version")
    except UnicodeDecodeError:  # one broken distribution must not hide the plugins of all others
        return "", ""


def _field(metadata: importlib.metadata.PackageMetadata, name: str) -> str:
    """Returns a field; an empty text when it is not there, which warns since Python 3.12 if one just asks for it."""
    return metadata[name] if name in metadata else ""  # noqa: SIM401  # it has no get() in Python 3.11


def object_source(plugin: Any) -> PluginSource:
    """Returns the source of a plugin that a program hands over: a module, a class, or an object with hook methods."""
    name = getattr(plugin, "__name__", "") or type(plugin).__name__
    return PluginSource(name.rpartition(".")[2], "", "", lambda: plugin, given=True)


def local_source(directory: Path) -> PluginSource:
    """Returns the source of ``hyperverse_local.py`` in a directory. Loading it fails when the file is missing."""
    return PluginSource("local", str(directory / LOCAL_FILE), "", lambda: _load_file(directory / LOCAL_FILE))


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no {str(path)!r}, which [plugins] local = true asks for")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # as an import does, so that its classes can be pickled and inspected
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module
