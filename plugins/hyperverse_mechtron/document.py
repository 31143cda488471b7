"""The document of a Mechtron: its module, its limits and what it is granted. docs/reference/mechtrons.md.

Mechtron(version=1.0.0) {
  Wasm   { +bin=repo:hello:1.0.0:/hello.wasm; +name=hello; }
  Limits { +seconds=5; +memory=64; }
  Grants { +arg="two words"; +env=LANG=C; +folder=/srv/data::/data; }
}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from hyperverse_core.errors import BadRequest, ParseError, did_you_mean
from hyperverse_core.values import Point

from .host.grants import GrantedFolder, WasiGrants
from .host.limits import MIB, GuestLimits
from .stand_ins import STAND_INS

__all__ = ["Document"]

_HEAD: Final = re.compile(r"\s*Mechtron\(version=([0-9.]+)\)\s*\{")
_BLOCK: Final = re.compile(r"([A-Z][A-Za-z]*)\s*\{")
_LINE: Final = re.compile(r"\+([a-z][a-z-]*)\s*=\s*")
_QUOTED: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_BARE: Final = re.compile(r"[^\s;{}\"]+")
_GAP: Final = re.compile(r"(?:\s+|#[^\n]*)*")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_ONCE: Final[Mapping[str, tuple[str, ...]]] = {
    "Wasm": ("bin", "name", "start"),
    "Limits": ("seconds", "memory", "fuel", "concurrency"),
    "Run": ("state", "isolation", "reply", "request"),
    "Library": ("malloc",),
    "Grants": (),
}
_MANY: Final[Mapping[str, tuple[str, ...]]] = {
    "Grants": ("arg", "env", "folder", "write"),
    "Library": ("import",),
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "state": ("keys", "memory", "save", "none"),
    "isolation": ("fiber", "process"),
    "reply": ("auto", "text", "bytes", "json", "run"),
    "request": ("none", "environment"),
}


@attrs.frozen
class Document:
    """What a document says.

    Attributes:
        bin: the point of the module.
        name: the name of the Mechtron, the first argument of a command.
        start: the function that runs a command.
        limits: what one call may use.
        concurrency: how many calls may run at once.
        state: ``keys``; ``memory`` to keep the memory of the guest; ``save`` to keep what the guest gives by its own
            export; ``none`` for a Mechtron that keeps nothing.
        isolation: ``process`` to run it in a worker process, else ``fiber``.
        reply: how the answer becomes a body: ``auto``, ``text``, ``bytes``, ``json`` or ``run``.
        request: ``environment`` to have the wave described in environment variables, else ``none``.
        grants: the grants of a WASI guest.
        malloc: of a library, the function that gives memory.
        stand_ins: of a library or command, what stands in for which of its imports.
    """

    bin: Point
    name: str
    start: str = "_start"
    limits: GuestLimits = attrs.field(factory=GuestLimits)
    concurrency: int = 1
    state: str = "keys"
    isolation: str = "fiber"
    reply: str = "auto"
    request: str = "none"
    grants: WasiGrants = attrs.field(factory=WasiGrants)
    malloc: str = "malloc"
    stand_ins: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def parse(cls, text: str) -> Document:
        """Reads a document. Raises ParseError with the place of what is wrong."""
        once: dict[str, _Value] = {}
        many: dict[str, list[_Value]] = {}
        for block, key, value in _Scanner(text).lines():
            if key in _MANY.get(block, ()):
                many.setdefault(key, []).append(value)
            elif key not in _ONCE[block]:
                known = (*_ONCE[block], *_MANY.get(block, ()))
                raise value.wrong(f"{block} has no {key!r}{did_you_mean(key, known)}", known)
            elif key in once:
                raise value.wrong(f"{key!r} is assigned twice")
            else:
                once[key] = value
        for key in ("bin", "name"):
            if key not in once:
                raise ParseError(f"{key!r} is missing in Wasm", text=text, offset=len(text), expected=(f"+{key}=...;",))
        state, count = once.get("state"), once.get("concurrency")
        if state is not None and state.text in ("memory", "save") and count is not None and count.text != "1":
            raise count.wrong("a Mechtron whose instance is kept handles one wave at a time", ("+concurrency=1;",))
        return cls._of(once, many)

    @classmethod
    def _of(cls, once: Mapping[str, _Value], many: Mapping[str, list[_Value]]) -> Document:
        usual = GuestLimits()
        limits = GuestLimits(
            seconds=once["seconds"].number(0.001, 3600) if "seconds" in once else usual.seconds,
            memory=once["memory"].whole(1, 4096) * MIB if "memory" in once else usual.memory,
            fuel=once["fuel"].whole(1, 1 << 62) if "fuel" in once else None,
        )
        chosen = {key: once[key].choice(_CHOICES[key]) for key in _CHOICES if key in once}
        return cls(
            once["bin"].point(),
            once["name"].name(),
            once["start"].text if "start" in once else "_start",
            limits,
            once["concurrency"].whole(1, 64) if "concurrency" in once else 1,
            chosen.get("state", "keys"),
            chosen.get("isolation", "fiber"),
            chosen.get("reply", "auto"),
            chosen.get("request", "none"),
            WasiGrants(
                tuple(each.argument() for each in many.get("arg", ())),
                dict(each.variable() for each in many.get("env", ())),
                (
                    *(each.folder(write=False) for each in many.get("folder", ())),
                    *(each.folder(write=True) for each in many.get("write", ())),
                ),
            ),
            once["malloc"].text if "malloc" in once else "malloc",
            dict(each.stand_in() for each in many.get("import", ())),
        )


@attrs.frozen
class _Value:
    """What stands behind an equals sign."""

    text: str
    document: str
    at: int

    def wrong(self, message: str, expected: tuple[str, ...] = ()) -> ParseError:
        return ParseError(message, text=self.document, offset=self.at, expected=expected)

    def number(self, least: float, most: float) -> float:
        try:
            found = float(self.text)
        except ValueError:
            found = float("nan")
        if not least <= found <= most:
            raise self.wrong(f"{self.text!r} is not a number from {least:g} to {most:g}")
        return found

    def whole(self, least: int, most: int) -> int:
        if not re.fullmatch(r"[0-9]{1,20}", self.text) or not least <= int(self.text) <= most:
            raise self.wrong(f"{self.text!r} is not a whole number from {least} to {most}")
        return int(self.text)

    def choice(self, known: tuple[str, ...]) -> str:
        if self.text not in known:
            raise self.wrong(f"{self.text!r} cannot be chosen{did_you_mean(self.text, known)}", known)
        return self.text

    def name(self) -> str:
        if _NAME.fullmatch(self.text) is None:
            raise self.wrong(f"{self.text!r} is not a name", ("a name such as my-mechtron",))
        return self.text

    def point(self) -> Point:
        try:
            return Point.parse(self.text)
        except ParseError as exc:
            raise self.wrong(
                f"{self.text!r} is not a point: {exc.message}", ("localhost:repo:my:1.0.0:/app.wasm",)
            ) from None

    def argument(self) -> str:
        if "\0" in self.text:
            raise self.wrong("an argument cannot contain a zero byte")
        return self.text

    def variable(self) -> tuple[str, str]:
        name, equals, value = self.argument().partition("=")
        if not name or not equals:
            raise self.wrong(f"{self.text!r} is not an environment variable", ("NAME=VALUE",))
        return name, value

    def stand_in(self) -> tuple[str, str]:
        name, equals, which = self.text.rpartition("=")
        if not equals or not name:
            raise self.wrong(f"{self.text!r} is not an import with its stand-in", ('"env.abort=trap"',))
        if which not in STAND_INS:
            raise self.wrong(f"there is no stand-in {which!r}{did_you_mean(which, STAND_INS)}", tuple(STAND_INS))
        return name, which

    def folder(self, *, write: bool) -> GrantedFolder:
        host, between, guest = self.argument().partition("::")
        if not host.startswith("/") or not between or not guest:
            raise self.wrong(f"{self.text!r} is not a folder with its path for the guest", ("/srv/data::/data",))
        return GrantedFolder(host, guest, write)


class _Scanner:
    """Reads the lines of a document, with the blocks that they are in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def lines(self) -> Iterator[tuple[str, str, _Value]]:
        self._gap()
        head = _HEAD.match(self.text, self.at)
        if head is None:
            raise self._wrong("this is not a document of a Mechtron", "Mechtron(version=1.0.0) {")
        if head[1] != "1.0.0":
            raise self._wrong(f"version {head[1]} is not known", "Mechtron(version=1.0.0)")
        self.at = head.end()
        while not self._take("}"):
            block = _BLOCK.match(self.text, self.at)
            if block is None:
                raise self._wrong("a block is wanted here", *(f"{name} {{" for name in _ONCE))
            if block[1] not in _ONCE:
                raise self._wrong(f"there is no block {block[1]!r}{did_you_mean(block[1], _ONCE)}", *_ONCE)
            self.at = block.end()
            while not self._take("}"):
                yield (block[1], *self._line())
        self._gap()
        if self.at < len(self.text):
            raise self._wrong("the document goes on behind its end", "nothing")

    def _line(self) -> tuple[str, _Value]:
        key = _LINE.match(self.text, self.at)
        if key is None:
            raise self._wrong("an assignment is wanted here", "+name=hello;", "'}'")
        self.at = key.end()
        value = self._value()
        if not self._take(";"):
            raise self._wrong("the assignment does not end", "';'")
        return key[1], value

    def _value(self) -> _Value:
        at = self.at
        quoted = _QUOTED.match(self.text, at)
        if quoted is not None:
            self.at = quoted.end()
            try:
                return _Value(json.loads(quoted[0]), self.text, at)
            except ValueError:
                raise ParseError("the text in quotes is malformed", text=self.text, offset=at) from None
        bare = _BARE.match(self.text, at)
        if bare is None:
            raise self._wrong("a value is wanted here", "a word", "a text in double quotes")
        self.at = bare.end()
        return _Value(bare[0], self.text, at)

    def _gap(self) -> None:
        found = _GAP.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _take(self, mark: str) -> bool:
        self._gap()
        if not self.text.startswith(mark, self.at):
            return False
        self.at += 1
        return True

    def _wrong(self, message: str, *expected: str) -> ParseError:
        return ParseError(message, text=self.text, offset=self.at, expected=expected)


def check_allowed(document: Document, seconds: float, memory: int, folders: list[str]) -> None:
    """Raises BadRequest when a document asks for more than the settings of this machine allow.

    Args:
        seconds: the most for a call.
        memory: the most bytes of memory.
        folders: folders of this computer that may be granted, with everything below them.
    """
    if document.limits.seconds > seconds:
        raise BadRequest(
            f"{document.limits.seconds:g} s for a call are more than this machine allows, which is {seconds:g} s",
            hint="ask for less, or raise `seconds` in [drivers.Mechtron]",
        )
    if document.limits.memory > memory:
        raise BadRequest(
            f"{document.limits.memory // MIB} MiB of memory are more than this machine allows, which is "
            f"{memory // MIB} MiB",
            hint="ask for less, or raise `memory` in [drivers.Mechtron]",
        )
    from pathlib import Path

    for folder in document.grants.folders:
        host = Path(folder.host).resolve()
        if not any(host.is_relative_to(Path(allowed).resolve()) for allowed in folders):
            raise BadRequest(
                f"the folder {folder.host!r} is not among those that this machine lets documents grant",
                hint=f'folders = ["{folder.host}"] in [drivers.Mechtron] allows it',
            )
