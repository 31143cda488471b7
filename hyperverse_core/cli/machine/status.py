"""``hyperverse status``: the state of a machine, its stars and its drivers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import colour, print_json
from ..terminal.shown import shown

__all__ = ["status"]

MIB = 1024 * 1024


@click.command()
@common
def status() -> None:
    """Show the state of a machine, its stars and its drivers, and the reason when one is not ready."""
    found = talk(lambda client: client.status())
    if options().json:
        print_json(found)
        return
    _line("machine", found, "machine", f"pid {found.get('pid')}, connect at {found.get('address')}")
    print(f"data: {shown(str(found.get('data_dir')))}")
    registry = found.get("registry") or {}
    if registry.get("cause"):
        state = str(registry.get("state"))
        print(f"registry: {colour(state, state)}: {shown(str(registry['cause']))}")
    now = time.time()
    for trouble in found.get("troubles", ()):
        _trouble(trouble, now)
    _in_use(found.get("in_use") or {})
    if found.get("draining"):
        print("draining: accepts no particles until it is restarted")
    for lane in found.get("lanes", ()):
        _line("lane to", lane, "machine", "")
    print("stars:")
    for star in found.get("stars", ()):
        print(f"  {star['star']}: {star['kind']}, {_particles(star['particles'])}")
    print("drivers:")
    for driver in found.get("drivers", ()):
        again = driver.get("again")
        tried = "" if again is None else f", tried again in {max(0.0, again - now):.0f} s"
        _line("  ", driver, "kind", f"plugin {driver.get('plugin')}{tried}")
    for plugin in found.get("plugins", ()):
        if plugin.get("state") != "ok" or plugin.get("reason"):
            _line("plugin", plugin, "plugin", "")


def _in_use(entry: Mapping[str, Any]) -> None:
    if not entry:
        return
    held, limit = int(entry.get("bytes", 0)) / MIB, int(entry.get("bytes_limit", 0)) / MIB
    refused = f"; {entry['refused']} refused so far" if entry.get("refused") else ""
    waves = int(entry.get("waves", 0))
    print(
        f"clients: {entry.get('sessions', 0)} connected, {waves} {'wave' if waves == 1 else 'waves'} under way, "
        f"{held:.0f} of {limit:.0f} MiB held{refused}"
    )


def _line(title: str, entry: Mapping[str, Any], name: str, more: str) -> None:
    state = str(entry.get("state", ""))
    cause = entry.get("cause") or entry.get("reason") or ""
    words = f"{title} {entry.get(name)}" if title.strip() else f"{title}{entry.get(name)}"
    print(f"{words}: {colour(state, state)}{f' ({more})' if more else ''}{f': {shown(str(cause))}' if cause else ''}")


def _trouble(entry: Mapping[str, Any], now: float) -> None:
    since = f"since {max(0.0, now - entry['since']):.0f} s"
    times = f", {entry['times']} times" if entry.get("times", 1) > 1 else ""
    again = f", again in {max(0.0, entry['again'] - now):.0f} s" if entry.get("again") is not None else ""
    what, cause = shown(str(entry["what"])), shown(str(entry["cause"]))
    print(f"{colour('trouble', 'Panic')}: {what} ({since}{times}{again}): {cause}")


def _particles(count: int) -> str:
    return "1 particle" if count == 1 else f"{count} particles"
