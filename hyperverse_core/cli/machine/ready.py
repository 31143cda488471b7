"""The line that a machine prints when it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..terminal.output import colour, note, print_json

__all__ = ["print_ready"]


def print_ready(status: Mapping[str, Any], *, as_json: bool, invite: bool = True) -> None:
    """Prints name, stars, Kinds and address on one line, or the whole status as JSON; then the addresses of gateways,
    and warnings of plugins.

    Args:
        status: status of the machine.
        as_json: whether it is printed as JSON.
        invite: whether to print, for each gateway that has one, the address that admits the owner once. Do not print it
            to the stdout of a service, which is a log.
    """
    for plugin in status.get("plugins", ()):
        if plugin.get("trouble"):
            note(f"warning: {plugin['trouble']}")
    for text in status.get("notes", ()):
        note(f"warning: {text}")
    if as_json:
        print_json(status)
        return
    state = str(status.get("state", ""))
    stars, kinds = status.get("stars", ()), status.get("drivers", ())
    address = status.get("address") or "no clients (control is off)"
    print(
        f"{colour(state.lower(), state)}: machine {status.get('machine')} (pid {status.get('pid')}), "
        f"{len(stars)} stars, {len(kinds)} Kinds, data in {status.get('data_dir')}, connect at {address}",
        flush=True,
    )
    invitations = status.get("invitations", {}) if invite else {}
    for name, where in status.get("gateways", {}).items():
        print(f"{name}: {invitations.get(name, where)}", flush=True)
