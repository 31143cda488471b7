"""Finds the method that was probably meant by a text that resembles one."""

from __future__ import annotations

import re
from typing import Final

from ..text.lexis import CAMEL
from .method_names import METHOD_NAMES, MethodKind

__all__ = ["method_meant"]

_METHOD_LIKE: Final = re.compile(r"(?:([A-Za-z]{3,4})[<\[({.:])?([A-Za-z][A-Za-z0-9_-]*+)[>\])}]*+(/\S*+)?")
_METHOD_AND_PATH: Final = re.compile(r"([A-Za-z]++)[ \t]++(/[^\s;#]*+)")
_HTTP: Final = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "CONNECT"})
_CMD: Final = frozenset({"Read", "Update", "Bounce"})


def method_meant(text: str) -> str:
    """Returns a hint with the method that the beginning of ``text`` resembles; empty when it resembles none."""
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
    for family in families:
        if named in METHOD_NAMES.get(MethodKind(family), (named,)):
            return f"{family}<{named}>"
    return f"Ext<{named}>"
