"""The steps with which a wave calls a library, from the body of the wave."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from hyperverse_core.errors import BadRequest, did_you_mean

__all__ = ["MOST_STEPS", "LibraryStep", "Values", "steps_of"]

MOST_STEPS: Final = 1000
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "put": frozenset({"encoding"}),
    "write": frozenset({"at", "encoding"}),
    "call": frozenset({"args", "unsigned"}),
    "get": frozenset({"size", "type"}),
    "global": frozenset({"set", "unsigned"}),
}
_NEEDED: Final = {"write": "at"}
_REFERENCE: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*(?:\.size)?)(?:([+-])([0-9]+))?")
_EXAMPLE: Final = 'send [{"put": "abc", "as": "in"}, {"call": "hash", "args": ["$in", "$in.size"]}]'


@attrs.frozen
class LibraryStep:
    """One step.

    Attributes:
        number: its number, from 1.
        what: ``put``, ``write``, ``call``, ``get`` or ``global``.
        of: its operand: the content, the name of a function or global, or an address.
        options: the remaining keys.
        name: the name under which later steps find its result; empty for none.
    """

    number: int
    what: str
    of: Any
    options: Mapping[str, Any]
    name: str

    def wrong(self, why: str, hint: str = "") -> BadRequest:
        """Returns an error for this step, to be raised."""
        return BadRequest(f"step {self.number} ({self.what}): {why}", hint=hint or "see the page on Mechtrons")

    def content(self) -> bytes:
        """Returns the bytes to write. Raises BadRequest."""
        how = self.options.get("encoding", "text")
        if isinstance(self.of, bytes):
            return self.of
        if not isinstance(self.of, str) or how not in ("text", "hex"):
            raise self.wrong("it takes bytes, or a text", 'a text of digits can have "encoding": "hex"')
        if how == "text":
            return self.of.encode()
        try:
            return bytes.fromhex(self.of)
        except ValueError:
            raise self.wrong("the text is not hexadecimal") from None


class Values:
    """The results of steps, by name."""

    def __init__(self) -> None:
        self._known: dict[str, int | float] = {}

    def keep(self, name: str, value: Any) -> None:
        """Stores a number under a name."""
        if name and isinstance(value, int | float):
            self._known[name] = value

    def number(self, step: LibraryStep, given: Any) -> int | float:
        """Returns the number that a step refers to: a number itself, or ``$name``, ``$name.size``, ``$name+4``. Raises
        BadRequest."""
        if isinstance(given, int | float) and not isinstance(given, bool):
            return given
        found = _REFERENCE.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            raise step.wrong(f"{given!r} is not a number", "write a number, $name, $name.size or $name+4")
        if found[1] not in self._known:
            near = did_you_mean(found[1], self._known)
            raise step.wrong(f"no earlier step has the name {found[1]!r}{near}", 'name a step with "as"')
        value = self._known[found[1]]
        offset = int(found[3] or 0)
        return value - offset if found[2] == "-" else value + offset

    def whole(self, step: LibraryStep, given: Any, what: str) -> int:
        """Returns a whole number from 0 to 2^32 - 1. Raises BadRequest."""
        found = self.number(step, given)
        if not isinstance(found, int) or not -(1 << 31) <= found < 1 << 32:
            raise step.wrong(f"{found!r} is not {what}")
        return found & 0xFFFFFFFF


def steps_of(body: Any) -> list[LibraryStep]:
    """Parses the steps in a body: a list of maps, or its JSON. Raises BadRequest."""
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            raise BadRequest("the body is neither a list of steps nor its JSON", hint=_EXAMPLE) from None
    if not isinstance(body, Sequence) or not body:
        raise BadRequest("the body is not a list of steps", hint=_EXAMPLE)
    if len(body) > MOST_STEPS:
        raise BadRequest(f"the body has {len(body)} steps, at most {MOST_STEPS} are allowed", hint="send several waves")
    return [_step(number, each) for number, each in enumerate(body, 1)]


def _step(number: int, given: Any) -> LibraryStep:
    if not isinstance(given, Mapping):
        raise BadRequest(f"step {number} is not a map", hint=_EXAMPLE)
    found = [key for key in given if key in _KEYS]
    if len(found) != 1:
        near = did_you_mean(str(next(iter(given), "")), _KEYS)
        raise BadRequest(f"step {number} must have exactly one of {', '.join(_KEYS)}{near}", hint=_EXAMPLE)
    what, name = found[0], given.get("as", "")
    options = {key: value for key, value in given.items() if key not in (what, "as")}
    step = LibraryStep(number, what, given[what], options, name if isinstance(name, str) else "")
    for key in options:
        if key not in _KEYS[what]:
            raise step.wrong(f"there is no key {key!r}{did_you_mean(key, _KEYS[what])}", f"it takes {_taken(what)}")
    if what in _NEEDED and _NEEDED[what] not in options:
        raise step.wrong(f"the key {_NEEDED[what]!r} is missing")
    if name != "" and (not isinstance(name, str) or not name.isidentifier()):
        raise step.wrong(f"{name!r} is not a name", 'write "as": "result"')
    return step


def _taken(what: str) -> str:
    return ", ".join(sorted((*_KEYS[what], "as")))
