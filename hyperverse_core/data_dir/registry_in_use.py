"""Records which registry a data directory is used with, so that a mistyped path does not create an empty one."""

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
"""Size in bytes of an SQLite file without content."""


def check_registry_in_use(data_dir: Path, settings: Mapping[str, Any]) -> None:
    """Raises ConfigError when the settings name a registry that would be created empty, although this data directory
    was used with a registry before, unless the settings contain ``create``. Registries that are not files are not
    checked."""
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
    """Records the registry of the settings, which is open. Raises ConfigError when the record cannot be written."""
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
    """Returns the registry that it was used with. One at the default path counts even if an older version recorded
    nothing."""
    usual = data_dir.absolute() / _DEFAULT
    try:
        return data_dir.absolute() / read_private_file(data_dir / FILE_NAME)
    except FileNotFoundError:
        return usual if _has_content(usual) else None
    except OSError:  # the data directory cannot be used; the next step reports it better
        return None


def registry_file(settings: Mapping[str, Any]) -> Path | None:
    """Returns the file that the settings name, None when they name none."""
    path, url = settings.get("path"), settings.get("url")
    if path is None and isinstance(url, str) and url.startswith(_SQLITE):
        path = url.removeprefix(_SQLITE)
    return Path(path).expanduser().absolute() if isinstance(path, str | Path) and str(path) else None


def _has_content(path: Path) -> bool:
    """Returns whether the file contains a registry, or something else. A database of one page has no table: its content
    is in the log beside it, or lost."""
    size = _size(path)
    if not 0 < size <= _ONE_PAGE or _size(path.with_name(f"{path.name}-wal")):
        return size > 0
    try:
        with path.open("rb") as file:
            return file.read(len(_HEAD)) != _HEAD
    except OSError:  # not accessible: reported when it is opened
        return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # missing or not accessible: reported when it is opened
        return 0
