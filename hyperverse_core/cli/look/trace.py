"""``hyperverse trace``: one wave with all its hops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from ..talk.connection import talk_to
from ..terminal.options import common, options
from ..terminal.output import note, print_json
from ..terminal.shown import shown

__all__ = ["trace"]

_MACHINE = "GLOBAL::machine"
_MARGIN = 15.0
_ELSEWHERE = "* seconds since the trace reached that machine, by its own clock: the clocks of machines are not compared"


@click.command()
@click.argument("point")
@click.argument("method")
@click.argument("body", required=False)
@click.option("--machine", metavar="NAME", help="Machine that sends the wave; any machine by default.")
@click.option(
    "--as", "sent_as", type=click.Choice(["ping", "signal", "ripple"]), default="ping", help="Kind of wave to send."
)
@click.option(
    "--wait", type=click.FloatRange(0.0, 500.0, min_open=True), default=15.0, help="Seconds to wait for the answer."
)
@click.option("--retries", type=click.IntRange(min=0), default=0, help="Number of times to send a Ping again.")
@click.option(
    "--linger",
    type=click.FloatRange(0.0, 60.0),
    default=0.2,
    help="Seconds to keep recording after the answer, for Signals and background tasks.",
)
@common
def trace(
    point: str,
    method: str,
    body: str | None,
    machine: str | None,
    sent_as: str,
    wait: float,
    retries: int,
    linger: float,
) -> None:
    """Send one wave to POINT and print its hops with times.

    METHOD may be followed by a path (Http<Get>/users). BODY is written as in `hyperverse exec`. With --as ripple, POINT
    is a selector. The waves that handlers send are printed below the wave that they handle, as a tree. Bodies are not
    printed. Requires the privilege machine:trace.
    """
    name, _, path = method.partition(">")
    request = {
        "to": point,
        "method": f"{name}>" if ">" in method else method,
        "path": path or "/",
        "body": _body(body),
        "sent_as": sent_as,
        "wait": wait,
        "retries": retries,
        "linger": linger,
    }
    seconds = wait + linger + _MARGIN
    found: dict[str, Any] = talk_to(machine, lambda client: client.ask(_MACHINE, "Ext<Trace>", request, wait=seconds))
    if options().json:
        print_json(found)
        return
    _print(found)


def _body(text: str | None) -> Any:
    """Returns the value of BODY. Raises ParseError, and UsageError for a file."""
    if text is None or not text.strip():
        return None
    from ...errors import ParseError
    from ...universe.commands.body import Upload, scan_body

    start = len(text) - len(text.lstrip())
    body, end = scan_body(text, start)
    if isinstance(body, Upload):
        raise click.UsageError("a traced wave cannot carry a file")
    if text[end:].strip():
        raise ParseError("there is more text after the body", text=text, offset=end, expected=("the end",))
    return body


# -- printing ---------------------------------------------------------------------------------------------


def _print(found: Mapping[str, Any]) -> None:
    waves = found["waves"]
    origin = waves[0]["events"][0]["machine"] if waves else ""
    width = max((len(event["machine"]) for wave in waves for event in wave["events"]), default=0)
    print(f"trace {found['trace']}")
    for number, wave in enumerate(waves):
        print(f"{_branch(waves, number)}{wave['kind']} {_request(wave)}")
        bars = _bars(waves, number)
        for event in wave["events"]:
            mark = " " if event["machine"] == origin else "*"
            seconds = f"{event['at']:10.6f}{mark}"
            print(f"{bars}{seconds} {event['machine']:{width}}  {event['event']:9}  {_said(wave, event)}".rstrip())
    _print_remarks(found, any(event["machine"] != origin for wave in waves for event in wave["events"]))


def _request(wave: Mapping[str, Any]) -> str:
    path = "" if wave["path"] == "/" else wave["path"]
    return shown(f"{wave['to']} {wave['method']}{path}".strip())


def _branch(waves: Sequence[Mapping[str, Any]], number: int) -> str:
    """The text before the line of a wave."""
    depth = waves[number]["depth"]
    if not depth:
        return ""
    lines = "".join("│ " if _goes_on(waves, number, level) else "  " for level in range(1, depth))
    return f"{lines}{'├─' if _goes_on(waves, number, depth) else '└─'}"


def _bars(waves: Sequence[Mapping[str, Any]], number: int) -> str:
    """The text before the events of a wave."""
    depth = waves[number]["depth"]
    return "".join("│ " if _goes_on(waves, number, level) else "  " for level in range(1, depth + 1))


def _goes_on(waves: Sequence[Mapping[str, Any]], number: int, level: int) -> bool:
    """Whether a later wave hangs on the same line at ``level``."""
    for wave in waves[number + 1 :]:
        if wave["depth"] <= level:
            return bool(wave["depth"] == level)
    return False


def _said(wave: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    return shown(", ".join(part for part in _parts(wave, event) if part))


def _parts(wave: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[str]:
    name = event["event"]
    if name == "begun":
        yield f"by {wave['sender']}"
        return
    if name == "sent":
        yield f"to {event['star']}"
        return
    if event["status"] is not None:
        yield f"{event['status']} {event['outcome']}"
    elif name == "delivered":
        yield "ok"
    if event["to"] and event["to"] != wave["to"]:  # one recipient of a Ripple
        yield str(event["to"])
    if name == "delivered":
        yield f"handler ran {event['seconds']:.6f} s"
    if name == "retried":
        yield f"attempt {event['attempt']}"
    yield str(event["why"])


def _print_remarks(found: Mapping[str, Any], elsewhere: bool) -> None:
    if elsewhere and not options().quiet:
        note(_ELSEWHERE)
    if found["left_out"]:
        note(f"{found['left_out']} events are left out")
    for machine in found["silent"]:
        note(f"machine {machine['machine']} is missing: {machine['why']}")
