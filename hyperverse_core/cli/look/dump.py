"""``hyperverse dump``: the content of a machine's memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import click

from ..talk.connection import talk_to
from ..terminal.options import common, options
from ..terminal.output import print_json, table

__all__ = ["dump"]

_MACHINE = "GLOBAL::machine"
_WAIT = 60.0


@click.command()
@click.argument("machine", required=False)
@click.option(
    "--limit",
    type=click.IntRange(0, 10_000),
    default=1000,
    help="Number of activations and watches to list; the rest are counted.",
)
@common
def dump(machine: str | None, limit: int) -> None:
    """Print what is in the memory of MACHINE: activations, pending requests, lanes, watches, caches.

    The busy activations come first. Without MACHINE any machine of the data directory answers. Requires the privilege
    machine:dump.
    """
    body = {"limit": limit}
    found: dict[str, Any] = talk_to(machine, lambda client: client.ask(_MACHINE, "Ext<Dump>", body, wait=_WAIT))
    if options().json:
        print_json(found)
        return
    _print(found)


def _print(found: Mapping[str, Any]) -> None:
    states = ", ".join(f"{count} {state}" for state, count in sorted(found["states"].items()))
    print(f"machine {found['machine']}: {found['activations_total']} activations ({states})")
    print(f"jobs waiting for a worker: {found['workers_waiting']}")
    _print_activations(found)
    _section(
        "requests waiting for other machines",
        ("machine", "count", "oldest"),
        [(row["machine"], row["count"], f"{row['oldest']:.1f} s") for row in found["pending"]],
    )
    _section(
        "lanes",
        ("machine", "state", "waiting", "bytes", "cause"),
        [[row[key] for key in ("machine", "state", "waiting", "bytes", "cause")] for row in found["lanes"]],
    )
    watches = [(row["aspect"], row["point"], row["watcher"]) for row in found["watches"]]
    _section("watches", ("aspect", "point", "watcher"), watches)
    _left_out(found["watches_left_out"], "watches")
    _section("caches", ("entries", "cache"), [(count, name) for name, count in sorted(found["caches"].items())])


def _print_activations(found: Mapping[str, Any]) -> None:
    """Stars are headings, and points come last, so that ordinary rows fit into 80 columns."""
    by_star: dict[str, list[Sequence[Any]]] = {}
    for row in found["activations"]:
        cells = (row["waiting"], row["running"], row["tasks"], f"{row['idle']:.0f} s", row["state"], row["kind"])
        by_star.setdefault(row["star"], []).append((*cells, row["point"]))
    every = list(chain.from_iterable(by_star.values()))
    for star, rows in sorted(by_star.items()):
        _section(star, ("wait", "run", "tasks", "idle", "state", "kind", "point"), rows, beside=every)
    _left_out(found["activations_left_out"], "activations")


def _section(
    title: str, head: Sequence[str], rows: Sequence[Sequence[Any]], beside: Sequence[Sequence[Any]] = ()
) -> None:
    if rows:
        print(f"\n{title}")
        table(head, rows, beside=beside)


def _left_out(count: int, what: str) -> None:
    if count:
        print(f"... and {count} more {what}; list them with --limit")
