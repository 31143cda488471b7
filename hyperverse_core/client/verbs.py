"""The verbs of a client: what people do with particles every day, as methods with checked arguments."""

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
    """Creates, reads, changes, moves and deletes particles, and asks the machine about itself. Every method raises what
    goes wrong: an error of ``hyperverse_core.errors``, BadRequest for an argument that cannot be."""

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
            properties: its properties by name: texts, numbers and bools.
            strategy: what happens when the point is registered already: ``create`` raises Conflict, ``create?``
                leaves a particle of the same Kind as it is, ``create!`` replaces it.
            wait: seconds for the answer; 15 when None.

        Raises:
            Conflict: the point is registered, and the strategy does not allow that.
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
        """Deletes every particle that matches, and everything below it. Returns what it has deleted, as maps with
        ``point``, ``kind`` and ``status``.

        Args:
            selector: the particles: a point, or a selector such as ``localhost:beds:*``.
            wait: seconds for the answer; 15 when None.

        Raises:
            NotFound: nothing matches.
            Forbidden: the agent may not delete one of them; then all stay.
        """
        answer = await self._command(str(Delete(as_selector("selector", selector))), wait)
        return Rows(answer["deleted"])

    async def get(self, point: Point | str, keys: Iterable[str] | None = None, *, wait: float | None = None) -> Any:
        """Returns the saved state of a particle, None when it has none; with ``keys`` its properties::

            state = await client.get("localhost:hits")
            title = (await client.get("localhost:app", ["title"]))["title"]
            everything = await client.get("localhost:app", [])

        Args:
            point: the particle.
            keys: the names of properties to read; an empty list for all. None reads the state. A value is an ``int``,
                ``float`` or ``bool`` if the Kind says so, else a text.
            wait: seconds for the answer; 15 when None.

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
        """Changes properties of one particle, or of all that match, or of none. Returns a map for each that it has
        changed, with its ``point``::

            await client.set("localhost:app", {"title": "Mine", "subtitle": None})

        Args:
            target: the particle, or a selector.
            properties: new values by name; None removes the property.
            lock: whether the properties can never be changed again.
            wait: seconds for the answer; 15 when None.

        Raises:
            NotFound: nothing matches.
            BadRequest: the Kind has no such property, or the value breaks its rule.
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
        """The particles that match, ordered by point: loop over them with ``async for``, or ``await`` all of them.

        Args:
            selector: such as ``localhost:*`` or ``localhost+:**<App>``.
            wait: seconds for each page of a thousand; 15 when None.

        Raises:
            ParseError: ``selector`` is malformed.
            Forbidden: the agent may select none of them.
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
        """Moves a particle to another star, with its state saved. Waves that come meanwhile find it again.

        Args:
            point: the particle.
            star: the star that hosts it from now on, such as ``STAR::central:fold[0]``; see :meth:`stars`.
            wait: seconds for the answer; 15 when None.

        Raises:
            NotFound: there is no such particle or star.
            BadRequest: that star cannot host it.
            Unavailable: it was busy, or could not be moved; it stays where it is, or its next wave places it.
            Forbidden: for every agent but the hyperuser.
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
        """Makes a Mechtron another version of itself, with its state. Returns ``config``, the point of its document
        from now on, ``before``, that of the version before, and ``broken``, what was broken by force::

            await client.upgrade("localhost:hello", "1.1.0")
            await client.upgrade("localhost:hello", back=True)

        Args:
            point: the Mechtron.
            version: a version of the same series, or the point of a bundle or of a document. Empty to change nothing.
            back: whether it goes back to the version before the last upgrade.
            force: whether that is done although the other version breaks what this one offers.
            wait: seconds for the answer; 15 when None.

        Raises:
            Conflict: the other version breaks what this one offers, its state cannot be carried over, or there is none
                to go back to.
            BadRequest: the other version cannot run, or the particle is no Mechtron.
            NotFound: there is no such particle or version.
            Forbidden: the agent may not write the particle, or not read the version.
        """
        body = {"version": as_text("version", version, "1.1.0"), "back": as_flag("back", back)}
        to = as_point("point", point)
        return FactTable((await self.ping(to, _UPDATE, {**body, "force": as_flag("force", force)}, wait=wait)).unwrap())

    async def describe(self, point: Point | str, *, wait: float | None = None) -> FactTable:
        """Returns what is known about a particle: ``kind``, ``owner``, ``star``, ``machine``, ``life``, its last
        ``failure``, and when it cannot run the ``chain`` of causes.

        Args:
            point: the particle.
            wait: seconds for the answer; 15 when None.

        Raises:
            NotFound: there is no such particle.
            Forbidden: the agent may not read it.
        """
        body = {"point": as_point("point", point).text}
        return FactTable((await self.ping(GLOBAL_MACHINE, "Ext<Describe>", body, wait=wait)).unwrap())

    async def _command(self, text: str, wait: float | None) -> Any:
        """Runs one command, and returns the body of its answer."""
        pong = await self.ping(GLOBAL_EXECUTOR, RAW_COMMAND, {"text": text}, wait=wait)
        return results_of(text, pong)[0].unwrap()

    # -- the machine --------------------------------------------------------------------------------------

    async def status(self) -> FactTable:
        """Returns the state of the machine, its stars, drivers and plugins, and why a part is not ready."""
        return FactTable(await self._machine("Ext<Status>"))

    async def stars(self) -> Rows:
        """Returns every star of the Hyperverse."""
        return Rows(await self._machine("Ext<Stars>"))

    async def kinds(self) -> Rows:
        """Returns every Kind that the machine knows, and which plugin serves it."""
        return Rows(await self._machine("Ext<Kinds>"))

    async def rebalance(self, *, apply: bool = False) -> FactTable:
        """Returns the moves that would give every star its share: ``moves``, ``moved`` and ``why``, the reason for
        which the last of those that stayed has stayed.

        Args:
            apply: whether the moves are carried out.

        Raises:
            Forbidden: for every agent but the hyperuser.
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
