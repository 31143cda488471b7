"""The line that a machine prints when it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..terminal.output import colour, print_json

__all__ = ["print_ready"]


def print_ready(status: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints name, stars, Kinds and address on one line; or the whole status as JSON."""
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
