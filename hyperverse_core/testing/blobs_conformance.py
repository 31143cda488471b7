"""Conformance kit of stores of content.

Subclass the kit in a test module::

    class TestMyBlobs(BlobsConformance):
        def make(self, folder: Path) -> Blobs:
            return MyBlobs({"folder": str(folder)})

The tests are asynchronous: pytest-asyncio has to be in its ``auto`` mode.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ..contracts.blobs import PIECE, BlobInfo, Blobs, digest_of
from ..errors import BadRequest, Conflict, NotFound, Unavailable

__all__ = ["BlobsConformance"]

_SIZES = (0, 1, PIECE, PIECE + 1, 3 * PIECE - 1)


def _content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def _pieces(content: bytes) -> dict[int, bytes]:
    return {at: content[at : at + PIECE] for at in range(0, len(content), PIECE)}


class BlobsConformance:
    """The requirements for every store of content. A subclass defines how a store is made."""

    def make(self, folder: Path) -> Blobs:
        """Returns a new store that is not open. Two that are made for the same folder hold the same content.

        Args:
            folder: where it may keep something. It exists, and is empty when the test begins.
        """
        raise NotImplementedError("a subclass of BlobsConformance makes the store")

    def damage(self, folder: Path, digest: str) -> bool:
        """Changes a byte of content without the knowledge of the store. Returns False if a test cannot do that.

        Args:
            folder: as in :meth:`make`.
            digest: digest of the content.
        """
        return False

    @pytest_asyncio.fixture
    async def blobs(self, tmp_path: Path) -> AsyncIterator[Blobs]:
        """An open store."""
        blobs = self.make(tmp_path)
        await blobs.open()
        yield blobs
        await blobs.close()

    async def put(self, blobs: Blobs, content: bytes, *offsets: int) -> bool:
        """Puts pieces of content. Returns the result of the last call.

        Args:
            blobs: the store.
            content: the whole content.
            offsets: where the pieces begin; none for all pieces.
        """
        whole, pieces = False, _pieces(content)
        for at in offsets or pieces:
            whole = await blobs.put(digest_of(content), len(content), at, pieces[at], digest_of(pieces[at]))
        return whole

    @pytest.mark.parametrize("size", _SIZES)
    async def test_what_is_put_is_got(self, blobs: Blobs, size: int) -> None:
        content = _content(size)
        digest = await blobs.keep(content)
        assert digest == digest_of(content)
        assert await blobs.get(digest) == content
        assert await blobs.size(digest) == size
        assert await blobs.missing(digest, size) in ((), [])
        assert [(info.digest, info.size) for info in await blobs.blobs()] == [(digest, size)]

    @pytest.mark.parametrize("offset", [0, 1, PIECE - 1, PIECE, 2 * PIECE + 7, 3 * PIECE - 1, 9 * PIECE])
    @pytest.mark.parametrize("length", [0, 1, PIECE, PIECE + 2, None])
    async def test_a_range_is_got(self, blobs: Blobs, offset: int, length: int | None) -> None:
        content = _content(3 * PIECE - 1)
        digest = await blobs.keep(content)
        end = None if length is None else offset + length
        assert await blobs.get(digest, offset, length) == content[offset:end]

    async def test_pieces_come_in_any_order(self, blobs: Blobs) -> None:
        content = _content(3 * PIECE)
        digest = digest_of(content)
        assert not await self.put(blobs, content, 2 * PIECE)
        assert list(await blobs.missing(digest, len(content))) == [0, PIECE]
        assert not await self.put(blobs, content, 0)
        assert await self.put(blobs, content, PIECE)
        assert await blobs.get(digest) == content

    async def test_nothing_is_there_before_all_is(self, blobs: Blobs) -> None:
        content = _content(2 * PIECE)
        digest = digest_of(content)
        await self.put(blobs, content, 0)
        assert await blobs.size(digest) is None
        assert list(await blobs.blobs()) == []
        with pytest.raises(NotFound):
            await blobs.get(digest, 0, 10)

    async def test_a_piece_with_another_digest_is_not_kept(self, blobs: Blobs) -> None:
        content = _content(2 * PIECE)
        digest = digest_of(content)
        with pytest.raises(BadRequest):
            await blobs.put(digest, len(content), 0, content[:PIECE], digest_of(b"another"))
        assert list(await blobs.missing(digest, len(content))) == [0, PIECE]

    @pytest.mark.parametrize(("offset", "length"), [(1, PIECE), (0, 10), (2 * PIECE, 1), (-PIECE, PIECE), (PIECE, 0)])
    async def test_a_piece_at_another_place_is_not_kept(self, blobs: Blobs, offset: int, length: int) -> None:
        content = _content(2 * PIECE)
        piece = content[:length]
        with pytest.raises(BadRequest):
            await blobs.put(digest_of(content), len(content), offset, piece, digest_of(piece))
        assert list(await blobs.missing(digest_of(content), len(content))) == [0, PIECE]

    async def test_a_whole_with_another_digest_is_dropped(self, blobs: Blobs) -> None:
        content, other = _content(2 * PIECE), digest_of(b"another")
        await blobs.put(other, len(content), 0, content[:PIECE], digest_of(content[:PIECE]))
        with pytest.raises(Conflict):
            await blobs.put(other, len(content), PIECE, content[PIECE:], digest_of(content[PIECE:]))
        assert await blobs.size(other) is None
        assert list(await blobs.missing(other, len(content))) == [0, PIECE]

    async def test_another_process_goes_on_with_an_upload(self, blobs: Blobs, tmp_path: Path) -> None:
        content = _content(3 * PIECE)
        await self.put(blobs, content, 0, 2 * PIECE)
        await blobs.close()
        again = self.make(tmp_path)
        await again.open()
        try:
            assert list(await again.missing(digest_of(content), len(content))) == [PIECE]
            assert await self.put(again, content, PIECE)
            assert await again.get(digest_of(content)) == content
        finally:
            await again.close()

    async def test_two_processes_fill_one_upload(self, blobs: Blobs, tmp_path: Path) -> None:
        content = _content(8 * PIECE)
        beside = self.make(tmp_path)
        await beside.open()
        try:
            both = [self.put(one, content, at) for at in _pieces(content) for one in (blobs, beside)]
            assert True in await asyncio.gather(*both)
            assert await blobs.get(digest_of(content)) == content
            assert await beside.get(digest_of(content)) == content
            assert len(await beside.blobs()) == 1
        finally:
            await beside.close()

    @pytest.mark.parametrize("digest", ["", "sha256:../../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 64])
    async def test_a_digest_that_is_none_is_refused(self, blobs: Blobs, digest: str) -> None:
        for call in (
            blobs.missing(digest, 1),
            blobs.put(digest, 1, 0, b"a", digest_of(b"a")),
            blobs.put(digest_of(b"a"), 1, 0, b"a", digest),
            blobs.get(digest),
            blobs.size(digest),
            blobs.delete(digest),
        ):
            with pytest.raises(BadRequest):
                await call

    async def test_one_content_has_one_size(self, blobs: Blobs) -> None:
        content = _content(2 * PIECE)
        await self.put(blobs, content, 0)
        with pytest.raises(Conflict):
            await blobs.missing(digest_of(content), 5 * PIECE)
        await self.put(blobs, content, PIECE)
        with pytest.raises(Conflict):
            await blobs.missing(digest_of(content), 5 * PIECE)

    async def test_what_is_deleted_is_gone(self, blobs: Blobs) -> None:
        content = _content(PIECE)
        digest = await blobs.keep(content)
        assert await blobs.delete(digest)
        assert not await blobs.delete(digest)
        assert await blobs.size(digest) is None
        with pytest.raises(NotFound):
            await blobs.get(digest)
        await blobs.keep(content)
        assert await blobs.get(digest) == content

    async def test_what_is_put_again_is_kept_as_of_now(self, blobs: Blobs) -> None:
        digest = await blobs.keep(b"content")
        before: BlobInfo = (await blobs.blobs())[0]
        await blobs.missing(digest, 7)
        assert (await blobs.blobs())[0].kept >= before.kept

    async def test_damage_is_found(self, blobs: Blobs, tmp_path: Path) -> None:
        content = _content(2 * PIECE)
        digest = await blobs.keep(content)
        assert await blobs.get(digest) == content
        if not self.damage(tmp_path, digest):
            pytest.skip("nothing can be damaged behind the back of this store")
        with pytest.raises(Unavailable):
            await blobs.get(digest)
        assert await blobs.size(digest) is None
        assert list(await blobs.missing(digest, len(content))) == [0, PIECE]

    async def test_a_closed_store_says_so(self, blobs: Blobs) -> None:
        await blobs.close()
        await blobs.close()
        with pytest.raises(Unavailable):
            await blobs.size(digest_of(b"a"))
