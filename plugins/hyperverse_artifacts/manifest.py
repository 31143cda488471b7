"""The manifest of a bundle: its files with their digests, and the artifacts made from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from hyperverse_core import Kind, Point
from hyperverse_core.blobs import hex_of
from hyperverse_core.driver import Draft
from hyperverse_core.errors import BadRequest, ParseError, TooLarge
from hyperverse_core.registry import PropertyValue

from .names import check_paths, folders_of, kind_of, media_type

__all__ = ["Budget", "Entry", "Manifest"]

_FORMAT: Final = "hyperverse-bundle-1"


@attrs.frozen
class Budget:
    """The limits of a bundle.

    Attributes:
        files: number of files.
        bytes: bytes of all files.
    """

    files: int = 2000
    bytes: int = 256 * 1024 * 1024

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Budget:
        """Returns the budget in ``[drivers.Bundle]``. Raises BadRequest."""
        chosen = {name: settings[name] for name in ("files", "bytes") if name in settings}
        for name, value in chosen.items():
            if type(value) is not int or value < 1:
                raise BadRequest(f"{name} cannot be {value!r}", hint="write a whole number from 1 in [drivers.Bundle]")
        return cls(**chosen)

    def check(self, files: int, size: int) -> None:
        """Raises TooLarge if a bundle contains more than this."""
        if files > self.files:
            raise TooLarge(f"the bundle has {files} files; at most {self.files} are allowed", hint=_MORE)
        if size > self.bytes:
            raise TooLarge(f"the bundle has {size} bytes; at most {self.bytes} are allowed", hint=_MORE)


_MORE: Final = "publish it in several bundles, or raise `files` or `bytes` in [drivers.Bundle]"


@attrs.frozen
class Entry:
    """A file of a bundle.

    Attributes:
        path: its path in the bundle, relative to the root.
        digest: the digest of its content.
        size: bytes of its content.
        on: the machine to which its content was sent.
    """

    path: str
    digest: str
    size: int
    on: str

    def plain(self) -> dict[str, Any]:
        """Returns the entry as a map."""
        return attrs.asdict(self)


@attrs.frozen
class Manifest:
    """All files of a bundle.

    Raises:
        BadRequest: there are no files, or a path is refused.
    """

    entries: tuple[Entry, ...]

    def __attrs_post_init__(self) -> None:
        if not self.entries:
            raise BadRequest("the bundle has no file", hint="add at least one file")
        check_paths(entry.path for entry in self.entries)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    def text(self) -> bytes:
        """The manifest as JSON, which a client sends after the content."""
        return json.dumps({"format": _FORMAT, "files": [entry.plain() for entry in self.entries]}).encode()

    @classmethod
    def parse(cls, text: bytes) -> Manifest:
        """Parses what :meth:`text` returns. Raises BadRequest."""
        try:
            said = json.loads(text)
            if said["format"] != _FORMAT:
                raise ValueError(f"its format is {said['format']!r}")
            return cls(tuple(_entry(row) for row in said["files"]))
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            raise BadRequest(
                f"this is neither a zip file nor the manifest of a bundle: {exc}",
                hint="`hyperverse publish FOLDER POINT` publishes a folder",
            ) from exc

    def state(self) -> dict[str, Any]:
        """The state of the Bundle."""
        return {"files": [{**entry.plain(), "type": media_type(entry.path)} for entry in self.entries]}

    def drafts(self, bundle: Point) -> tuple[Draft, ...]:
        """Returns the artifacts below ``bundle``, each folder before its entries. Raises BadRequest."""
        paths = [entry.path for entry in self.entries]
        folders = ["", *folders_of(paths)]
        names = _names(folders, paths)
        drafts = [_folder(bundle, folder, names[folder]) for folder in folders]
        return (*drafts, *(_file(bundle, entry) for entry in self.entries))


def _entry(row: Any) -> Entry:
    entry = Entry(row["path"], row["digest"], row["size"], row["on"])
    if not (isinstance(entry.path, str) and isinstance(entry.on, str) and type(entry.size) is int and entry.size >= 0):
        raise ValueError(f"the description of a file is {row!r:.200}")
    hex_of(entry.digest)
    return entry


def _names(folders: Sequence[str], paths: Iterable[str]) -> dict[str, list[str]]:
    """The direct entries of each folder; names of folders end with ``/``."""
    names: dict[str, list[str]] = {folder: [] for folder in folders}
    for folder in folders[1:]:
        above, _, name = folder.rpartition("/")
        names[above].append(f"{name}/")
    for path in paths:
        above, _, name = path.rpartition("/")
        names[above].append(name)
    return {folder: sorted(found) for folder, found in names.items()}


def _folder(bundle: Point, folder: str, names: list[str]) -> Draft:
    point = _point(bundle, f"{folder}/" if folder else "")
    return Draft(point, Kind.parse("Artifact<Dir>"), {}, {"names": names})


def _file(bundle: Point, entry: Entry) -> Draft:
    said = {"digest": entry.digest, "size": str(entry.size), "type": media_type(entry.path), "on": entry.on}
    properties = {key: PropertyValue(value, locked=True) for key, value in said.items()}
    return Draft(_point(bundle, entry.path), Kind.parse(kind_of(entry.path)), properties)


def _point(bundle: Point, path: str) -> Point:
    try:
        return Point.parse(f"{bundle.text}:/{path}")
    except ParseError as exc:
        raise BadRequest(f"the file {path!r} cannot have a point: {exc.message}", hint="rename it") from exc
