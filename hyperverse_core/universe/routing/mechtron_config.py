"""Mechtron configurations, which name the code of a Mechtron: docs/reference/binds.md#mechtron-configurations.

Mechtron(version=1.0.0) {
  Wasm {
    +bin=repo:hello:1.0.0:/wasm/hello.wasm;
    +name=hello;
  }
}
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from ...errors import ParseError, did_you_mean
from ..address.template import PointVar
from ..text.lark_grammar import moved, without_comments
from ..text.lexis import SKEWER, fail
from ..text.version import Version
from .scope_text import scan_block, scan_document_head, skip_blanks

__all__ = ["ConfigLine", "MechtronConfig", "scan_config_line"]

_VERSION: Final = Version(1, 0, 0)
_KEYS: Final = ("bin", "name")
_KEY: Final = re.compile(r"\+([a-z0-9.-]++)")
_EQUALS: Final = re.compile(r"\s*+=\s*+")
_VALUE: Final = re.compile(r"[^\s;]++")
_WASM: Final = re.compile(r"Wasm(?![A-Za-z0-9])")


@attrs.frozen
class ConfigLine:
    """A line of a configuration, written ``+key=value;``.

    Attributes:
        key: the name on the left.
        value: the text on the right.
        at: offset of the line in its document.
        value_at: offset of the value in its document.
    """

    key: str
    value: str
    at: int = attrs.field(default=0, eq=False)
    value_at: int = attrs.field(default=0, eq=False)

    @classmethod
    def parse(cls, text: str) -> ConfigLine:
        """Reads ``text``, with its ``;``, as a line of a configuration. Raises ParseError."""
        clean = without_comments(text)
        line, end = scan_config_line(clean, 0, len(clean))
        behind = skip_blanks(clean, end)
        if behind < len(clean):
            fail(text, behind, "the end")
        return line

    def __str__(self) -> str:
        return f"+{self.key}={self.value};"


@attrs.frozen
class MechtronConfig:
    """The code of a Mechtron.

    Attributes:
        bin: the artifact that contains the code. It may contain variables.
        name: the name of the Mechtron in that artifact.
    """

    bin: PointVar
    name: str

    @classmethod
    def parse(cls, text: str) -> MechtronConfig:
        """Reads ``text`` as a configuration. Raises ParseError."""
        clean = without_comments(text)
        try:
            return _scan(clean)
        except ParseError as exc:
            raise moved(exc, text, 0) from None

    def __str__(self) -> str:
        inner = "\n".join(f"    {ConfigLine(key, str(getattr(self, key)))}" for key in _KEYS)
        return f"Mechtron(version={_VERSION}) {{\n  Wasm {{\n{inner}\n  }}\n}}"


def scan_config_line(text: str, pos: int, end: int) -> tuple[ConfigLine, int]:
    """Reads the line of a configuration at ``pos``, or after blanks there; returns it and the offset after it.

    Raises ParseError.
    """
    at = skip_blanks(text, pos, end)
    key = _KEY.match(text, at, end)
    if key is None:
        fail(text, at, "a line such as +name=my-mechtron;")
    equals = _EQUALS.match(text, key.end(), end)
    if equals is None:
        fail(text, key.end(), "'='")
    value = _VALUE.match(text, equals.end(), end)
    if value is None:
        fail(text, equals.end(), "a value")
    stop = skip_blanks(text, value.end(), end)
    if not text.startswith(";", stop, end):
        fail(text, stop, "';'")
    return ConfigLine(key[1], value[0], at, value.start()), stop + 1


def _scan(text: str) -> MechtronConfig:
    head, at = scan_document_head(text)
    if head.name != "Mechtron" or head.version != _VERSION:
        expected = f"Mechtron(version={_VERSION})"
        raise ParseError(f"cannot read {head.name!r} {head.version}", text=text, offset=head.at, expected=(expected,))
    start, end, behind = _open(text, at)
    rest = skip_blanks(text, behind)
    if rest < len(text):
        fail(text, rest, "the end")
    wasm = _WASM.match(text, skip_blanks(text, start, end), end)
    if wasm is None:
        fail(text, skip_blanks(text, start, end), "Wasm")
    inner_start, inner_end, behind = _open(text, wasm.end())
    rest = skip_blanks(text, behind, end)
    if rest < end:
        fail(text, rest, "'}'")
    return _config(text, inner_start, inner_end)


def _open(text: str, pos: int) -> tuple[int, int, int]:
    """Returns the offsets where the inside of the block at ``pos`` starts and ends, and the offset after the block."""
    opener = skip_blanks(text, pos)
    if not text.startswith("{", opener):
        fail(text, opener, "'{'")
    behind = scan_block(text, opener)
    return opener + 1, behind - 1, behind


def _config(text: str, pos: int, end: int) -> MechtronConfig:
    given: dict[str, ConfigLine] = {}
    at = skip_blanks(text, pos, end)
    while at < end:
        line, at = scan_config_line(text, at, end)
        if line.key not in _KEYS:
            near = did_you_mean(line.key, _KEYS)
            raise ParseError(f"unknown key {line.key!r}{near}", text=text, offset=line.at, expected=_KEYS)
        if line.key in given:
            raise ParseError(f"{line.key!r} is assigned twice", text=text, offset=line.at)
        given[line.key] = line
        at = skip_blanks(text, at, end)
    for key in _KEYS:
        if key not in given:
            raise ParseError(f"{key!r} is missing", text=text, offset=end, expected=(f"+{key}=...;",))
    name = given["name"]
    if SKEWER.fullmatch(name.value) is None:
        fail(text, name.value_at, "a name such as my-mechtron, with a lower-case letter first")
    try:
        return MechtronConfig(PointVar.parse(given["bin"].value), name.value)
    except ParseError as exc:
        raise moved(exc, text, given["bin"].value_at) from None
