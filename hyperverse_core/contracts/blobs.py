"""Blobs: content by its digest. The contract of a store, and what is said of content."""

from __future__ import annotations

import abc
import hashlib
import re
from collections.abc import Sequence

import attrs

from ..errors import BadRequest

__all__ = ["PIECE", "BlobInfo", "Blobs", "digest_of", "hex_of"]

PIECE = 256 * 1024
"""Bytes of a piece of content, but of the last one, which is what is left. Content travels in pieces, so that a large
one never holds up other waves."""
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
        kept: when it was put the last time, in seconds since 1970.
    """

    digest: str
    size: int
    kept: float


class Blobs(abc.ABC):
    """Contract of a store of content by digest. The hook ``hyperverse_register_blobs`` registers ``factory(settings)``.

    Content is put in pieces of :data:`PIECE` bytes, in any order. It is there when all of its pieces are and the whole
    has the digest: never a part of it, whenever the process is killed. An upload that breaks off can be taken up again,
    also by another process. Nothing that is kept is ever changed, so content can be cached for ever.

    Many tasks of one event loop may call all methods at the same time, and several processes may have the same store
    open. No method may block the event loop.

    Raises:
        BadRequest: any method that gets one; the digest is malformed.
        Unavailable: any method; the store cannot be reached or is full. Nothing was kept then.
    """

    @abc.abstractmethod
    async def open(self) -> None:
        """Makes the store ready, and creates it if there is none.

        Raises:
            ConfigError: it cannot be used at all.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Finishes the calls that are under way, and closes the store. May be called twice."""

    @abc.abstractmethod
    async def missing(self, digest: str, size: int) -> Sequence[int]:
        """Returns the offsets of the pieces that are still to be put, in their order; none when the content is there,
        which is then kept as if it had been put now. A piece that does not have the digest any more with which it was
        put is missing.

        Args:
            digest: of the whole content.
            size: bytes of the whole content.

        Raises:
            Conflict: the content is there or begun with another size.
        """

    @abc.abstractmethod
    async def put(self, digest: str, size: int, offset: int, piece: bytes, piece_digest: str) -> bool:
        """Keeps one piece. A piece that is kept already is left as it is.

        Args:
            digest: of the whole content.
            size: bytes of the whole content.
            offset: where the piece begins: a multiple of :data:`PIECE`.
            piece: :data:`PIECE` bytes, or what is left at the end.
            piece_digest: the digest of ``piece``.

        Returns:
            whether the whole content is there now.

        Raises:
            BadRequest: the piece does not have that digest, that place or that length. It is not kept.
            Conflict: all pieces are there, and the whole does not have the digest: all of them are dropped. Or the
                content was begun with another size.
        """

    @abc.abstractmethod
    async def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        """Returns content, or a range of it. What it returns was compared with the digest.

        Args:
            digest: of the whole content.
            offset: where the range begins. At the end or behind it, nothing is returned.
            length: bytes of the range at most; None for all that follows.

        Raises:
            NotFound: the content is not there, or not whole.
            Unavailable: it is damaged: it does not have its digest any more. It counts as not there from then on.
        """

    @abc.abstractmethod
    async def size(self, digest: str) -> int | None:
        """Returns the size of content in bytes, None when it is not there, or not whole.

        Args:
            digest: of the whole content.
        """

    @abc.abstractmethod
    async def delete(self, digest: str) -> bool:
        """Removes content, and what is there of an upload. Returns whether the content was there.

        Args:
            digest: of the whole content.
        """

    @abc.abstractmethod
    async def blobs(self) -> Sequence[BlobInfo]:
        """Returns what the store holds as a whole, in the order of the digests."""

    async def keep(self, content: bytes) -> str:
        """Puts content that is in memory, and returns its digest.

        Args:
            content: the bytes.
        """
        digest = digest_of(content)
        for offset in await self.missing(digest, len(content)):
            piece = content[offset : offset + PIECE]
            await self.put(digest, len(content), offset, piece, digest_of(piece))
        return digest

    async def sweep(self, older_than: float) -> int:
        """Removes uploads that nobody has gone on with. Returns how many. The default removes none.

        Args:
            older_than: seconds since the last piece.
        """
        return 0
