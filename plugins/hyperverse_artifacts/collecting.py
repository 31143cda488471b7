"""Garbage collection of content that no version refers to any more."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hyperverse_core import Client
from hyperverse_core.errors import BadRequest, NotFound

from .reading import bundles_below, files_of

__all__ = ["collect"]

_MANY = 20_000
"""Greatest number of digests in one wave. A longer list is split by first digits."""
_WAIT = 60.0


async def collect(client: Client, *, older_than: float, dry_run: bool) -> dict[str, list[dict[str, Any]]]:
    """Tells every machine to remove the content that no version refers to. A version that is published meanwhile keeps
    its content, because it was stored less than ``older_than`` seconds ago.

    Returns:
        the removed content by name of the machine: ``digest`` and ``size`` in bytes.

    Raises:
        BadRequest: ``older_than`` is not a number of seconds.
        NotFound: there is no Repo.
        HyperverseError: a version cannot be read, so that the content it needs is unknown and nothing was removed; or a
            machine does not answer, or refuses.
    """
    if not older_than >= 0:  # nothing is younger than NaN, so content that is being published would be removed
        raise BadRequest(f"older_than is {older_than}, which is not a number of seconds", hint="write 3600")
    needed: set[str] = set()
    async for bundle in bundles_below(client, None):
        needed.update(file.digest for file in await files_of(client, bundle))
    repos = [str(row["point"]) async for row in client.select("**<Repo>", wait=_WAIT)]
    if not repos:
        raise NotFound("there is no Repo that could carry this out", hint="create localhost:repo<Repo>")
    by_prefix = {"": sorted(needed)} if len(needed) <= _MANY else _by_first_digits(needed)
    removed: dict[str, list[dict[str, Any]]] = {}
    for machine in sorted({str(star["machine"]) for star in await client.stars()}):
        rows = removed[machine] = []
        for prefix, keep in by_prefix.items():
            body = {"machine": machine, "keep": keep, "prefix": prefix, "older_than": older_than, "dry_run": dry_run}
            rows += await client.ask(repos[0], "Ext<Collect>", body, wait=_WAIT)
    return removed


def _by_first_digits(digests: set[str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for digest in sorted(digests):
        grouped[digest[7:9]].append(digest)
    return {f"{number:02x}": grouped[f"{number:02x}"] for number in range(256)}
