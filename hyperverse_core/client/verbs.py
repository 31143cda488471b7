"""The verbs of a client: everyday operations on particles, as methods with checked arguments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from ..contracts.driver.origin_sender import OriginSender
from ..contracts.registry import Strategy
from ..errors import BadRequest
from ..universe.address.point import GLOBAL_EXECUTOR, Point
from ..universe.address.point_template import PointTemplate
from ..universe.address.star_key import StarKey
from ..universe.address.template import PointVar
from ..universe.commands.command import Create, Delete, Get, Select, Set
from ..universe.kind_defs.kind_template import KindTemplate
from ..universe.kind_defs.property_rules import PropertyScalar
from ..universe.kinds.kind import Kind
from ..universe.selectors.selector import Selector
from ..universe.waves.wave import Body, Method
from .arguments import as_changes, as_flag, as_keys, as_point, as_selector, as_strategy, as_text, type_named
from .results import results_of
from .selection import Selection
from .tables import FactTable, Rows
from .wrong_calls import tells_wrong_calls

__all__ = ["GLOBAL_MACHINE", "RAW_COMMAND", "Verbs"]

GLOBAL_MACHINE = Point.parse("GLOBAL::machine")
RAW_COMMAND = Method.parse("Cmd<RawCommand>")
_UPDATE = Method.parse("Cmd<Update>")


@tells_wrong_calls
class Verbs(OriginSender):
    """Creates, reads, changes, moves and deletes particles, and queries the machine. Every method raises an error of
    ``hyperverse_core.errors`` when it fails, and BadRequest for an invalid argument."""

    # -- particles ----------------------------------------------------------------------------------------

    async def create(
        self,
        point: Point | str,
        kind: Kind | str,
        properties: Mapping[str, PropertyScalar] | None = None,
        *,
        strategy: Strategy | str = Strategy.COMMIT,
        wait: float | None = None,
    ) -> Point:
        """Registers a particle, and returns its point::

            await client.create("localhost", "Space", strategy="create?")
            first = await client.create("localhost:bed-%", "Base")     # localhost:bed-1

        Args:
            point: its address. A ``%`` in the last segment stands for the next number of the parent's sequence.
            kind: its Kind.
            properties: its properties by name: strings, numbers and bools.
            strategy: what to do when the point is already registered: ``create`` raises Conflict, ``create?`` leaves a
                particle of the same Kind unchanged, ``create!`` replaces it.
            wait: seconds to wait for the answer; 15 when None.

        Raises:
            Conflict: the point is already registered, and the strategy does not allow that.
            NotFound: the parent is not registered, or no plugin serves the Kind.
            BadRequest: the Kind cannot be created there, or the properties do not fit it.
            Forbidden: the agent may not create anything there.
        """
        if not isinstance(point, Point | str):
            as_point("point", point)
        if not isinstance(kind, Kind | str):
            raise BadRequest(f"kind is {type_named(kind)}, not a Kind", hint="give its name, such as 'Counter'")
        where, template = PointTemplate.parse(str(point)), KindTemplate.parse(str(kind))
        changes = as_changes(properties, removable=False)
        made = await self._command(str(Create(where, template, changes, as_strategy(strategy))), wait)
        return Point.parse(made["point"])

    async def delete(self, selector: Selector | Point | str, *, wait: float | None = None) -> Rows:
        """Deletes every matching particle, and everything below it. Returns what it deleted, as maps with ``point``,
        ``kind`` and ``status``.

        Args:
            selector: the particles: a point, or a selector such as ``localhost:beds:*``.
            wait: seconds to wait for the answer; 15 when None.

        Raises:
            NotFound: nothing matches.
            Forbidden: the agent may not delete one of them; then none is deleted.
        """
        answer = await self._command(str(Delete(as_selector("selector", selector))), wait)
        return Rows(answer["deleted"])

    async def get(self, point: Point | str, keys: Iterable[str] | None = None, *, wait: float | None = None) -> Any:
        """Returns the saved state of a particle, None when it has none; with ``keys``, its properties::

            state = await client.get("localhost:hits")
            title = (await client.get("localhost:app", ["title"]))["title"]
            everything = await client.get("localhost:app", [])

        Args:
            point: the particle.
            keys: names of the properties to read; an empty list for all. None reads the state. A value is an ``int``,
                ``float`` or ``bool`` if the Kind declares it so, otherwise a string.
            wait: seconds to wait for the answer; 15 when None.

        Raises:
            NotFound: there is no such particle.
            Forbidden: the agent may not read it.
        """
        names = None if keys is None else as_keys(keys)
        found = await self._command(str(Get(as_point("point", point), names)), wait)
        return FactTable(found) if isinstance(found, dict) else found

    async def set(
        self,
        target: Selector | Point | str,
        properties: Mapping[str, PropertyScalar | None],
        *,
        lock: bool = False,
        wait: float | None = None,
    ) -> Rows:
        """Changes properties of a particle, or of every particle that a selector matches; all change or none does.
        Returns a map with the ``point`` of each changed particle::

            await client.set("localhost:app", {"title": "Mine", "subtitle": None})

        Args:
            target: the particle, or a selector.
            properties: new values by name; None removes the property.
            lock: whether to lock the properties, so that they can never be changed again.
            wait: seconds to wait for the answer; 15 when None.

        Raises:
            NotFound: nothing matches.
            BadRequest: the Kind has no such property, or the value violates its rule.
            Conflict: a property is locked.
            Forbidden: the agent may not write one of them.
        """
        selector = as_selector("target", target)
        changes = as_changes(properties, lock=as_flag("lock", lock))
        if not changes:
            raise BadRequest("properties are empty: nothing would change", hint="properties={'title': 'Mine'}")
        answer = await self._command(str(Set[PointVar](selector, changes)), wait)
        return Rows(answer.get("changed", [answer]))

    def select(self, selector: Selector | Point | str, *, wait: float | None = None) -> Selection:
        """Returns the matching particles, ordered by point: loop over them with ``async for``, or ``await`` them all.

        Args:
            selector: a selector such as ``localhost:*`` or ``localhost+:**<App>``.
            wait: seconds to wait for each page of a thousand; 15 when None.

        Raises:
            ParseError: ``selector`` is malformed.
            Forbidden: the agent may not select any of them.
        """
        text = str(Select(as_selector("selector", selector)))
        return Selection(lambda: self._pages(text, wait))

    async def _pages(self, text: str, wait: float | None) -> AsyncIterator[dict[str, Any]]:
        after: str | None = ""
        while after is not None:
            pong = await self.ping(GLOBAL_EXECUTOR, RAW_COMMAND, {"text": text, "after": after}, wait=wait)
            page = results_of(text, pong)[0].unwrap()
            for item in page["items"]:
                yield item
            after = page.get("after")

    async def move(self, point: Point | str, star: StarKey | str, *, wait: float | None = None) -> None:
        """Saves the state of a particle and moves it to another star. Waves that arrive meanwhile still reach it.

        Args:
            point: the particle.
            star: star to host it from now on, such as ``STAR::central:fold[0]``; see :meth:`stars`.
            wait: seconds to wait for the answer; 15 when None.

        Raises:
            NotFound: there is no such particle or star.
            BadRequest: that star cannot host it.
            Unavailable: it was busy, or could not be moved; it stays where it is, or its next wave places it.
            Forbidden: the agent is not the hyperuser.
        """
        body = {"point": as_point("point", point).text, "star": _star(star)}
        (await self.ping(GLOBAL_MACHINE, "Ext<Move>", body, wait=wait)).unwrap()

    async def upgrade(
        self,
        point: Point | str,
        version: str = "",
        *,
        back: bool = False,
        force: bool = False,
        wait: float | None = None,
    ) -> FactTable:
        """Replaces a Mechtron's version by another one and keeps its state. Returns ``config``, the point of its new
        document, ``before``, that of its previous document, and ``broken``, the incompatibilities that were forced::

            await client.upgrade("localhost:hello", "1.1.0")
            await client.upgrade("localhost:hello", back=True)

        Args:
            point: the Mechtron.
            version: a version of the same series, or the point of a bundle or of a document. Empty to keep the version.
            back: whether to return to the version before the last upgrade.
            force: whether to upgrade even though the other version breaks something that this one offers.
            wait: seconds to wait for the answer; 15 when None.

        Raises:
            Conflict: the other version breaks something that this one offers, its state cannot be migrated, or there is
                no version to return to.
            BadRequest: the other version cannot run, or the particle is not a Mechtron.
            NotFound: there is no such particle or version.
            Forbidden: the agent may not write the particle, or may not read the version.
        """
        body = {"version": as_text("version", version, "1.1.0"), "back": as_flag("back", back)}
        to = as_point("point", point)
        return FactTable((await self.ping(to, _UPDATE, {**body, "force": as_flag("force", force)}, wait=wait)).unwrap())

    async def describe(self, point: Point | str, *, wait: float | None = None) -> FactTable:
        """Returns what is known about a particle: ``kind``, ``owner``, ``star``, ``machine``, ``life``, its last
        ``failure``, and, when it cannot run, the ``chain`` of causes.

        Args:
            point: the particle.
            wait: seconds to wait for the answer; 15 when None.

        Raises:
            NotFound: there is no such particle.
            Forbidden: the agent may not read it.
        """
        body = {"point": as_point("point", point).text}
        return FactTable((await self.ping(GLOBAL_MACHINE, "Ext<Describe>", body, wait=wait)).unwrap())

    async def _command(self, text: str, wait: float | None) -> Any:
        """Runs one command and returns the body of its answer."""
        pong = await self.ping(GLOBAL_EXECUTOR, RAW_COMMAND, {"text": text}, wait=wait)
        return results_of(text, pong)[0].unwrap()

    # -- the machine --------------------------------------------------------------------------------------

    async def status(self) -> FactTable:
        """Returns the state of the machine, its stars, drivers and plugins, and why any of them is not ready."""
        return FactTable(await self._machine("Ext<Status>"))

    async def stars(self) -> Rows:
        """Returns every star of the Hyperverse."""
        return Rows(await self._machine("Ext<Stars>"))

    async def kinds(self) -> Rows:
        """Returns every Kind that the machine knows, and which plugin serves it."""
        return Rows(await self._machine("Ext<Kinds>"))

    async def rebalance(self, *, apply: bool = False) -> FactTable:
        """Returns the moves that would give every star its share: ``moves``, ``moved``, and ``why``, the reason why the
        last of the particles that did not move stayed.

        Args:
            apply: whether to carry out the moves.

        Raises:
            Forbidden: the agent is not the hyperuser.
        """
        return FactTable(await self._machine("Ext<Rebalance>", {"apply": as_flag("apply", apply)}))

    async def stop(self) -> None:
        """Stops the machine gracefully. Raises Forbidden for an agent without the privilege ``machine:stop``."""
        await self._machine("Ext<Stop>")

    async def _machine(self, method: str, body: Body = None) -> Any:
        return (await self.ping(GLOBAL_MACHINE, method, body)).unwrap()


def _star(star: object) -> str:
    if isinstance(star, StarKey):
        return str(star)
    return str(StarKey.parse(as_text("star", star, "STAR::central:fold[0]")))
