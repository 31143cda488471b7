"""Needs attention: particles and drivers that do not run, with their causes, and repeated refusals and failures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import attrs

from hyperverse_core.errors import HyperverseError

from .looks import Look
from .questions import Questions

__all__ = ["Card", "Case", "cards", "stuck_particles", "uneven"]

_EACH: Final = 5
"""Greatest number of cards of one sort; the others are counted."""
_UNEVEN: Final = 5
"""The number of moves from which the load counts as uneven."""


_STATES: Final = {
    "Panic": "does not start",
    "Fatal": "cannot be made",
    "Init": "has not started yet",
    "Done": "has stopped",
}
"""Descriptions of drivers that do not run, by status."""


@attrs.frozen
class Case:
    """The refusals of one particle to an agent.

    Attributes:
        agent: the agent that was refused.
        point: point of the particle.
        method: one of the methods that were refused.
        said: what was refused and why.
        hint: the remedy.
        grantable: whether the reader of the page may grant it.
    """

    agent: str
    point: str
    method: str
    said: str
    hint: str
    grantable: bool = False

    @property
    def question(self) -> str:
        """The address of the page that explains it."""
        return "access?" + urlencode({"agent": self.agent, "point": self.point, "method": self.method})


@attrs.frozen
class Card:
    """A card for one thing that needs attention.

    Attributes:
        tone: ``bad``, ``warn`` or ``info``.
        title: a short description.
        chain: the causes; each line is the reason for the one before.
        points: the particles concerned.
        cases: one entry for each of several particles: its point and a text.
        links: addresses of further pages, each with a text.
        driver: Kind whose driver waits for its next attempt; empty for none.
        ago: seconds since it last happened; None for a condition that holds now.
        old: seconds since the condition was last checked; None for one that is checked with each page.
    """

    tone: str
    title: str
    chain: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    driver: str = ""
    ago: float | None = None
    old: float | None = None


def cards(
    status: Mapping[str, Any], look: Look | None, stuck: Sequence[Mapping[str, Any]], old: float = 0.0
) -> list[Card]:
    """Returns everything that needs attention, the worst first.

    Args:
        status: status of the machine of the portal.
        look: the figures of all machines; None if the agent may not see them.
        stuck: descriptions of particles that cannot run.
        old: age of those descriptions in seconds.
    """
    machines = {status["machine"]: status} if look is None else look.machines
    silent = {} if look is None else look.silent
    made = [Card("bad", f"Machine {name} does not answer", (why,)) for name, why in sorted(silent.items())]
    drivers = {row[0]: row[1] for row in _drivers(machines, stuck)}
    made += _some(drivers.values(), "drivers", ("kinds", "All Kinds"))
    made += [_stuck(found, old) for found in stuck if _base(found) not in drivers]
    made += _some(_lanes(machines), "lanes", ("machines", "All lanes"))
    made += _some(_troubles(machines), "troubles")
    if look is not None:
        made += _some(_refusals(look), "refusals")
        made += _some(_faults(look), "faults", ("waves?failed=1", "All failures"))
    return made


def _some(found: Iterable[Card], what: str, *links: tuple[str, str]) -> list[Card]:
    every = list(found)
    rest = len(every) - _EACH
    return every if rest <= 1 else [*every[:_EACH], Card("info", f"{rest} more {what}", links=links)]


def _base(found: Mapping[str, Any]) -> str:
    return str(found["kind"]).partition("<")[0]


def _drivers(
    machines: Mapping[str, Mapping[str, Any]], stuck: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Card]]:
    """Returns a card for each Kind whose driver does not run, with the particles that cannot run for that reason."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    tried: dict[str, float] = {}
    for name, machine in machines.items():
        for row in machine["drivers"]:
            if row["state"] != "Ready":
                rows.setdefault((row["kind"], row["plugin"], row["state"], row["cause"]), []).append(name)
                if row.get("again") is not None:
                    tried[row["kind"]] = min(row["again"], tried.get(row["kind"], row["again"]))
    for (kind, plugin, state, cause), names in rows.items():
        where = f"machine{'s' if len(names) > 1 else ''} {', '.join(sorted(names))}"
        chain = (
            f"{where} cannot run particles of Kind {kind}",
            f"its driver (plugin {plugin}) {_STATES.get(state, state)}",
        )
        again = tried.get(kind)
        next_try = () if again is None else (f"it is tried again in {max(0.0, again - time.time()):.0f} s",)
        why = ((cause,) if cause else ()) + next_try
        points = tuple(found["point"] for found in stuck if _base(found) == kind)
        title = f"{kind} has no running driver"
        links = (f"kinds?kind={quote(kind)}", f"Kind {kind}"), (f"log?word={quote(plugin)}", "Log of the plugin")
        yield kind, Card("bad", title, (*chain, *why), points, links=links, driver="" if again is None else kind)


