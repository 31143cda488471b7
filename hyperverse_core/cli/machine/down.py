"""``hyperverse down``: stops the machines of a data directory."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import click
import filelock

from ...errors import HyperverseError, TimedOut
from ..talk.connection import login_token
from ..terminal.failures import FAILED, Stop, describe
from ..terminal.options import common, options
from ..terminal.output import note, print_json

__all__ = ["down"]

_LIMIT = 30.0  # seconds for a graceful stop
_LET_NOBODY_IN = ("the policy ", "the registry ")
"""How errors start when the policy or the registry fails. The machine itself sends them, so it still answers."""
_GRACE = 3.0  # seconds for a machine that no longer answers because another command has asked it to stop


@click.command()
@click.option("--name", help="Name of the only machine to stop.")
@common
def down(name: str | None) -> None:
    """Stop all machines of the data directory gracefully, and wait until they have stopped.

    A machine that does not answer does not prevent the others from stopping. The exit code is 1 if a machine is still
    running.
    """
    stopped, failed = _stop_all(options().where(), name)
    if options().json:
        print_json({"stopped": stopped, **({"failed": failed} if failed else {})})
    else:
        _report(stopped, failed)
    if failed:
        raise Stop(FAILED)


def _report(stopped: list[dict[str, Any]], failed: list[dict[str, Any]]) -> None:
    for machine in stopped if not options().quiet else ():
        print(f"stopped: machine {machine['machine']} (pid {machine['pid']})", flush=True)
    for machine in failed:
        note(f"error: machine {machine['machine']} is still running: {machine['error']}")
        for key in ("why", "hint"):
            if machine.get(key):
                note(f"  {key}: {machine[key]}")


def _stop_all(data_dir: Path, name: str | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Returns the machines that stopped, and those that still run with the reason. Raises NoMachine if no machine
    runs."""
    asked, stopped, failed = [], [], []
    missing: HyperverseError | None = None
    for machine in _wanted(data_dir, name):  # ask all before waiting for any, so that they stop in parallel
        try:
            asked.append(asyncio.run(_ask(data_dir, machine)))
        except HyperverseError as exc:
            found = _signalled(data_dir, machine, exc)
            if found is not None:
                asked.append(found)
            elif machine is not None and _runs(data_dir, machine, _GRACE):
                failed.append({"machine": machine, **_reason(exc, machine)})
            else:
                missing = exc
    for found in asked:
        if _runs(data_dir, found["machine"], _LIMIT):
            late = TimedOut(f"it has not stopped after {_LIMIT:.0f} s")
            failed.append({"machine": found["machine"], **_reason(late, found["machine"])})
        else:
            stopped.append(found)
    if not stopped and not failed and missing is not None:
        raise missing
    return stopped, failed


def _reason(exc: HyperverseError, machine: str) -> dict[str, Any]:
    """Returns why a machine still runs."""
    from ...client import NoMachine

    said = {"hint": f"read its log with: hyperverse logs --name {machine}"} | describe(exc)
    if isinstance(exc, NoMachine):  # its message is about a machine that does not run, but this one runs
        hint = f"it may hang, or a debugger may have stopped it; read its log with: hyperverse logs --name {machine}"
        return said | {"error": "it does not answer", "why": exc.message, "hint": hint}
    return said


def _wanted(data_dir: Path, name: str | None) -> list[str | None]:
    """Returns the names of the machines to stop; a single None, which means any machine, if no name is known."""
    folder = data_dir / "machines"
    known = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [name] if name is not None or not known else [*known]


async def _ask(data_dir: Path, machine: str | None) -> dict[str, Any]:
    """Asks a machine to stop. Returns its name and process id."""
    from ...client import Client

    async with Client.connect(
        data_dir=data_dir, machine=machine, settings=options().lane_settings(), token=login_token(data_dir)
    ) as client:
        try:
            found: dict[str, Any] = await client.status()
        except HyperverseError:  # a policy that fails refuses this, but its owner may still stop the machine
            if machine is None:
                raise
            found = {"machine": machine, "pid": _pid(data_dir, machine)}
        await client.stop()
    return {"machine": found["machine"], "pid": found["pid"]}


def _pid(data_dir: Path, machine: str) -> int | None:
    """The process id that a machine has written to its data directory; None if it has written none."""
    try:
        return int((data_dir / "machines" / machine / "pid").read_text())
    except (OSError, ValueError):
        return None


def _signalled(data_dir: Path, machine: str | None, refused: HyperverseError) -> dict[str, Any] | None:
    """Sends a signal to stop to the process of a machine that admits nobody, not even its owner, because its policy or
    its registry fails. Returns its name and process id; None if that is not the case."""
    if machine is None or not refused.message.startswith(_LET_NOBODY_IN) or not _runs(data_dir, machine):
        return None
    pid = _pid(data_dir, machine)
    if pid is None:
        return None
    try:
        if b"hyperverse" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return None  # the process is on another host, which shares the folder
        os.kill(pid, signal.SIGTERM)
    except OSError:
        return None
    return {"machine": machine, "pid": pid}


def _runs(data_dir: Path, machine: str, wait: float = 0.0) -> bool:
    """Whether a machine holds its lock, which it releases at the very end. A machine that hangs also holds it."""
    path = data_dir / "machines" / machine / "lock"
    if not path.exists():
        return False
    try:
        with filelock.FileLock(path, mode=0o600).acquire(timeout=wait, poll_interval=0.02):
            return False
    except filelock.Timeout:
        return True
