"""The settings of the ``sql`` registry: ``[registry]`` in the config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from hyperverse_core.errors import ConfigError, did_you_mean

__all__ = ["SqlSettings"]

_SCHEMES: Final = ("sqlite:///", "sqlite+aiosqlite:///")
_POSTGRES: Final = ("postgresql:", "postgres:")
_SYNCHRONOUS: Final = ("NORMAL", "FULL")


@attrs.frozen(kw_only=True)
class SqlSettings:
    """The table ``[registry]``.

    Attributes:
        path: the database file.
        create: whether to create a missing file.
        synchronous: with ``NORMAL`` an acknowledged write survives a crash of the process. With ``FULL`` it also
            survives a power failure, and each commit waits for the disk.
        feed: minimum number of change feed entries to keep.
    """

    path: Path
    create: bool = True
    synchronous: str = "NORMAL"
    feed: int = 100_000

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> SqlSettings:
        """Reads the settings from a mapping, which has ``path`` or ``url`` (``sqlite:///...``) and may have the others.

        Raises:
            ConfigError: a setting is wrong; ``faults`` has a line for each fault.
        """
        faults = [
            f"no setting {key!r} of the sql registry{did_you_mean(key, _KEYS)}" for key in settings if key not in _KEYS
        ]
        if ("path" in settings) == ("url" in settings):
            faults.append("the sql registry needs either a path or a url")
        for key, (kind, said) in _KEYS.items():
            value = settings.get(key)
            if key in settings and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
                faults.append(f"{key} of the sql registry cannot be {value!r}: it is {said}")
        if not faults:
            faults.extend(_value_faults(settings))
        if faults:
            raise ConfigError(faults=faults, hint=f"known: {', '.join(_KEYS)}")
        path = settings["path"] if "path" in settings else _path_of(settings["url"])
        given = {key: settings[key] for key in ("create", "feed") if key in settings}
        synchronous = str(settings.get("synchronous", "NORMAL")).upper()
        return cls(path=Path(path).expanduser(), synchronous=synchronous, **given)


_KEYS: Final[Mapping[str, tuple[Any, str]]] = {
    "path": ((str, Path), "the path of a file"),
    "url": (str, "sqlite:/// and the path of a file"),
    "create": (bool, "true or false"),
    "synchronous": (str, "NORMAL or FULL"),
    "feed": (int, "a number of entries"),
}


def _value_faults(settings: Mapping[str, Any]) -> list[str]:
    faults = []
    url = settings.get("url")
    if url is not None and url.startswith(_POSTGRES):
        faults.append('url of the sql registry names a database in PostgreSQL: leave out `driver = "sql"`')
    elif url is not None and not _path_of(url):
        faults.append(
            f"url of the sql registry cannot be {url!r}: it begins with sqlite:/// and names a file, or with "
            "postgresql:// and names a database"
        )
    if str(settings.get("path", "file")) in ("", ".", ":memory:"):
        faults.append("path of the sql registry must be a file; it cannot be in memory")
    if str(settings.get("synchronous", "NORMAL")).upper() not in _SYNCHRONOUS:
        faults.append(f"synchronous of the sql registry cannot be {settings['synchronous']!r}: it is NORMAL or FULL")
    if settings.get("feed", 1) < 1:
        faults.append(f"feed of the sql registry cannot be {settings['feed']!r}: it is at least 1")
    return faults


def _path_of(url: str) -> str:
    for scheme in _SCHEMES:
        if url.startswith(scheme):
            return url.removeprefix(scheme)
    return ""
