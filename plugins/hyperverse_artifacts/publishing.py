"""Publishing from a client: content is sent in pieces, and then the version is created in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hyperverse_core import Client, Point
from hyperverse_core.blobs import PIECE, digest_of, each_in_window
from hyperverse_core.errors import BadRequest, Conflict, NotFound, ProtocolError
from hyperverse_core.values import SegmentKind

from .manifest import Entry, Manifest
from .preparing import DOCUMENT
from .sources import Source

__all__ = ["compiled", "publish"]

_ROUNDS = 3
_WAIT = 30.0
_COMPILING = 400.0
_EXAMPLE = "localhost:repo:my:1.0.0"


async def publish(client: Client, sources: Sequence[Source], point: Point, sent: Callable[[int], None]) -> Manifest:
    """Publishes files as the version ``point``. Content that the machine already has is not sent. The first version
    creates the series, if the repository exists.

    Args:
        sent: called with the number of bytes that have been sent, or that need not be sent.

    Returns:
        The manifest of the version.

    Raises:
        BadRequest: the point is not that of a version.
        HyperverseError: the error of the machine: Forbidden, Conflict (the version already exists) or NotFound.
    """
    if not point.segments or point.segments[-1].kind is not SegmentKind.VERSION:
        raise BadRequest(f"{point.text!r} does not end with a version", hint=f"publish to {_EXAMPLE}")
    series = point.parent
    if series is None or series.is_root:
        raise BadRequest(f"{point.text!r} is not in a series", hint=f"publish to {_EXAMPLE}")
    try:
        entries = [await _sent(client, source, series, sent) for source in sources]
    except NotFound:
        await _create(client, series)
        entries = [await _sent(client, source, series, sent) for source in sources]
    manifest = Manifest(tuple(entries))
    try:
        await client.exec(f"publish ^[ manifest ]-> {point.text}", files={"manifest": manifest.text()})
    except Conflict as exc:
        if "already" not in exc.message:
            raise
        raise Conflict(
            f"the version {point.text!r} already exists", hint="a version never changes: publish a new one"
        ) from None
    return manifest


async def _create(client: Client, series: Point) -> None:
    """Creates a series in its repository."""
    repo = series.parent
    if repo is None or repo.is_root or repo.parent is None or repo.parent.is_root:
        raise BadRequest(
            f"{series.text!r} is not in a repository, and a repository is in a space", hint=f"publish to {_EXAMPLE}"
        )
    try:
        await client.exec(f"create? {series.text}<BundleSeries>")
    except NotFound as exc:
        raise NotFound(
            f"no series {series.text!r}, and it cannot be created: {exc.message}", hint=await _how(client, repo)
        ) from None


async def _how(client: Client, repo: Point) -> str:
    """Returns the command that creates a repository, with everything above it that is missing or hidden."""
    steps, above = [f"create {repo.text}<Repo>"], repo.parent
    while above is not None and not above.is_root and not await client.select(above):
        higher = above.parent
        steps.append(f"create {above.text}<{'Space' if higher is None or higher.is_root else 'Base'}>")
        above = higher
    return f"create the repository: hyperverse exec '{'; '.join(reversed(steps))}'"


async def compiled(client: Client, sources: Sequence[Source], point: Point) -> list[dict[str, Any]]:
    """Waits until the modules that are named by documents among the files are compiled.

    Returns:
        for each document, a description of its module, or why it would be refused; an empty list if no machine runs
        Mechtrons.
    """
    files = {source.path: source for source in sources}
    texts = {path: file.file.read_text("utf-8", "replace") for path, file in files.items() if path.endswith(DOCUMENT)}
    if not texts:
        return []
    reply = await client.ping(point, "Ext<Prepare>", {"documents": texts}, wait=_COMPILING)
    if reply.ok and isinstance(reply.body, list):
        return list(reply.body)
    return [{"document": path, "error": reply.error, "hint": "`create` compiles it"} for path in texts]


async def _sent(client: Client, source: Source, series: Point, sent: Callable[[int], None]) -> Entry:
    """Sends one file. If the series moves to another machine meanwhile, the upload starts again there."""
    about = {"digest": source.digest, "size": source.size}
    told = 0
    for _ in range(_ROUNDS):
        said = await client.ask(series, "Ext<Missing>", about, wait=_WAIT, retries=5)
        machines = {str(said["machine"])}
        held = source.size - sum(min(PIECE, source.size - offset) for offset in said["offsets"])
        if held > told:
            sent(held - told)
            told = held

        async def send(offset: int, machines: set[str] = machines) -> None:
            nonlocal told
            piece = source.piece(offset)
            body = {**about, "offset": offset, "piece": piece, "piece_digest": digest_of(piece)}
            taken = await client.ask(series, "Ext<Piece>", body, wait=_WAIT, retries=5)
            machines.add(str(taken["machine"]))
            if told < source.size:
                sent(len(piece))
                told += len(piece)

        await each_in_window(said["offsets"], send)
        if len(machines) == 1:
            return Entry(source.path, source.digest, source.size, machines.pop())
    raise ProtocolError(f"{series.text!r} keeps moving from machine to machine", hint="publish again later")
