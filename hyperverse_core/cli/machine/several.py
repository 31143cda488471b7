"""Several machines on one host: free names, joining a Hyperverse, and starting many machines at once."""

from __future__ import annotations

import itertools
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ..talk.connection import login_token
from ..terminal.options import options
from ..terminal.output import note
from .detach import start_detached
from .log_setup import make_log_dir

__all__ = ["free_name", "host_name", "joined", "more_names", "start_more", "stop_more"]


def joined(where: str) -> dict[str, Any]:
    """Returns the settings that make a machine part of an existing Hyperverse.

    Args:
        where: data directory of another machine on this host, or URL of the registry that they share.

    Raises:
        ConfigError: there is no such folder, or no machine has ever run on it.
    """
    if "://" in where:
        # a registry that does not exist is a typing error: there is nothing to join in a new one
        return {"registry.url": where, **({"registry.create": False} if where.startswith("sqlite:") else {})}
    path = Path(os.path.expanduser(where)).absolute()  # noqa: PTH111  # raises nothing without a home directory
    if not (path / "machines").is_dir():
        why = f"no machine has ever run on {str(path)!r}" if path.is_dir() else f"there is no folder {str(path)!r}"
        raise ConfigError(
            f"--join {where}: {why}",
            hint="--join takes the data directory of another machine, which `hyperverse status` prints, or the URL of "
            "its registry",
        )
    return {"data_dir": str(path)}


def free_name(data_dir: Path, name: str) -> str:
    """Returns ``name``, or ``local2``, ``local3`` and so on if machines of the data directory already have it."""
    folder = data_dir / "machines"
    taken = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set()
    return next(found for found in itertools.chain([name], _numbered(name)) if found not in taken)


def host_name() -> str:
    """Returns the name of the host, for a machine that shares no data directory with machines on other hosts."""
    words = re.findall(r"[a-z0-9]+", socket.gethostname().partition(".")[0].lower())
    name = "-".join(words)
    return name if name[:1].isalpha() else f"host-{name}".rstrip("-")


def more_names(name: str, count: int) -> list[str]:
    """Returns names for ``count`` machines: ``local``, ``local2``, ``local3``."""
    numbered = _numbered(name)
    return [name, *(next(numbered) for _ in range(count - 1))]


def _numbered(name: str) -> Iterator[str]:
    number = 2
    while True:
        yield f"{name}{number}"
        number += 1


def start_more(
    names: Sequence[str], args: Sequence[str], data_dir: Path, environ: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Starts one machine for each name in the background. If one fails to start, the others are stopped.

    Args:
        names: names of the machines.
        args: options of ``hyperverse up`` that all of them get.
        data_dir: their data directory.
        environ: variables that all of them get.

    Returns:
        The status of each machine.

    Raises:
        HyperverseError: a machine did not start.
    """
    started: list[dict[str, Any]] = []
    try:
        for name in names:
            others = [word for word in args if not word.startswith("--name=")]
            started.append(start_detached([f"--name={name}", *others], make_log_dir(data_dir, name), environ))
    except BaseException:
        stop_more(started, data_dir)
        raise
    return started


def stop_more(statuses: Sequence[Mapping[str, Any]], data_dir: Path) -> None:
    """Stops machines by their statuses. A machine that cannot be reached is reported on stderr."""
    import asyncio

    from ...client import Client
    from ...errors import HyperverseError

    settings, token = options().lane_settings(), login_token(data_dir)

    async def stop(name: str) -> None:
        try:
            async with Client.connect(data_dir=data_dir, machine=name, settings=settings, token=token) as client:
                await client.stop()
        except HyperverseError as exc:
            note(f"machine {name}: {exc.message}")

    async def stop_all() -> None:
        await asyncio.gather(*(stop(str(status["machine"])) for status in statuses))

    asyncio.run(stop_all())
