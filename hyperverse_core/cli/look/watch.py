"""``hyperverse watch``: the changes of a particle as they happen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from ..talk.connection import talk_to
from ..terminal.options import common, options
from ..terminal.output import body_text, print_json

if TYPE_CHECKING:
    from ...client import Client
    from ...universe.waves.wave import Directed

__all__ = ["watch"]

_ASPECTS = ("Log", "State", "Property", "Child")
_LOOK = 0.5


@click.command()
@click.argument("point")
@click.option(
    "--aspect",
    "aspects",
    multiple=True,
    type=click.Choice(_ASPECTS),
    help="Aspect to watch; all by default; may be repeated.",
)
@click.option("--count", type=click.IntRange(min=1), help="Number of changes after which to end.")
@common
def watch(point: str, aspects: tuple[str, ...], count: int | None) -> None:
    """Print the changes of POINT until Ctrl-C: log lines, state, properties, children.

    The command continues when the particle moves to another machine. When the machine that it talks to dies, it
    connects to another one.
    """
    talk_to(None, lambda client: _watch(client, point, list(aspects or _ASPECTS), count))


async def _watch(client: Client, point: str, aspects: list[str], count: int | None) -> None:
    enough = asyncio.Event()
    seen = 0

    def received(wave: Directed) -> None:
        nonlocal seen
        if wave.method.text == "Ext<Changed>" and not enough.is_set():
            _show(wave.body)
            seen += 1
            if seen == count:
                enough.set()

    client.on_wave(received)
    known = None
    while not enough.is_set():
        if client.connected and client.surface != known:
            await client.ask("GLOBAL::machine", "Ext<Watch>", {"point": point, "aspects": aspects})
            known = client.surface
        try:
            async with asyncio.timeout(_LOOK):
                await enough.wait()
        except TimeoutError:
            continue


def _show(body: Any) -> None:
    if options().json:
        print_json(body)
        return
    aspect = body.get("aspect", "")
    said = body.get("text") if aspect == "Log" else body.get("change")
    level = f"{body['level'].lower()}: " if "level" in body else ""
    print(f"{aspect.lower():9} {body.get('point', '')}  {level}{body_text(said)}", flush=True)
