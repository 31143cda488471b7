"""Speaking to a machine's gate by hand, and seeing what it makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hyperverse_core import Client, Machine
from hyperverse_core.protocol.frames import ClientPingFrame, RefusalFrame
from hyperverse_core.universe.waves.wave import Priority

__all__ = ["PROBE", "ask", "points", "refused", "still_serves"]

PROBE = "localhost:probe"


def ask(number: int = 1, **changes: Any) -> ClientPingFrame:
    """A frame as a client sends it."""
    fields: dict[str, Any] = {
        "id": f"c-test-{number}",
        "to": PROBE,
        "method": "Ext<Who>",
        "body": None,
        "path": "/",
        "headers": None,
        "wait": 5.0,
        "retries": 0,
        "priority": Priority.MED,
        "topic": "",
    }
    return ClientPingFrame(**{**fields, **changes})


async def refused(raw: Any, status: int) -> RefusalFrame:
    """What the machine says when it ends the connection."""
    said = await raw.hear()
    assert isinstance(said, RefusalFrame), said
    assert said.status == status
    assert await raw.hear() is None
    return said


async def still_serves(data_dir: Path) -> None:
    async with Client.connect(data_dir) as client:
        assert (await client.ping(PROBE, "Ext<Runs>")).ok


def points(machine: Machine) -> list[str]:
    """What lives in the machine's star."""
    return [str(live.point) for live in machine.parts.homes[machine.parts.home.key].active.values()]
