"""What to do about mistakes that many people make who know other languages."""

from __future__ import annotations

import re
from typing import Final

from ...errors import ParseError, did_you_mean
from ..text.lexis import CAMEL
from ..waves.wave import Method, MethodKind
from .words import COMMAND_WORDS

__all__ = ["WANTS_METHOD", "advised", "method_meant", "unknown_command"]

WANTS_METHOD: Final = "a method such as Ext<Add>"
"""How an error says that a method is missing."""

_OPEN_KIND: Final = re.compile(r"<[A-Za-z][A-Za-z0-9]*+(?=[\s;{#]|\Z)")
_METHOD_LIKE: Final = re.compile(r"(?:([A-Za-z]{3,4})[<\[({.:])?([A-Za-z][A-Za-z0-9_-]*+)[>\])}]*+(/\S*+)?")
_METHOD_AND_PATH: Final = re.compile(r"([A-Za-z]++)[ \t]++(/[^\s;#]*+)")
_HTTP: Final = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "CONNECT"})
_CMD: Final = frozenset({"Read", "Update", "Bounce"})

_OTHER_WORDS: Final = {
    **dict.fromkeys(("new", "make", "add", "mkdir", "touch", "insert"), "create localhost:a<Base>"),
    **dict.fromkeys(("rm", "remove", "del", "drop", "destroy", "rmdir"), "delete localhost:a"),
    **dict.fromkeys(("ls", "list", "find", "search", "dir", "query", "tree"), "select localhost:*"),
    **dict.fromkeys(("show", "cat", "print", "view", "load", "describe", "info", "inspect"), "get localhost:a"),
    **dict.fromkeys(("put", "update", "assign", "let", "config"), "set localhost:a {+key=value}"),
    **dict.fromkeys(("send", "call", "invoke", "ask", "request", "post", "run", "curl"), "ping localhost:a Ext<Add> 3"),
    **dict.fromkeys(("tell", "emit", "notify", "cast"), "signal localhost:a Ext<Add> 3"),
    **dict.fromkeys(("broadcast", "multicast", "all"), "ripple localhost:** Cmd<Bounce>"),
    **dict.fromkeys(("allow", "permit", "chmod"), "grant perm +csd-RwX on localhost:a to localhost:users:ann"),
    **dict.fromkeys(("deny", "ungrant"), "revoke 17"),
}
"""What the words of other tools are here."""
_PROGRAM: Final = {
    **dict.fromkeys(("start", "up", "serve", "boot"), "hyperverse up --detach"),
    **dict.fromkeys(("stop", "down", "halt", "kill", "shutdown"), "hyperverse down"),
    **dict.fromkeys(("ps", "status", "top", "machines"), "hyperverse status"),
    **dict.fromkeys(("stars", "nodes"), "hyperverse stars"),
    **dict.fromkeys(("kinds", "types", "schema"), "hyperverse kinds"),
    **dict.fromkeys(("watch", "tail", "subscribe", "logs"), "hyperverse watch POINT"),
    **dict.fromkeys(("drain", "rebalance", "trace", "demo", "bench", "plugins", "keys"), "hyperverse --help"),
}
"""What is a command of the program, and not of the language."""


def advised(error: ParseError, text: str) -> ParseError:
    """Returns an error of the language with what to do about it, if that can be said and it does not say so yet."""
    if error.hint:
        return error
    rest = text[error.offset :]
    found = _OPEN_KIND.match(rest)
    if found is not None and any("Kind" in said for said in error.expected):
        at = error.offset + found.end()
        return ParseError(
            f"the '>' behind {found[0]!r} is missing",
            text=text,
            offset=at,
            expected=("'>'",),
            hint=f"a Kind is in angle brackets: {found[0]}>",
        )
    if any(said.startswith("a method such as") for said in error.expected):
        error.hint = method_meant(rest)
    return error


def method_meant(text: str) -> str:
    """Returns a hint with the method that ``text`` begins with something like; empty when it is like none."""
    pair = _METHOD_AND_PATH.match(text)
    if pair is not None and pair[1].upper() in _HTTP:
        return f"did you mean Http<{pair[1].capitalize()}>{pair[2]}?"
    found = _METHOD_LIKE.match(text)
    if found is None:
        return ""
    family, name, path = found[1] or "", found[2], found[3] or ""
    named = "".join(part[:1].upper() + part[1:] for part in re.split(r"[_-]", name))
    if CAMEL.fullmatch(named) is None or named == "Null":
        return ""
    return f"did you mean {_likely(family.capitalize(), name, named)}{path}?"


def _likely(family: str, name: str, named: str) -> str:
    families = [family] if family in {kind.value for kind in MethodKind} else []
    if name.upper() in _HTTP and (name.isupper() or family == "Http"):
        families, named = ["Http"], name.capitalize()
    elif not families and named in _CMD:
        families = ["Cmd"]
    for one in (*families, "Ext"):
        try:
            return Method.parse(f"{one}<{named}>").text
        except ParseError:  # the family has no such method
            continue
    return f"Ext<{named}>"


def unknown_command(word: str) -> tuple[str, str]:
    """Returns what follows "unknown command" for a word, and a hint."""
    low = word.lower()
    if low in ("help", "?", "man", "h"):
        return "", f"the commands are {', '.join(COMMAND_WORDS)}; in `hyperverse term`, help explains them"
    if low in _OTHER_WORDS:
        return "", f"write it so: {_OTHER_WORDS[low]}"
    if low in _PROGRAM:
        return "", f"that is a command of the program, in your shell: {_PROGRAM[low]}"
    return did_you_mean(low, COMMAND_WORDS), ""
