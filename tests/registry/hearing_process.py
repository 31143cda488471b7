"""A process with a registry in PostgreSQL, which says the point of each entry that it reads in the feed."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from hyperverse_core.errors import Unavailable
from hyperverse_postgres import feed, listening
from hyperverse_postgres.registry import PostgresRegistry


def forked() -> None:
    """A child, as some plugins have one, which lives until the standard input ends."""
    if os.fork() == 0:
        os.close(1)
        sys.stdin.read()
        os._exit(0)


async def main(settings: str, slow: str, doubts: str, child: str) -> None:
    setattr(feed, "_SLOW", float(slow))  # noqa: B010 - as a test changes it, and it is no constant for a type checker
    setattr(listening, "_DOUBTS", float(doubts))  # noqa: B010
    async with PostgresRegistry(json.loads(settings)) as registry:
        since = await registry.revision()
        if child:
            forked()
        print("ready", flush=True)
        while True:
            try:
                changes = await registry.changes(since, timeout=3600.0)
            except Unavailable:
                await asyncio.sleep(0.05)
                continue
            since = changes.revision
            for entry in changes.entries:
                print(entry.point, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
