"""``hyperverse watch``: the changes of a particle as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..talk.connection import talk_to
from ..terminal.options import common, options
from ..terminal.output import body_text, print_json

if TYPE_CHECKING:
    from ...client import Client
    from ...client.watching import ParticleChange

__all__ = ["watch"]

_ASPECTS = ("Log", "State", "Property", "Child")


@click.command()
@click.argument("point")
@click.option(
    "--aspect",
    "aspects",
    multiple=True,
    type=click.Choice(_ASPECTS),
    help="Aspect to watch; all by default; may be repeated.",
)
@click.option("--count", type=click.IntRange(min=1), help="Number of changes after which to stop.")
@common
def watch(point: str, aspects: tuple[str, ...], count: int | None) -> None:
    """Print the changes of POINT until Ctrl-C: log lines, state, properties, children.

    A new state and new properties are printed with their values. The command continues when the particle moves to
    another machine. When the machine that it talks to dies, it connects to another one.
    """
    talk_to(None, lambda client: _watch(client, point, list(aspects or _ASPECTS), count))


async def _watch(client: Client, point: str, aspects: list[str], count: int | None) -> None:
    seen = 0
    async for change in client.watch(point, *aspects, values=True):
        _show(_plain(change))
        seen += 1
        if seen == count:
            return


def _plain(change: ParticleChange) -> dict[str, Any]:
    found: dict[str, Any] = {
        "point": change.point.text,
        "change": change.change,
        "aspect": change.aspect,
        "watched": change.watched.text,
    }
    if change.aspect == "Log":
        return {**found, "level": change.level, "text": change.text}
    return found if change.value is None else {**found, "value": change.value}


def _show(body: dict[str, Any]) -> None:
    if options().json:
        print_json(body)
        return
    aspect = body["aspect"] or "missed"
    said = body.get("text") if aspect == "Log" else body["change"]
    level = f"{body['level'].lower()}: " if body.get("level") else ""
    value = f" {body_text(body['value'])}" if "value" in body else ""
    print(f"{aspect.lower():9} {body['point']}  {level}{body_text(said)}{value}", flush=True)
