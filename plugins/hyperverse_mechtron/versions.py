"""Versions of a Mechtron: where the document of another version is, and what that version breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from hyperverse_core import Point
from hyperverse_core.errors import BadRequest, ParseError
from hyperverse_core.values import SegmentKind

from .binary import Extern, Reference
from .code import Code
from .document import Document

__all__ = ["broken", "document_of"]

_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+.][0-9A-Za-z.+-]*)?")


def document_of(version: str, present: str) -> str:
    """Returns the point of a document.

    Args:
        version: a version of the same series, such as ``1.1.0``; or the point of a bundle that has the document under
            the same path; or the point of the document itself.
        present: point of the current document.

    Raises:
        BadRequest: ``version`` is none of these.
    """
    bundle, path = _split(Point.parse(present))
    if _VERSION.fullmatch(version):
        if bundle is None or bundle.parent is None:
            raise BadRequest(
                f"the document {present} is not in a bundle, so {version} does not identify another one",
                hint="give the point of the document",
            )
        return f"{bundle.parent.text}:{version}{path}"
    try:
        point = Point.parse(version)
    except ParseError as exc:
        raise BadRequest(
            f"{version!r} is neither a version nor a point: {exc.message}",
            hint="such as 1.1.0 or localhost:repo:my:1.1.0",
        ) from None
    if not point.segments or point.segments[-1].kind is not SegmentKind.VERSION:
        return point.text
    if bundle is None:
        raise BadRequest(
            f"{point} is a bundle, but the document {present} is not in one", hint="give the point of the document"
        )
    return f"{point.text}{path}"


def _split(document: Point) -> tuple[Point | None, str]:
    """Returns the bundle that contains a document, and the document's path in it."""
    at: Point | None = document
    while at is not None and at.segments and at.segments[-1].kind is not SegmentKind.VERSION:
        at = at.parent
    if at is None or not at.segments:
        return None, ""
    return at, document.text[len(at.text) :]


def broken(old: tuple[Document, Code], new: tuple[Document, Code]) -> list[str]:
    """Returns what the old version offers and the new one does not, each as a sentence."""
    return [*_broken_exports(old[1], new[1]), *_broken_answers(old[0], new[0])]


def _broken_exports(old: Code, new: Code) -> Iterator[str]:
    if old.report.kind is not new.report.kind:
        yield f"it is a {new.report.kind.value}, but was a {old.report.kind.value}"
        return
    exports = {each.name: each for each in new.report.exports}
    for was in old.report.exports:
        found = exports.get(was.name)
        if found is None:
            yield f"it does not export {was.name!r}"
        elif not _fits(was, found):
            yield f"export {was.name!r} is {found}, but was {was}"


def _fits(was: Reference, now: Reference) -> bool:
    if was.extern in (Extern.MEMORY, Extern.TABLE):  # their sizes are internal to the module
        return now.extern is was.extern
    if was.wit.startswith("interface {"):  # it may have more functions than before
        return set(was.wit.splitlines()) <= set(now.wit.splitlines())
    return str(was) == str(now) and was.extern is now.extern


def _broken_answers(old: Document, new: Document) -> Iterator[str]:
    if old.reply != new.reply:
        yield f"its answers are +reply={new.reply};, but were +reply={old.reply};"
    if old.state != "none" and new.state == "none":
        yield "it keeps no state, but did before"
