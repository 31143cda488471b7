"""Reads published versions through a client."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from hyperverse_core import Client, Point
from hyperverse_core.blobs import digest_of, hex_of, read_content
from hyperverse_core.errors import BadRequest, ProtocolError

from .names import check_paths

__all__ = ["File", "bundles_below", "files_of", "read_file", "write_whole"]

_WAIT = 30.0


@attrs.frozen
class File:
    """A file of a published version.

    Attributes:
        path: its path in the bundle. The client checks it again, so that a malicious machine cannot make it write
        elsewhere.
        digest: the digest of its content.
        size: bytes of its content.
        type: its media type.
    """

    path: str
    digest: str
    size: int
    type: str


async def bundles_below(client: Client, point: Point | None) -> AsyncIterator[str]:
    """Yields the points of all versions that the agent may select at and below a point; everywhere if the point is
    None.

    Raises:
        BadRequest: the point is a file of a version.
        NotFound: nothing is found, because there is no such point.
        Forbidden: nothing is found, and the agent may not see the point.
    """
    if point is not None and point.is_artifact:
        raise BadRequest(f"{point.text!r} is inside a version", hint="name a version, a series or a repository")
    everywhere = point is None or point.is_root
    found = False
    async for row in client.select("**<Bundle>" if everywhere else f"{point}+:**<Bundle>", wait=_WAIT):
        if row["kind"] != "Bundle":
            continue  # the point itself, which `+` selects whatever its Kind is
        found = True
        yield str(row["point"])
    if not found and point is not None and not everywhere:
        await client.get(point, [], wait=_WAIT)


async def files_of(client: Client, bundle: str) -> list[File]:
    """Returns the files of a version. Raises BadRequest if the point is not a version, and the errors of the
    machine."""
    said = await client.ask(bundle, "Cmd<Read>", wait=_WAIT, retries=3)
    try:
        files = [File(str(row["path"]), row["digest"], int(row["size"]), str(row["type"])) for row in said["files"]]
    except (TypeError, KeyError, ValueError):
        raise BadRequest(f"{bundle!r} is not a published version", hint="name one: localhost:repo:my:1.0.0") from None
    check_paths(file.path for file in files)
    for file in files:
        hex_of(file.digest)
    return files


async def read_file(client: Client, bundle: str, file: File) -> bytes:
    """Returns the content of a file. Raises ProtocolError if it does not match the version."""
    content = await read_content(client, f"{bundle}:/{file.path}")
    if digest_of(content) != file.digest:
        raise ProtocolError(f"{bundle}:/{file.path} does not match the digest in its version")
    return content


def write_whole(place: Path, content: bytes) -> None:
    """Writes a file atomically: if the program is killed, the file has its old or its new content."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".hyperverse-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
