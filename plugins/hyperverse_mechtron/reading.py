"""Reads documents and modules from artifacts, or from any other particle that answers ``Cmd<Read>`` in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hyperverse_core import Point, Pong, Sender
from hyperverse_core.blobs import Blobs, content_at, read_content
from hyperverse_core.errors import BadRequest, HyperverseError, TooLarge, error_for_status

__all__ = ["LARGEST", "digest_at", "read_bytes", "read_text"]

LARGEST: Final = 64 * 1024 * 1024
"""Largest module, in bytes."""
_TEXT: Final = 256 * 1024


async def read_text(sender: Sender, point: Point) -> str:
    """Returns the text at a point. Raises HyperverseError, which names the point."""
    body = (await _read(sender, point)).body
    if isinstance(body, bytes):
        if len(body) > _TEXT:
            raise TooLarge(f"{point} has {len(body)} bytes, but a document has at most {_TEXT}")
        try:
            body = body.decode("utf-8")
        except UnicodeDecodeError:
            raise BadRequest(f"{point} is not text", hint="name the document, not the module") from None
    if not isinstance(body, str):
        raise BadRequest(f"{point} is not text", hint="name the document, which is a file of a bundle")
    return body


async def digest_at(sender: Sender, point: Point) -> str:
    """Returns the digest of the content at a point. Raises HyperverseError, which names the point."""
    try:
        return (await content_at(sender, point)).digest
    except HyperverseError as exc:
        raise _named(exc, point) from None


async def read_bytes(sender: Sender, point: Point, blobs: Blobs) -> bytes:
    """Returns the content at a point, and keeps it in ``blobs``. Raises HyperverseError, which names the point."""
    try:
        return await read_content(sender, point, blobs=blobs, limit=LARGEST)
    except HyperverseError as exc:
        raise _named(exc, point) from None


def _named(error: HyperverseError, point: Point) -> HyperverseError:
    if point.text in error.message:
        return error
    return error_for_status(error.status, f"{point} cannot be read: {error.message}", hint=error.hint)


async def _read(sender: Sender, point: Point) -> Pong:
    reply = await sender.ping(point, "Cmd<Read>")
    if not reply.ok:
        hint = reply.body.get("hint", "") if isinstance(reply.body, Mapping) else ""
        raise error_for_status(reply.status, f"{point} cannot be read: {reply.error}", hint=str(hint))
    return reply
