"""Decodes scripts from a file or a stream."""

from __future__ import annotations

import codecs
from typing import Final

from ...errors import BadRequest

__all__ = ["decoded"]

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # starts with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decoded(content: bytes, name: str) -> str:
    """Returns a script as text: in UTF-8, or in the encoding that a byte order mark at its start names. Lines may end
    with CR LF or CR.

    Args:
        content: its bytes.
        name: where it comes from, for an error.

    Raises:
        BadRequest: it is in another encoding.
    """
    mark, encoding = next(((m, e) for m, e in _MARKS if content.startswith(m)), (b"", "utf-8"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise BadRequest(
            f"{name} is not in UTF-8: line {line} has the byte 0x{exc.object[exc.start]:02x}",
            hint="save it with the encoding UTF-8",
        ) from exc
    return text.replace("\r\n", "\n").replace("\r", "\n")
