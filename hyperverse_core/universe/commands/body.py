"""Bodies in commands: JSON, plain text, or the content of a file. docs/reference/commands.md#waves.

- A body that starts with ``{``, ``[`` or ``"`` is JSON.
- A body in ``'...'`` is text. Write ``\\'`` for a quote in it, and ``\\\\`` for a backslash.
- ``^[ file ]`` is the content of a file that is sent with the command.
- Any other body is text up to ``;``, ``#`` or the end, without the blanks around it. A number, ``true``, ``false`` and
  ``null`` mean the same as in JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import attrs

from ...errors import ParseError
from ..text.lexis import fail

__all__ = ["DEEPEST", "QUOTED", "Upload", "print_body", "print_value", "scan_body", "unquoted"]

DEEPEST: Final = 100
"""How deeply lists and maps may be nested."""

QUOTED: Final = r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+\""""
"""A regular expression for a quoted text. It needs the flag ``DOTALL``."""

_QUOTED: Final = re.compile(QUOTED, re.DOTALL)
_UPLOAD: Final = re.compile(r"\^\[\s*+([A-Za-z0-9._-]++)\s*+\]")
_BARE: Final = re.compile(r"[^;#]++")
_ESCAPE: Final = re.compile(r"\\([\\'\"])")
_BARE_VALUE: Final = re.compile(r"[^\s,}'\"#\\][^\s,}#]*+")


@attrs.frozen
class Upload:
    """The content of a file that is sent with a command, written ``^[ bundle.zip ]``.

    Attributes:
        name: the name of the file: letters, digits, ``.``, ``_`` and ``-``.
    """

    name: str

    def __str__(self) -> str:
        return f"^[ {self.name} ]"


def _not_a_number(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text} is too large")
    return number


_JSON: Final = json.JSONDecoder(parse_constant=_not_a_number, parse_float=_finite)


def scan_body(text: str, pos: int) -> tuple[Any, int]:
    """Reads the body at ``pos``, which is not a blank; returns it and the offset after it. Raises ParseError."""
    first = text[pos : pos + 1]
    if first == "^":
        found = _UPLOAD.match(text, pos)
        if found is None:
            fail(text, pos, "^[ file ]", hint="the name of a file has letters, digits, '.', '_' and '-', and no '/'")
        return Upload(found[1]), found.end()
    if first in ("{", "[", '"'):
        return _scan_json(text, pos)
    if first == "'":
        found = _QUOTED.match(text, pos)
        if found is None:
            raise ParseError("the quote is never closed", text=text, offset=pos, expected=("'",))
        return unquoted(found[0]), found.end()
    found = _BARE.match(text, pos)
    if found is None:
        fail(text, pos, "a body: JSON, text or ^[ file ]")
    return _scalar(found[0].strip()), found.end()


def _scan_json(text: str, pos: int) -> tuple[Any, int]:
    try:
        body, end = _JSON.raw_decode(text, pos)
    except json.JSONDecodeError as exc:
        said = exc.msg[:1].lower() + exc.msg[1:]
        hint = 'a body that starts with {, [ or " is JSON; put text in single quotes'
        raise ParseError(f"bad JSON: {said}", text=text, offset=exc.pos, hint=hint) from None
    except RecursionError:
        raise _too_deep(text, pos) from None
    except ValueError as exc:
        raise ParseError(f"bad JSON: {exc}", text=text, offset=pos) from None
    if _depth_exceeds(body, DEEPEST):
        raise _too_deep(text, pos)
    return body, end


def _too_deep(text: str, pos: int) -> ParseError:
    return ParseError("bad JSON: it is nested too deeply", text=text, offset=pos, hint=f"at most {DEEPEST} levels")


def _depth_exceeds(body: Any, most: int) -> bool:
    level = [body]
    for _ in range(most):
        level = [
            inner
            for item in level
            if isinstance(item, list | dict)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return any(isinstance(item, list | dict) for item in level)


def _scalar(text: str) -> Any:
    """Returns the number, boolean or None that ``text`` is in JSON; ``text`` itself if it is none of these."""
    try:
        body, end = _JSON.raw_decode(text)
    except ValueError:
        return text
    return body if end == len(text) else text


def print_body(body: Any) -> str:
    """Returns the text of ``body``, which :func:`scan_body` reads. For bytes it is an upload with a made-up name."""
    if isinstance(body, Upload):
        return str(body)
    if isinstance(body, bytes | bytearray):
        return f"^[ {len(body)}-bytes ]"
    return json.dumps(body, ensure_ascii=False)


def unquoted(text: str) -> str:
    """Returns the content of a quoted text."""
    return _ESCAPE.sub(r"\1", text[1:-1])


def print_value(text: str) -> str:
    """Returns the value of a property as a command writes it: in quotes if it needs them."""
    if _BARE_VALUE.fullmatch(text) is not None:
        return text
    quote = '"' if "'" in text and '"' not in text else "'"
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"
