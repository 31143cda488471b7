"""Parses commands and scripts: docs/reference/commands.md#scripts.

A script consists of commands, each of which ends with ``;``. :func:`iter_script` parses one command at a time, so that
a script runs up to its first error. The error has its place in the script.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Final

import attrs

from ...errors import ParseError
from ..kind_defs.properties import PropertyChange
from ..text.lark_grammar import moved
from ..text.lexis import fail
from .advice import advised, unknown_command
from .command import CommandTemplate
from .grammar import Statement, follows, parse_statement
from .grammar import parse_changes as _parse_changes
from .words import COMMAND_WORDS

__all__ = [
    "Script",
    "ScriptCommand",
    "complete",
    "iter_script",
    "parse_changes",
    "parse_command",
    "parse_script",
]

_NO_CODE: Final = re.compile(r"(?:\s++|#[^\n]*+)*+")
_WORD: Final = re.compile(r"[^\s;#?!]*+")
_END_OF_WORD: Final = re.compile(r"[\s;#]|\Z")
_MARKS: Final = {"create": ("?", "!"), "publish": ("?",)}
_PIECE: Final = 2048
_LAST_WORD: Final = re.compile(r"\S*\Z")


@attrs.frozen
class ScriptCommand:
    """A command of a script, and its place.

    Attributes:
        command: the command.
        line, column: the place of its first character, counted from 1.
        source: its text, without ``;``.
        start, end: its offsets in the script. ``end`` is after the ``;`` if there is one.
    """

    command: CommandTemplate
    line: int
    column: int
    source: str
    start: int
    end: int


@attrs.frozen
class Script:
    """A script.

    Attributes:
        commands: its commands, in order.
    """

    commands: tuple[ScriptCommand, ...]

    def __iter__(self) -> Iterator[ScriptCommand]:
        return iter(self.commands)

    def __len__(self) -> int:
        return len(self.commands)

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that must be sent with the script, each once."""
        return tuple(dict.fromkeys(name for one in self.commands for name in one.command.uploads))

    def __str__(self) -> str:
        return "\n".join(f"{one.command};" for one in self.commands)


def parse_command(text: str) -> CommandTemplate:
    """Reads ``text`` as one command, with or without ``;`` at its end. Raises ParseError.

    Example:
        >>> command = parse_command("create .:child<Base>;").resolve(Env(Point.parse("localhost")))
        >>> str(command)
        'create localhost:child<Base>'
    """
    statement = _statement(text, _skip(text, 0))
    if statement.end is not None:
        behind = _skip(text, statement.end)
        if behind < len(text):
            raise ParseError(
                "there is more than one command",
                text=text,
                offset=behind,
                expected=("the end",),
                hint="only a script has several commands",
            )
    return statement.command


def iter_script(text: str, *, typed: bool = False) -> Iterator[ScriptCommand]:
    """Yields the commands of a script, in order.

    Args:
        text: the script.
        typed: whether the script was typed, and does not come from a file. The last command of a typed script may lack
            its ``;``. In a file it may not, so that a file that was cut off does not run a part of its last command.

    Raises:
        ParseError: the next command is wrong. The error has its place in the script.
    """
    at = _skip(text, 0)
    line, line_start, counted = 1, 0, 0
    while at < len(text):
        line += text.count("\n", counted, at)
        newest = text.rfind("\n", counted, at)
        line_start = newest + 1 if newest >= 0 else line_start
        counted = at
        statement = _statement(text, at)
        if statement.end is None and not typed:
            raise ParseError(
                "the last command does not end with ';'",
                text=text,
                offset=len(text),
                expected=("';'",),
                hint="write ';' after it",
            )
        end = len(text) if statement.end is None else statement.end
        source = text[at : end if statement.end is None else end - 1].rstrip()
        yield ScriptCommand(statement.command, line, at - line_start + 1, source, at, end)
        at = _skip(text, end)


def parse_script(text: str) -> Script:
    """Reads ``text`` as a script. Raises ParseError for the first command that is wrong."""
    return Script(tuple(iter_script(text)))


def parse_changes(text: str) -> tuple[PropertyChange, ...]:
    """Reads ``text``, such as ``+a=b, +@c='d e', !f``, as changes of properties. Raises ParseError."""
    return _parse_changes(text)


def complete(text: str) -> list[str]:
    """Returns the words of the language that complete the last word of ``text``, or may follow it after a blank.

    These are words of commands only, no points, Kinds or selectors. If there are several commands, the last one counts.

    Example:
        >>> complete("create localhost<Space>; gra")
        ['grant', 'grants']
    """
    found = _LAST_WORD.search(text)
    start = len(text) if found is None else found.start()
    typed = text[start:]
    return [word for word in follows(_last_command(text[:start])) if word.startswith(typed)]


def _last_command(text: str) -> str:
    """Returns the text after the last complete command."""
    at = 0
    while at < len(text):
        try:
            end = _read(text, at).end
        except ParseError:
            break
        if end is None:
            break
        at = end
    return text[at:]


def _statement(text: str, start: int) -> Statement:
    """Reads the command at ``start``, with offsets in ``text``. Raises ParseError."""
    found = _WORD.match(text, start)
    word = found[0] if found is not None else ""
    if word not in COMMAND_WORDS:
        raise _unknown(text, start, word)
    behind = start + len(word)
    if text[behind : behind + 1] in _MARKS.get(word, ()):
        behind += 1
    if _END_OF_WORD.match(text, behind) is None:
        fail(text, behind, "a blank")
    try:
        return _read(text, start)
    except ParseError as exc:
        raise advised(moved(exc, text, start), text) from None


def _read(text: str, start: int) -> Statement:
    """Reads the command at ``start``. Its end is an offset in ``text``; the offset of an error counts from ``start``.

    The parser needs a text that starts with the command. Most commands are short, so a short piece is copied first:
    copying the rest of a script for each of its commands would take time with the square of its length.
    """
    statement = None
    if len(text) - start > _PIECE:
        with contextlib.suppress(ParseError):  # the command may be longer than the piece: then read all of it
            statement = parse_statement(text[start : start + _PIECE])
    if statement is None or statement.end is None:
        statement = parse_statement(text[start:] if start else text)
    return statement if statement.end is None else attrs.evolve(statement, end=start + statement.end)


def _unknown(text: str, at: int, word: str) -> ParseError:
    if not word:
        return ParseError("there is no command", text=text, offset=at, expected=COMMAND_WORDS)
    shown = word if len(word) <= 40 else f"{word[:40]}..."
    near, hint = unknown_command(word[:40], text[at + len(word) : at + len(word) + 200])
    expected = () if hint else COMMAND_WORDS
    return ParseError(f"unknown command {shown!r}{near}", text=text, offset=at, expected=expected, hint=hint)


def _skip(text: str, at: int) -> int:
    """Returns the offset of the first character at or after ``at`` that is not in a blank or a comment."""
    found = _NO_CODE.match(text, at)
    return at if found is None else found.end()
