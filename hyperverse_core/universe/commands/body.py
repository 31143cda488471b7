"""Bodies in commands: Json, plain text, or the content of a file (language: ``ping POINT METHOD BODY``).

- What starts with ``{``, ``[`` or ``"`` is Json.
- What stands in ``'...'`` is text; a backslash before a quote or a backslash takes its meaning away.
- ``^[ file ]`` is the content of a file that goes with the command.
- Anything else is text up to ``;``, ``#`` or the end, without the blanks around it; a number, ``true``,
  ``false`` and ``null`` are what they are in Json.
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
"""How many lists and maps may stand in one another."""

QUOTED: Final = r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+\""""
"""What a quoted text looks like, as a regular expression; ``.`` has to match line ends too."""

_QUOTED: Final = re.compile(QUOTED, re.DOTALL)
_UPLOAD: Final = re.compile(r"\^\[\s*+([A-Za-z0-9._-]++)\s*+\]")
_BARE: Final = re.compile(r"[^;#]++")
_ESCAPE: Final = re.compile(r"\\([\\'\"])")
_BARE_VALUE: Final = re.compile(r"[^\s,}'\"#\\][^\s,}#]*+")


@attrs.frozen
class Upload:
    """``^[ bundle.zip ]``: the content of a file that goes with a command.

    Attributes:
        name: of the file: letters, digits, ``.``, ``_`` and ``-``.
    """

    name: str

    def __str__(self) -> str:
        return f"^[ {self.name} ]"


def _not_a_number(text: str) -> Any:
    raise ValueError(f"{text} is not Json")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text} is too large")
    return number


_JSON: Final = json.JSONDecoder(parse_constant=_not_a_number, parse_float=_finite)


def scan_body(text: str, pos: int) -> tuple[Any, int]:
    """The body at ``pos``, where no blank is, and the offset behind it; raises ParseError."""
    first = text[pos : pos + 1]
    if first == "^":
        found = _UPLOAD.match(text, pos)
        if found is None:
            fail(text, pos, "^[ file ]", hint="a file's name has letters, digits, '.', '_' and '-', and no '/'")
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
        fail(text, pos, "a body: Json, text or ^[ file ]")
    return _scalar(found[0].strip()), found.end()


def _scan_json(text: str, pos: int) -> tuple[Any, int]:
    try:
        body, end = _JSON.raw_decode(text, pos)
    except json.JSONDecodeError as exc:
        said = exc.msg[:1].lower() + exc.msg[1:]
        hint = 'a body that starts with {, [ or " is Json; put text in single quotes'
        raise ParseError(f"bad Json: {said}", text=text, offset=exc.pos, hint=hint) from None
    except RecursionError:
        raise _too_deep(text, pos) from None
    except ValueError as exc:
        raise ParseError(f"bad Json: {exc}", text=text, offset=pos) from None
    if _depth_exceeds(body, DEEPEST):
        raise _too_deep(text, pos)
    return body, end


def _too_deep(text: str, pos: int) -> ParseError:
    return ParseError("bad Json: too deep", text=text, offset=pos, hint=f"at most {DEEPEST} levels")


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
    """``text`` as the Json scalar that it is, else as itself."""
    try:
        body, end = _JSON.raw_decode(text)
    except ValueError:
        return text
    return body if end == len(text) else text


def print_body(body: Any) -> str:
    """``body`` as :func:`scan_body` reads it; bytes have no text form but an upload's."""
    if isinstance(body, Upload):
        return str(body)
    if isinstance(body, bytes | bytearray):
        return f"^[ {len(body)}-bytes ]"
    return json.dumps(body, ensure_ascii=False)


def unquoted(text: str) -> str:
    """The content of a quoted text."""
    return _ESCAPE.sub(r"\1", text[1:-1])


def print_value(text: str) -> str:
    """A property's value as a command writes it: in quotes when it needs them."""
    if _BARE_VALUE.fullmatch(text) is not None:
        return text
    quote = '"' if "'" in text and '"' not in text else "'"
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"
