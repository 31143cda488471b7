"""Makes text from particles and plugins safe to print: it cannot move the cursor, change colours or begin a line."""

from __future__ import annotations

__all__ = ["indented", "shown", "shown_lines"]

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def shown(text: str) -> str:
    """Returns ``text`` with every character that is not printable written as an escape, such as ``\\x1b`` and
    ``\\n``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _SHORT.get(char) or _escaped(char) for char in text)


def shown_lines(text: str) -> str:
    """Does the same for a text of the program, which may have several lines."""
    return "\n".join(map(shown, text.split("\n")))


def indented(text: str) -> str:
    """Returns the same text with further lines indented, so that they cannot be mistaken for lines of this program."""
    return shown_lines(text).replace("\n", "\n  ")


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
