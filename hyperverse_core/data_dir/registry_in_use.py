"""Which registry a data directory was used with, so that a typing error does not begin an empty one beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigError
from .private_file import read_private_file, unusable, write_private_file

__all__ = ["FILE_NAME", "check_registry_in_use", "note_registry_in_use", "registry_file"]

FILE_NAME: Final = "registry-in-use"
_SQLITE: Final = "sqlite:///"
_DEFAULT: Final = "registry.sqlite"
_HEAD: Final = b"SQLite format 3\0"
_ONE_PAGE: Final = 4096
"""Bytes of a file of SQLite in which nothing is."""


def check_registry_in_use(data_dir: Path, settings: Mapping[str, Any]) -> None:
    """Raises ConfigError when the registry of the settings would be a new, empty one, and this data directory was used
    with a registry before, unless the settings say ``create`` themselves. A registry that is not a file is none of our
    business."""
    named = registry_file(settings)
    if named is None or "create" in settings or _has_content(named):
        return
    used = _used(data_dir)
    if used is None:
        return
    cure = "to begin with an empty one on purpose, set `create = true` in [registry] for the first start"
    if used == named:
        became = "empty" if _size(named) else "gone"
        raise ConfigError(
            f"the registry {str(named)!r} is {became}, and this data directory was used with it",
            hint=f"put it back, or restore a backup there; {cure}",
        )
    raise ConfigError(
        f"there is no registry {str(named)!r}, and this data directory was used with {str(used)!r}",
        hint=f"correct `path` or `url` in [registry]; {cure}",
    )


def note_registry_in_use(data_dir: Path, settings: Mapping[str, Any]) -> None:
    """Remembers the registry of the settings, which is open. Raises ConfigError when the file cannot be written."""
    named = registry_file(settings)
    if named is None:
        return
    file, base = data_dir / FILE_NAME, data_dir.absolute()
    text = str(named.relative_to(base) if named.is_relative_to(base) else named)
    try:
        if not file.exists() or read_private_file(file) != text:
            write_private_file(file, text)
    except OSError as exc:
        raise unusable(file, exc) from exc


def _used(data_dir: Path) -> Path | None:
    """The registry that it was used with. One in its usual place counts, although an older version noted nothing."""
    usual = data_dir.absolute() / _DEFAULT
    try:
        return data_dir.absolute() / read_private_file(data_dir / FILE_NAME)
    except FileNotFoundError:
        return usual if _has_content(usual) else None
    except OSError:  # the data directory cannot be used, which the next step says better
        return None


def registry_file(settings: Mapping[str, Any]) -> Path | None:
    """The file that the settings name, if they name one."""
    path, url = settings.get("path"), settings.get("url")
    if path is None and isinstance(url, str) and url.startswith(_SQLITE):
        path = url.removeprefix(_SQLITE)
    return Path(path).expanduser().absolute() if isinstance(path, str | Path) and str(path) else None


def _has_content(path: Path) -> bool:
    """Whether there is a registry, or something else. A database of one page has no table: what was in it is in the log
    beside it, or lost."""
    size = _size(path)
    if not 0 < size <= _ONE_PAGE or _size(path.with_name(f"{path.name}-wal")):
        return size > 0
    try:
        with path.open("rb") as file:
            return file.read(len(_HEAD)) != _HEAD
    except OSError:  # out of reach: whoever opens it says what is wrong
        return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # absent, or out of reach: whoever opens it says what is wrong
        return 0
