"""Commands and scripts, from text (universe 5.4).

A script is commands ended by ``;``. It is read one command at a time: :func:`iter_script` gives each as it is
reached, so that a script runs up to its first error, and the error says where in the script it is.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Final

import attrs

from ...errors import ParseError, did_you_mean
from ..kind_defs.properties import PropertyChange
from ..text.lark_grammar import moved
from ..text.lexis import fail
from .command import CommandTemplate
from .grammar import COMMAND_WORDS, Statement, follows, parse_statement
from .grammar import parse_changes as _parse_changes

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
    """A command of a script, and where it stands.

    Attributes:
        command: what is asked.
        line, column: of its first character, from 1.
        source: its text, without the ``;``.
        start, end: offsets in the script; ``end`` is behind the ``;``, if it has one.
    """

    command: CommandTemplate
    line: int
    column: int
    source: str
    start: int
    end: int


@attrs.frozen
class Script:
    """The commands of a script, in order."""

    commands: tuple[ScriptCommand, ...]

    def __iter__(self) -> Iterator[ScriptCommand]:
        return iter(self.commands)

    def __len__(self) -> int:
        return len(self.commands)

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that have to go with it, each once."""
        return tuple(dict.fromkeys(name for one in self.commands for name in one.command.uploads))

    def __str__(self) -> str:
        return "\n".join(f"{one.command};" for one in self.commands)


def parse_command(text: str) -> CommandTemplate:
    """The one command that ``text`` writes; a ``;`` may end it. Raises ParseError."""
    statement = _statement(text, 0)
    if statement.end is not None:
        behind = _skip(text, statement.end)
        if behind < len(text):
            raise ParseError(
                "one command is enough here",
                text=text,
                offset=behind,
                expected=("the end",),
                hint="several commands make a script",
            )
    return statement.command


def iter_script(text: str, *, typed: bool = False) -> Iterator[ScriptCommand]:
    """The commands of a script, one after the other.

    Args:
        text: the script.
        typed: whether somebody has typed it where it is used. The last command may lack its ``;`` then; in a file it
            may not, because a script that was cut off does not run its last command.

    Raises:
        ParseError: when the first command that is wrong is reached, with its place in the script.
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
                "the last command is not ended",
                text=text,
                offset=len(text),
                expected=("';'",),
                hint="write a ';'",
            )
        end = len(text) if statement.end is None else statement.end
        source = text[at : end if statement.end is None else end - 1].rstrip()
        yield ScriptCommand(statement.command, line, at - line_start + 1, source, at, end)
        at = _skip(text, end)


def parse_script(text: str) -> Script:
    """The whole script; raises ParseError for the first command that is wrong."""
    return Script(tuple(iter_script(text)))


def parse_changes(text: str) -> tuple[PropertyChange, ...]:
    """Changes of properties as they stand between braces, ``+a=b, +@c='d e', !f``; raises ParseError."""
    return _parse_changes(text)


def complete(text: str) -> list[str]:
    """Words of the language that may stand where the last word of ``text`` is, or behind it after a blank.

    Points, Kinds and selectors are not offered. Only the last command of several is looked at.
    """
    found = _LAST_WORD.search(text)
    start = len(text) if found is None else found.start()
    typed = text[start:]
    return [word for word in follows(_last_command(text[:start])) if word.startswith(typed)]


def _last_command(text: str) -> str:
    """What is behind the last complete command."""
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


def _statement(text: str, at: int) -> Statement:
    """The command at ``at``, or behind blanks there, with offsets in ``text``; raises ParseError."""
    start = _skip(text, at)
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
        raise moved(exc, text, start) from None


def _read(text: str, start: int) -> Statement:
    """The command that starts at ``start``, with its end in ``text``; an error has its offset from ``start``.

    Most commands are short: reading a piece first keeps a long script from being copied for each of its commands.
    """
    statement = None
    if len(text) - start > _PIECE:
        with contextlib.suppress(ParseError):  # perhaps it was only cut off: all of it is read then
            statement = parse_statement(text[start : start + _PIECE])
    if statement is None or statement.end is None:
        statement = parse_statement(text[start:] if start else text)
    return statement if statement.end is None else attrs.evolve(statement, end=start + statement.end)


def _unknown(text: str, at: int, word: str) -> ParseError:
    if not word:
        return ParseError("no command", text=text, offset=at, expected=COMMAND_WORDS)
    shown = word if len(word) <= 40 else f"{word[:40]}..."
    near = did_you_mean(word[:40].lower(), COMMAND_WORDS)
    return ParseError(f"unknown command {shown!r}{near}", text=text, offset=at, expected=COMMAND_WORDS)


def _skip(text: str, at: int) -> int:
    """The offset of what is no blank and no comment."""
    found = _NO_CODE.match(text, at)
    return at if found is None else found.end()
