"""Contexts: names that a user has given to constellations, each with its location and a token for it.

They are private files below the user's configuration folder, one for each context, and one with the name of the
context in use.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs

from ..errors import BadRequest, ConfigError, Conflict, NotFound, did_you_mean
from .private_file import read_private_file, unusable, write_private_file

__all__ = ["CONTEXT_VARIABLE", "Contexts", "SavedContext"]

CONTEXT_VARIABLE = "HYPERVERSE_CONTEXT"
"""Environment variable with the name of the context to use."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_SUFFIX = ".json"
_IN_USE = "in-use"


@attrs.frozen
class SavedContext:
    """Where a constellation is, and how to authenticate there.

    Attributes:
        name: the user's name for it.
        data_dir: the data directory of its machines, if it is on this computer.
        address: otherwise, the address that one of its machines listens on, in the notation of the transport.
        transport: name of the lane transport of ``address``; empty for the default one.
        server_key: the public key that the machine at ``address`` must prove.
        token: the token to show; empty for that of the data directory.
        token_key: the public key that the token was issued for: it is not shown to a machine with another key.
    """

    name: str
    data_dir: str = ""
    address: str = ""
    transport: str = ""
    server_key: str = ""
    token: str = attrs.field(default="", repr=False)
    token_key: str = ""


class Contexts:
    """The contexts of a user.

    Args:
        folder: the user's configuration folder, which need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "contexts"

    def names(self) -> list[str]:
        """Returns the names of all contexts, sorted."""
        return sorted(path.stem for path in self._folder.glob(f"*{_SUFFIX}") if _NAME.fullmatch(path.stem))

    def get(self, name: str) -> SavedContext:
        """Returns the context of that name.

        Raises:
            NotFound: there is no such context.
            ConfigError: its file is damaged, or another user may have written it.
        """
        check_name(name)
        path = self._path(name)
        try:
            return _context(name, json.loads(read_private_file(path)))
        except FileNotFoundError:
            names = self.names()
            known = f"known: {', '.join(names)}{did_you_mean(name, names)}" if names else "there is none yet"
            raise NotFound(
                f"no context is named {name!r}; {known}", hint="`hyperverse context add` makes one"
            ) from None
        except OSError as exc:
            raise unusable(path, exc) from exc
        except (ValueError, TypeError):
            raise ConfigError(  # without its cause, which would quote the file
                f"the file of the context {name!r} is damaged: {str(path)!r}",
                hint=f"`hyperverse context remove {name}`, and add it again",
            ) from None

    def add(self, context: SavedContext) -> None:
        """Saves a new context. Raises BadRequest for an invalid name, Conflict for one that exists, ConfigError."""
        check_name(context.name)
        if context.name in self.names():
            raise Conflict(
                f"there is a context {context.name!r} already", hint=f"`hyperverse context remove {context.name}` first"
            )
        self.keep(context)

    def keep(self, context: SavedContext) -> None:
        """Saves a context, replacing one of the same name. Raises ConfigError."""
        fields = attrs.asdict(context, filter=lambda field, value: field.name != "name" and value != "")
        path = self._path(context.name)
        try:
            write_private_file(path, json.dumps(fields, indent=1) + "\n")
        except OSError as exc:
            raise unusable(path, exc) from exc

    def remove(self, name: str) -> None:
        """Deletes a context and its token. It need not be readable. Raises NotFound, BadRequest."""
        check_name(name)
        if name not in self.names():
            self.get(name)
        self._path(name).unlink(missing_ok=True)
        if self.in_use() == name:
            self.use("")

    def in_use(self) -> str:
        """Returns the name of the context in use; empty for none. Raises ConfigError when another user may have written
        it."""
        try:
            return read_private_file(self._folder / _IN_USE)
        except OSError:
            return ""

    def use(self, name: str) -> None:
        """Selects the context to use; an empty string selects none. Raises NotFound, ConfigError."""
        path = self._folder / _IN_USE
        if not name:
            path.unlink(missing_ok=True)
            return
        self.get(name)
        try:
            write_private_file(path, name + "\n")
        except OSError as exc:
            raise unusable(path, exc) from exc

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"


def check_name(name: str) -> None:
    """Raises BadRequest when the name is not valid for a context."""
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} cannot be the name of a context",
            hint="a name has lower-case letters, digits, '-', '_' and '.', a letter or digit first, at most 63",
        )


def _context(name: str, fields: Any) -> SavedContext:
    """Returns the context in a file. Raises TypeError when the file is damaged."""
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise TypeError("every field is a text")
    return SavedContext(name, **fields)
