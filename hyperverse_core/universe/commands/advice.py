"""Hints about common mistakes of people who know other languages."""

from __future__ import annotations

import re
from typing import Final

from ...errors import ParseError, did_you_mean
from ..waves.method_meant import method_meant
from .words import COMMAND_WORDS

__all__ = ["WANTS_METHOD", "advised", "unknown_command"]

WANTS_METHOD: Final = "a method such as Ext<Add>"
"""The words with which an error says that a method is missing."""

_OPEN_KIND: Final = re.compile(r"<[A-Za-z][A-Za-z0-9]*+(?=[\s;{#]|\Z)")
_ASSIGNED: Final = re.compile(r"([a-z0-9.-]{1,40})\s*[=:]")
_CHANGES: Final = frozenset({"+key=", "+key= or +@key=", "'{'"})
_POINT_LIKE: Final = re.compile(r"\s+([a-z][A-Za-z0-9.-]*(?::[A-Za-z0-9./_-]+)+)")
"""A point after a word. It has a colon: a name alone could be anything."""
_CALL: Final = re.compile(r"([a-z][A-Za-z0-9-]*(?::[A-Za-z0-9_-]+)+)(?:\.([A-Za-z][A-Za-z0-9]*))?(?:\(.*)?")
"""A particle where a command is expected, perhaps with a call as in Python."""

_OTHER_WORDS: Final = {
    **dict.fromkeys(("new", "make", "add", "mkdir", "touch", "insert"), "create localhost:a<Base>"),
    **dict.fromkeys(("rm", "remove", "del", "drop", "destroy", "rmdir"), "delete localhost:a"),
    **dict.fromkeys(("ls", "list", "find", "search", "dir", "query", "tree"), "select localhost:*"),
    **dict.fromkeys(("show", "cat", "print", "view", "load"), "get localhost:a"),
    **dict.fromkeys(("put", "update", "assign", "let", "config"), "set localhost:a {+key=value}"),
    **dict.fromkeys(("send", "call", "invoke", "ask", "request", "post", "run", "curl"), "ping localhost:a Ext<Add> 3"),
    **dict.fromkeys(("tell", "emit", "notify", "cast"), "signal localhost:a Ext<Add> 3"),
    **dict.fromkeys(("broadcast", "multicast", "all"), "ripple localhost:** Cmd<Bounce>"),
    **dict.fromkeys(("allow", "permit", "chmod"), "grant perm +csd-RwX on localhost:a to localhost:users:ann"),
    **dict.fromkeys(("deny", "ungrant"), "revoke 17"),
}
"""Words of other tools, and their counterparts here."""
_PROGRAM: Final = {
    **dict.fromkeys(("start", "up", "serve", "boot"), "hyperverse up --detach"),
    **dict.fromkeys(("stop", "down", "halt", "kill", "shutdown"), "hyperverse down"),
    **dict.fromkeys(("ps", "status", "top", "machines"), "hyperverse status"),
    **dict.fromkeys(("stars", "nodes"), "hyperverse stars"),
    **dict.fromkeys(("kinds", "types", "schema"), "hyperverse kinds"),
    **dict.fromkeys(("watch", "tail", "subscribe", "logs", "monitor"), "hyperverse watch POINT"),
    **dict.fromkeys(("describe", "info", "inspect"), "hyperverse describe POINT"),
    **dict.fromkeys(("users", "adduser", "useradd", "auth"), "hyperverse user --help"),
    **dict.fromkeys(("drain", "rebalance", "trace", "demo", "bench", "plugins", "keys"), "hyperverse --help"),
}
"""Commands of the program that are not commands of the language."""


def advised(error: ParseError, text: str) -> ParseError:
    """Returns ``error`` with a hint about the remedy, if one is known and the error has none yet."""
    if error.hint:
        return error
    rest = text[error.offset :]
    found = _OPEN_KIND.match(rest)
    if found is not None and any("Kind" in said for said in error.expected):
        at = error.offset + found.end()
        return ParseError(
            f"the '>' after {found[0]!r} is missing",
            text=text,
            offset=at,
            expected=("'>'",),
            hint=f"a Kind is in angle brackets: {found[0]}>",
        )
    if any(said.startswith("a method such as") for said in error.expected):
        error.hint = method_meant(rest)
    elif (assigned := _ASSIGNED.match(rest)) is not None and any(said in _CHANGES for said in error.expected):
        error.hint = f"set a property like this: {{ +{assigned[1]}=... }}"
    elif rest.startswith("--"):
        error.hint = "options go before the command: hyperverse exec --yes 'delete ...'"
    elif rest.lower().startswith("where"):
        error.hint = "a selector names Kinds in angle brackets: localhost:*<Base>"
    return error


def unknown_command(word: str, behind: str = "") -> tuple[str, str]:
    """Returns what follows "unknown command" for a word, and a hint. ``behind`` is the text that follows the word."""
    low = word.lower()
    point = _POINT_LIKE.match(behind)
    called = _CALL.fullmatch(word)
    if called is not None:
        method = f" Ext<{called[2].capitalize()}>" if called[2] else ""
        return "", f"begin with a command: ping {called[1]}{method}"
    if low in ("help", "?", "man", "h"):
        return "", f"the commands are {', '.join(COMMAND_WORDS)}; in `hyperverse term`, help explains them"
    if low in _OTHER_WORDS:
        form = _OTHER_WORDS[low]
        return "", f"write it like this: {form if point is None else form.replace('localhost:a', point[1])}"
    if low in _PROGRAM:
        form = _PROGRAM[low]
        shell = form if point is None else form.replace("POINT", point[1])
        return "", f"that is a command of the program, in your shell: {shell}"
    if low != word and low in COMMAND_WORDS:
        return f"; did you mean {low!r}?", f"commands are written in lower case: {low}"
    return did_you_mean(low, COMMAND_WORDS), ""
