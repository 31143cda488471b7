"""``hyperverse audit``: reads the audit logs of a data directory, and checks them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ..terminal.failures import FAILED, Stop
from ..terminal.options import common, options
from ..terminal.output import note, print_json
from ..terminal.shown import shown

if TYPE_CHECKING:
    from ...data_dir.audit.files import AuditPlace

__all__ = ["audit"]

_PAUSE = 0.2
_LASTING = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MACHINE = click.option("--machine", help="Name of the machine; all machines by default.")
_TOLD = ("agent", "action", "target", "outcome", "why")


@click.group()
def audit() -> None:
    """Read the audit log, and check that nothing in it was changed or removed.

    The log records refusals, logins and logouts, and every grant, revocation, change of owner, token, key and other
    administrative act. The commands read the files of the data directory, so no machine needs to run.
    """


@audit.command()
@_MACHINE
@click.option("--lines", "-n", type=click.IntRange(min=0), default=20, show_default=True, help="Number of last lines.")
@click.option("--follow", "-f", is_flag=True, help="Print new lines as they are written.")
@common
def tail(machine: str | None, lines: int, follow: bool) -> None:
    """Print the last lines."""
    seen = 0
    rows = list(_rows(machine))
    for row in rows[-lines:] if lines else []:
        _print(row)
    seen = len(rows)
    while follow:
        time.sleep(_PAUSE)
        rows = list(_rows(machine))
        for row in rows[min(seen, len(rows)) :]:
            _print(row)
        seen = len(rows)


@audit.command()
@_MACHINE
@click.option("--agent", help="Only acts and refusals of this agent.")
@click.option("--event", help="Only this event, such as grant, denied or login.")
@click.option("--target", help="Only acts on this point.")
@click.option(
    "--since", help="Only lines since this time (UTC), such as 2026-11-27 or 2026-11-27T10:00, or of the last 12h."
)
@common
def show(machine: str | None, agent: str | None, event: str | None, target: str | None, since: str | None) -> None:
    """Print the matching lines, oldest first.

    \b
    hyperverse audit show --event denied --agent hyperspace:users:scott
    hyperverse audit show --event grant --since 2026-11-27
    """
    wanted = {"agent": agent, "event": event, "target": target}
    begin = "" if since is None else _begin(since)
    shown_any, events = False, set()
    for row in _rows(machine):
        events.add(str(row.get("event")))
        fits = all(value is None or row.get(key) == value for key, value in wanted.items())
        if fits and str(row.get("time", "")) >= begin:
            shown_any = True
            _print(row)
    if not shown_any:
        note(f"no line matches; the events in the log are {', '.join(sorted(events)) or 'none'}")


def _begin(text: str) -> str:
    """The time from which lines are shown, as it is written in the log. Raises BadParameter."""
    found = _LASTING.fullmatch(text)
    try:
        if found is None:
            at = datetime.fromisoformat(text)
        else:
            at = datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is not a time such as 2026-11-27, 2026-11-27T10:00 (in UTC) or 12h"
        ) from None
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


@audit.command()
@_MACHINE
@common
def verify(machine: str | None) -> None:
    """Check the logs: each line is as it was written and in its place, and none is missing.

    The exit code is 1 when lines of a log were changed or removed.
    """
    from ...data_dir.audit.reading import verify as check

    verdicts = {name: check(place) for name, place in _places(machine).items()}
    if options().json:
        print_json(
            {
                name: {"whole": not v.faults, "lines": v.lines, "files": v.files, "faults": list(v.faults)}
                for name, v in verdicts.items()
            }
        )
    for name, verdict in verdicts.items() if not options().json else ():
        for fault in verdict.faults:
            note(f"{name}: {shown(fault)}")
        if not verdict.faults:
            print(f"{name}: {verdict.lines} lines in {verdict.files} files are as they were written")
    if any(verdict.faults for verdict in verdicts.values()):
        raise Stop(FAILED)


def _places(machine: str | None) -> Mapping[str, AuditPlace]:
    """Returns the logs of the machine, or all logs. Raises NotFound if there is none."""
    from ...data_dir.audit.reading import places_in
    from ...errors import NotFound

    data_dir = options().where()
    places = places_in(data_dir, options().load().config.audit.directory)
    if machine is not None and machine not in places:
        known = ", ".join(places) or "none"
        raise NotFound(f"there is no audit log of a machine {machine!r} in {str(data_dir)!r}", hint=f"known: {known}")
    if not places:
        raise NotFound(
            f"there is no audit log in {str(data_dir)!r}",
            hint="a machine writes one at its first login or refusal, unless [audit] switches it off",
        )
    return places if machine is None else {machine: places[machine]}


def _rows(machine: str | None) -> Iterator[dict[str, Any]]:
    """Yields the lines of the logs of the machine, or of all logs, in the order of their time."""
    from ...data_dir.audit.reading import rows_of

    found = [row for place in _places(machine).values() for row in rows_of(place)]
    yield from sorted(found, key=lambda row: str(row.get("time", "")))


def _print(row: Mapping[str, Any]) -> None:
    """Prints a line: JSON as it is in the log, or for people."""
    if options().json:
        print(json.dumps(row), flush=True)
        return
    parts = [str(row.get(key)) for key in _TOLD if row.get(key)]
    details = row.get("details")
    if isinstance(details, Mapping):
        parts += [f"{key}={value}" for key, value in details.items() if value]
    parts += [f"{key}={row[key]}" for key in ("of", "count", "wave", "trace") if row.get(key)]
    print(shown(f"{row.get('time')} {row.get('machine', '')} {row.get('event')}: {' '.join(parts)}"), flush=True)
