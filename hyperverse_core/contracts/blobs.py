"""Blobs: content addressed by its digest. The contract of a store, and the description of content."""

from __future__ import annotations

import abc
import hashlib
import re
from collections.abc import Sequence

import attrs

from ..errors import BadRequest

__all__ = ["PIECE", "BlobInfo", "Blobs", "digest_of", "hex_of"]

PIECE = 256 * 1024
"""Size in bytes of each piece of content except the last, which holds the rest. Content travels in pieces, so that a
large one never holds up other waves."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(content: bytes) -> str:
    """Returns the digest of some bytes: ``sha256:`` and 64 hexadecimal digits.

    Args:
        content: the bytes.
    """
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def hex_of(digest: str) -> str:
    """Returns the hexadecimal digits of a digest, which are safe as the name of a file.

    Args:
        digest: a digest.

    Raises:
        BadRequest: ``digest`` is not a digest.
    """
    if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
        raise BadRequest(f"{digest!r} is not a digest", hint="write sha256: and 64 hexadecimal digits in lower case")
    return digest[7:]


@attrs.frozen
class BlobInfo:
    """Content that a store holds.

    Attributes:
        digest: its digest.
        size: its size in bytes.
        kept: when it was last put, in seconds since 1970.
    """

    digest: str
    size: int
    kept: float


class Blobs(abc.ABC):
    """Contract of a store that addresses content by its digest. The hook ``hyperverse_register_blobs`` registers
    ``factory(settings)``.

    Content is put in pieces of :data:`PIECE` bytes, in any order. It becomes available when all of its pieces are there
    and the whole has the digest: never only a part of it, even if the process is killed at any time. An interrupted
    upload can be resumed, also by another process. Stored content never changes, so it can be cached forever.

    Many tasks of one event loop may call all methods at the same time, and several processes may have the same store
    open. No method may block the event loop.

    Raises:
        BadRequest: any method that takes a digest; the digest is malformed.
        Unavailable: any method; the store cannot be reached or is full. Nothing was stored then.
    """

    @abc.abstractmethod
    async def open(self) -> None:
        """Makes the store ready. Creates it if it does not exist.

        Raises:
            ConfigError: the store cannot be used at all.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Finishes the calls in progress, and closes the store. May be called twice."""

    @abc.abstractmethod
    async def missing(self, digest: str, size: int) -> Sequence[int]:
        """Returns the offsets of the missing pieces, in order; none when the content is complete, which then counts as
        put now. A piece that no longer has the digest with which it was put counts as missing.

        Args:
            digest: digest of the whole content.
            size: size of the whole content in bytes.

        Raises:
            Conflict: the content exists, or its upload was begun, with another size.
        """

    @abc.abstractmethod
    async def put(self, digest: str, size: int, offset: int, piece: bytes, piece_digest: str) -> bool:
        """Stores one piece. A piece that is stored already stays as it is.

        Args:
            digest: digest of the whole content.
            size: size of the whole content in bytes.
            offset: where the piece begins: a multiple of :data:`PIECE`.
            piece: :data:`PIECE` bytes, or the rest at the end.
            piece_digest: the digest of ``piece``.

        Returns:
            whether the whole content is available now.

        Raises:
            BadRequest: the piece does not have that digest, offset or length. It is not stored.
            Conflict: all pieces are there, but the whole does not have the digest: all of them are dropped. Or the
                upload was begun with another size.
        """

    @abc.abstractmethod
    async def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        """Returns content, or a range of it. The returned bytes were checked against the digest.

        Args:
            digest: digest of the whole content.
            offset: where the range begins. At the end or after it, the result is empty.
            length: maximum number of bytes; None for everything up to the end.

        Raises:
            NotFound: the content is missing or incomplete.
            Unavailable: the content is damaged: it no longer has its digest. From then on it counts as missing.
        """

    @abc.abstractmethod
    async def size(self, digest: str) -> int | None:
        """Returns the size of content in bytes; None when it is missing or incomplete.

        Args:
            digest: digest of the whole content.
        """

    @abc.abstractmethod
    async def delete(self, digest: str) -> bool:
        """Removes content, and any unfinished upload of it. Returns whether the content was there.

        Args:
            digest: digest of the whole content.
        """

    @abc.abstractmethod
    async def blobs(self) -> Sequence[BlobInfo]:
        """Returns all complete content of the store, in the order of the digests."""

    async def keep(self, content: bytes) -> str:
        """Stores content that is in memory, and returns its digest.

        Args:
            content: the bytes.
        """
        digest = digest_of(content)
        for offset in await self.missing(digest, len(content)):
            piece = content[offset : offset + PIECE]
            await self.put(digest, len(content), offset, piece, digest_of(piece))
        return digest

    async def sweep(self, older_than: float) -> int:
        """Removes abandoned uploads. Returns how many. The default removes none.

        Args:
            older_than: seconds since the last piece.
        """
        return 0
