"""Content of artifacts, as permitted readers get it: piece by piece, checked against its digest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import attrs

from ..errors import BadRequest, ProtocolError, TooLarge
from ..universe.address.point import Point
from .blobs import PIECE, Blobs, digest_of, hex_of
from .driver.sending import Sender

__all__ = ["WINDOW", "Content", "content_at", "each_in_window", "fetch_into", "read_content"]

WINDOW = 4
"""Maximum number of pieces of one content that are fetched at the same time."""
_LIMIT = 256 * 1024 * 1024
_READ = "Cmd<Read>"


@attrs.frozen
class Content:
    """Description of the content of an artifact.

    Attributes:
        digest: its digest.
        size: its size in bytes.
        type: its media type, such as ``application/wasm``.
    """

    digest: str
    size: int
    type: str


async def content_at(sender: Sender, point: Point | str) -> Content:
    """Asks an artifact for the description of its content. The rights of the sender are checked here, so ask each time,
    even for known content.

    Args:
        sender: the sender that asks: a :class:`Ctx`, or a client.
        point: the artifact, ``localhost:repo:my:1.0.0:/app.wasm``.

    Raises:
        HyperverseError: the answer of the artifact: Forbidden, NotFound, Unavailable.
        BadRequest: ``point`` is not an artifact with content.
    """
    reply = await sender.ping(point, _READ, {"offset": 0, "length": 0}, retries=2)
    reply.unwrap()
    said = reply.headers or {}
    try:
        content = Content(said["digest"], int(said["size"]), said["content-type"])
        hex_of(content.digest)
    except (KeyError, ValueError, BadRequest):
        raise BadRequest(
            f"{str(point)!r} is not a file of a bundle",
            hint="name one: localhost:repo:my:1.0.0:/app.wasm; `read` lists a folder",
        ) from None
    return content


async def read_content(sender: Sender, point: Point | str, *, blobs: Blobs | None = None, limit: int = _LIMIT) -> bytes:
    """Returns the content of an artifact, whatever its size, with the rights of ``sender``::

        class Module(Particle):
            async def on_start(self, ctx: Ctx) -> None:
                at = (await ctx.properties())["config"].value
                self.code = await read_content(ctx, at, blobs=self.host.blobs)

    Args:
        sender: the reader: a :class:`Ctx`, or a client. It needs the permission r on the artifact.
        point: the artifact, ``localhost:repo:my:1.0.0:/app.wasm``.
        blobs: the store of content of this machine, :attr:`DriverHost.blobs`; content that is there already is not
            transferred again. None stores nothing.
        limit: maximum size of the content in bytes.

    Raises:
        HyperverseError: the answer of the artifact: Forbidden, NotFound, Unavailable.
        BadRequest: ``point`` is not an artifact with content.
        TooLarge: the content has more than ``limit`` bytes.
        ProtocolError: the received bytes do not have the digest of the content.
    """
    content = await content_at(sender, point)
    if content.size > limit:
        raise TooLarge(f"{str(point)!r} has {content.size} bytes, and {limit} are allowed")

    async def ask(offset: int, length: int) -> bytes:
        reply = await sender.ping(point, _READ, {"offset": offset, "length": length}, retries=2)
        return _bytes(reply.unwrap())

    if blobs is not None:
        if await blobs.size(content.digest) is None:
            await fetch_into(blobs, content.digest, content.size, ask)
        return await blobs.get(content.digest)
    pieces: dict[int, bytes] = {}

    async def take(offset: int) -> None:
        pieces[offset] = await ask(offset, min(PIECE, content.size - offset))

    await each_in_window(range(0, content.size, PIECE), take)
    whole = b"".join(pieces[offset] for offset in sorted(pieces))
    if digest_of(whole) != content.digest:
        raise ProtocolError(f"what {str(point)!r} sent does not have the digest {content.digest}")
    return whole


async def fetch_into(blobs: Blobs, digest: str, size: int, ask: Callable[[int, int], Awaitable[bytes]]) -> None:
    """Fetches the missing pieces of content into a store.

    Args:
        blobs: the store.
        digest: digest of the whole content.
        size: size of the whole content in bytes.
        ask: returns the bytes of a range, by offset and length.

    Raises:
        ProtocolError: the received bytes are not the content; none of them are stored.
        HyperverseError: any error that ``ask`` or the store raises. Pieces that arrived before stay stored.
    """

    async def take(offset: int) -> None:
        piece = await ask(offset, min(PIECE, size - offset))
        if len(piece) != min(PIECE, size - offset):
            raise ProtocolError(f"a piece of {digest} has {len(piece)} bytes")
        # The digest of each piece reveals damage by the disk; the digest of the whole is checked when all pieces are
        # there.
        await blobs.put(digest, size, offset, piece, digest_of(piece))

    await each_in_window(await blobs.missing(digest, size), take)


async def each_in_window(offsets: Iterable[int], do: Callable[[int], Awaitable[None]], window: int = WINDOW) -> None:
    """Calls ``do`` for each offset, a few at a time. The first failure ends all calls, and is raised.

    Args:
        offsets: where the pieces begin.
        do: is called with an offset.
        window: maximum number of calls at the same time.
    """
    import asyncio  # a program that needs only the contract does not wait for it

    left = iter(list(offsets))

    async def work() -> None:
        for offset in left:
            await do(offset)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(window):
                group.create_task(work())
    except* BaseException as several:
        error: BaseException = several
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        first = error
    else:
        return
    raise first


def _bytes(body: object) -> bytes:
    if not isinstance(body, bytes):
        raise ProtocolError(f"a range of content came as {type(body).__name__}, not as bytes")
    return body