def _stuck(found: Mapping[str, Any], old: float) -> Card:
    words = {"unreachable": "cannot be reached", "failed": "could not start"}
    said = words.get(found["life"], "cannot run")
    return Card("bad", f"{found['kind']} {said}", tuple(found["chain"]), (found["point"],), old=old)


def _lanes(machines: Mapping[str, Mapping[str, Any]]) -> Iterator[Card]:
    for name, machine in machines.items():
        for row in machine["lanes"]:
            if row["state"] != "up":
                yield Card(
                    "warn", f"Lane from {name} to {row['machine']} is down", (row["cause"] or "no cause is known",)
                )


def _troubles(machines: Mapping[str, Mapping[str, Any]]) -> Iterator[Card]:
    for name, machine in machines.items():
        for row in machine["troubles"]:
            yield Card("warn", f"Trouble with {row['what']}", (f"on machine {name}", row["cause"]))


def _refusals(look: Look) -> Iterator[Card]:
    """Returns a card for each agent, with a case for each particle."""
    agents: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for (agent, point), rows in _grouped(look, "denied", ("agent", "point")).items():
        agents.setdefault(agent, {})[point] = rows
    for agent, points in agents.items():
        rows = [row for each in points.values() for row in each]
        count = sum(row["count"] for row in rows)
        cases = [_case(agent, point, each) for point, each in points.items()]
        rest = len(cases) - _EACH
        chain = (f"and at {rest} more particles",) if rest > 0 else ()
        title = f"{agent} was refused {'once' if count == 1 else f'{count} times'}"
        yield Card("warn", title, chain, cases=tuple(cases[:_EACH]), ago=_last(rows))


def _case(agent: str, point: str, rows: Sequence[Mapping[str, Any]]) -> Case:
    methods = sorted({str(row["method"]) for row in rows})
    method = next((each for each in methods if "<" in each), "")
    why, _, hint = str(rows[0]["why"]).partition(" hint: ")
    return Case(agent, point, method, f"{', '.join(methods)}: {why.strip()}", hint.strip())


def _faults(look: Look) -> Iterator[Card]:
    for (kind, what), rows in _grouped(look, "faults", ("kind", "what")).items():
        count = sum(row["count"] for row in rows)
        if count < 3:
            continue
        methods = ", ".join(sorted({row["method"] for row in rows}))
        title = f"{kind or 'Waves'}: {count} failures are one fault"
        points = tuple(sorted({row["point"] for row in rows}))[:_EACH]
        about = urlencode({"point": points[0]})
        links = (f"waves?failed=1&{about}", "Its waves"), (f"log?level=error&{about}", "Traceback")
        yield Card("warn", title, (f"{methods}: {what}",), points, links=links, ago=_last(rows))


def _last(rows: Iterable[Mapping[str, Any]]) -> float:
    return min(float(row["ago"]) for row in rows)


def uneven(moves: Sequence[Mapping[str, Any]], old: float = 0.0) -> Iterator[Card]:
    """Returns a card when several particles would have to move to give every star its share.

    Args:
        moves: the plan.
        old: age of the plan in seconds.
    """
    if len(moves) >= _UNEVEN:
        links = (("balance", "Show the plan"),)
        yield Card("info", f"{len(moves)} moves would even out the load", (moves[0]["why"],), links=links, old=old)


def _grouped(look: Look, table: str, keys: tuple[str, str]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Returns the rows of one table of all machines, grouped by two columns; the most frequent first."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for machine in look.machines.values():
        for row in machine[table]:
            found.setdefault((row[keys[0]], row[keys[1]]), []).append(row)
    return dict(sorted(found.items(), key=lambda entry: -sum(row["count"] for row in entry[1])))


async def stuck_particles(asking: Questions, kinds: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Describes some particles that cannot run: those whose Kind has no driver here, and those that failed.

    Args:
        asking: asks on behalf of the reader.
        kinds: the Kinds that the machine knows; None if the agent may not see them.
    """
    try:
        page = await asking.command("select **")
    except HyperverseError:
        return []  # the agent sees no particle
    served = None if kinds is None else {row["kind"] for row in kinds if row["driver"]}
    doubtful = [row for row in page["items"] if row["status"] in ("Panic", "Fatal") or _unserved(row["kind"], served)]
    asked = (asking.machine("Ext<Describe>", {"point": row["point"]}) for row in doubtful[:_EACH])
    found = await asyncio.gather(*asked, return_exceptions=True)
    return [each for each in found if isinstance(each, dict) and each["life"] not in ("active", "idle")]


def _unserved(kind: str, served: set[str] | None) -> bool:
    return served is not None and kind.partition("<")[0] not in served
