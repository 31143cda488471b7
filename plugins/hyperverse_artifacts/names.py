"""Names of files in a bundle, and the Kind and the media type that belong to them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from hyperverse_core.errors import BadRequest

__all__ = ["check_paths", "folders_of", "kind_of", "media_type"]

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 200
_LONGEST_PATH: Final = 1000
_SUBS: Final = {"wasm": "Wasm", "bind": "Bind", "mechtron": "ParticleConfig", "app": "ParticleConfig"}
_TYPES: Final = {
    "app": "text/plain; charset=utf-8",
    "bind": "text/plain; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "gif": "image/gif",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/vnd.microsoft.icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "mechtron": "text/plain; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "toml": "application/toml",
    "txt": "text/plain; charset=utf-8",
    "wasm": "application/wasm",
    "wat": "text/plain; charset=utf-8",
    "webp": "image/webp",
    "woff2": "font/woff2",
    "xml": "application/xml",
    "zip": "application/zip",
}


def check_paths(paths: Iterable[str]) -> None:
    """Checks the paths of a bundle: they must be relative and consist of plain names, no two may differ in case only,
    and no file may also be a folder.

    Raises:
        BadRequest: a path is refused; the message names it and says why.
    """
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        _check_path(path)
        folded = path.lower()
        if folded in seen:
            same = "occurs twice" if seen[folded] == path else f"differs from {seen[folded]!r} in case only"
            raise _refused(path, same)
        seen[folded] = path
        for folder in _folders(path):
            written = folders.setdefault(folder.lower(), folder)
            if written != folder:
                raise _refused(path, f"is in a folder that differs from {written!r} in case only")
    for folded, folder in folders.items():
        if folded in seen:
            raise _refused(seen[folded], f"is a file, and {folder!r} a folder")


def _check_path(path: str) -> None:
    said = _fault(path)
    if said:
        raise _refused(path, said)


def _fault(path: str) -> str:
    if not path:
        return "is empty"
    if "\0" in path:
        return "contains a NUL character"
    if "\\" in path:
        return "contains a backslash; write / between folders"
    if path.startswith("/") or re.match(r"[A-Za-z]:/", path):
        return "is absolute"
    if len(path) > _LONGEST_PATH:
        return f"has {len(path)} characters; at most {_LONGEST_PATH} are allowed"
    for name in path.split("/"):
        if name in ("", ".", ".."):
            return f"contains the part {name!r}"
        if len(name) > _LONGEST_NAME:
            return f"has a name of {len(name)} characters; at most {_LONGEST_NAME} are allowed"
        if _NAME.fullmatch(name) is None:
            return f"has the name {name!r}; use letters from a to z, digits, '.', '_' and '-'"
    return ""


def _refused(path: str, why: str) -> BadRequest:
    shown = path if len(path) < 120 else f"{path[:100]}..."
    return BadRequest(
        f"the file {shown!r} {why}", hint="the bundle was not published; rename the file, or leave it out"
    )


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def folders_of(paths: Iterable[str]) -> list[str]:
    """The folders that contain these paths, outer before inner, without the root."""
    return sorted({folder for path in paths for folder in _folders(path)})


def kind_of(path: str) -> str:
    """The Kind of the artifact at a path, by its extension."""
    return f"Artifact<{_SUBS.get(path.rpartition('.')[2].lower(), 'Raw')}>"


def media_type(path: str) -> str:
    """The media type of a file, by its extension: the same on every computer."""
    return _TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")
