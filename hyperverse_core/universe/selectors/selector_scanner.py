"""The scanner of selectors: docs/reference/selectors.md#grammar."""

from __future__ import annotations

import re

from ..kinds.kind_selector import ANY_KIND, KindSelector, scan_kind_selector
from ..kinds.specific import scan_parenthesised_req
from ..text import lexis
from ..text.lexis import fail
from ..text.version import scan_version_req
from .hop import Hop, HopKind

__all__ = ["scan_hops"]

_FROM_ROOT = re.compile(r"(?:ROOT)?\+:?(?=\*)")
_STARS = re.compile(r"\*\*?+")
_NAME = re.compile(r"[A-Za-z0-9.-]++")
_FILE = re.compile(r"[A-Za-z0-9._-]++")
_REQ_START = frozenset("<>=^~")
_MESH = ("a segment's name", "'*'", "'**'")


def scan_hops(text: str, pos: int) -> tuple[tuple[Hop, ...], bool, int]:
    """Reads the hops at ``pos``; returns them, whether ROOT matches too, and the offset after. Raises ParseError."""
    if text.startswith("ROOT", pos) and lexis.at_end(text, pos + 4) and text[pos + 4 : pos + 5] not in ("<", "("):
        return (), False, pos + 4
    from_root = _FROM_ROOT.match(text, pos)
    at = pos if from_root is None else from_root.end()
    hops: list[Hop] = []
    at = _scan_mesh(text, at, hops)
    while text.startswith(":", at):
        if text.startswith("/", at + 1):
            at = _scan_filesystem(text, at + 1, hops)
            break
        if hops[-1].kind is HopKind.VERSION:
            fail(text, at + 1, "'/'", hint="only a filesystem may follow a version")
        if text.startswith(":", at + 1):
            fail(text, at, *_MESH, hint="a selector has no route part")
        at = _scan_mesh(text, at + 1, hops)
    if not lexis.at_end(text, at) or text[at : at + 1] in ("<", "("):
        hint = "'*' stands for a whole segment: localhost:* or localhost:**" if text.startswith("*", at) else ""
        fail(text, at, "':'", "the end of the selector", hint=hint)
    return tuple(hops), from_root is not None, at


def _scan_mesh(text: str, at: int, hops: list[Hop]) -> int:
    """Reads a hop outside of a filesystem, with its Kinds and its ``+``."""
    version = None
    name = ""
    if (stars := _STARS.match(text, at)) is not None:
        kind = HopKind.RECURSIVE if stars.group() == "**" else HopKind.ANY
        end = stars.end()
    elif (found := _NAME.match(text, at)) is not None:
        kind, name, end = HopKind.EXACT, found.group(), found.end()
        if name == "ROOT":
            fail(text, at, *_MESH, hint="ROOT is alone, or followed by '+*' or '+**'")
    elif hops and text.startswith("(", at):
        kind = HopKind.VERSION
        version, end = scan_parenthesised_req(text, at)
    elif hops and at < len(text) and text[at] in _REQ_START:
        kind = HopKind.VERSION
        version, end = scan_version_req(text, at)
    else:
        fail(text, at, *_MESH, *(("a version requirement such as (^1)",) if hops else ()))
    kinds: KindSelector = ANY_KIND
    if text.startswith("<", end):
        kinds, end = scan_kind_selector(text, end)
    inclusive = text.startswith("+", end)
    hops.append(Hop(kind, name, kinds, inclusive, version))
    return end + inclusive


def _scan_filesystem(text: str, at: int, hops: list[Hop]) -> int:
    """Reads the hops in a filesystem, from its root ``/`` at ``at``.

    They take every Kind: the files of a bundle are Artifacts, those of a FileSystem are Files.
    """
    hops.append(Hop(HopKind.EXACT, "/", in_filesystem=True))
    at += 1
    while True:
        if (stars := _STARS.match(text, at)) is not None:
            kind = HopKind.RECURSIVE if stars.group() == "**" else HopKind.ANY
            name, end = "", stars.end()
        elif (found := _FILE.match(text, at)) is not None:
            kind, name, end = HopKind.EXACT, found.group(), found.end()
        else:
            return at
        is_dir = text.startswith("/", end)
        if is_dir:
            end += 1
            name = f"{name}/" if name else ""
        inclusive = text.startswith("+", end)
        hops.append(Hop(kind, name, inclusive=inclusive, is_dir=is_dir, in_filesystem=True))
        at = end + inclusive
        if not is_dir:
            return at
