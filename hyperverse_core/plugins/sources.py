"""Sources of plugins: entry points of the group ``hyperverse``, objects that a program passes in, and a
``hyperverse_local.py`` beside the config file. Finding a plugin does not import it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from ..config.search import LOCAL_PLUGIN
from ..errors import PluginError
from .entry_points import FoundPoint, find_entry_points

__all__ = [
    "GROUP",
    "PluginSource",
    "installed_sources",
    "local_source",
    "object_source",
]

GROUP = "hyperverse"


@attrs.frozen
class PluginSource:
    """A plugin before it is loaded.

    Attributes:
        name: name of its entry point.
        distribution, version: its distribution; empty when it has none.
        load: imports the plugin, and raises the exceptions of the import.
        given: whether a program passed it in, so that ``only`` does not exclude it.
    """

    name: str
    distribution: str
    version: str
    load: Callable[[], Any] = attrs.field(repr=False)
    given: bool = False


def installed_sources() -> tuple[list[PluginSource], list[str]]:
    """Returns every installed plugin, sorted by name, and the damaged metadata that was ignored."""
    found = find_entry_points(GROUP)
    sources: list[PluginSource] = []
    seen: set[tuple[str, str, str]] = set()
    for point in found.points:
        if (point.name, point.line, point.distribution) in seen:
            continue
        seen.add((point.name, point.line, point.distribution))
        load = point.point.load if point.point is not None else partial(_refuse, point)
        sources.append(PluginSource(point.name, point.distribution, point.version, load))
    return sorted(sources, key=lambda source: (source.name, source.distribution)), found.passed_over


def _refuse(point: FoundPoint) -> None:
    raise PluginError(
        f"its distribution {point.distribution!r} has the malformed entry point {point.line!r}",
        hint='an entry point is written as `name = package.module`, or `name = "package.module"` in pyproject.toml',
    )


def object_source(plugin: Any) -> PluginSource:
    """Returns the source of a plugin that a program passes in: a module, a class, or an object with hook methods."""
    name = getattr(plugin, "__name__", "") or type(plugin).__name__
    return PluginSource(name.rpartition(".")[2], "", "", lambda: plugin, given=True)


def local_source(directory: Path) -> PluginSource:
    """Returns the source of ``hyperverse_local.py`` in a directory. Loading it fails if the file is missing."""
    return PluginSource("local", str(directory / LOCAL_PLUGIN), "", lambda: _load_file(directory / LOCAL_PLUGIN))


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no {str(path)!r}, which [plugins] local = true requires")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # as an import does, so that its classes can be pickled and inspected
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module
