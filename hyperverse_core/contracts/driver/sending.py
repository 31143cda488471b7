"""What handlers get: a way to send waves, and the particle's own actions."""

from __future__ import annotations

import abc
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar, Unpack

from ...universe.address.point import Point
from ...universe.commands.command import Command
from ...universe.kind_defs.properties import PropertyScalar
from ...universe.waves.origin import WaveOptions
from ...universe.waves.wave import Body, Directed, Echo, Method, Pong, Recipients
from ..registry import ParticleRecord, Strategy
from .property import Property
from .typed import At

__all__ = ["Ctx", "Sender"]

T = TypeVar("T")


class Sender(abc.ABC):
    """An object that can send waves: the common part of a :class:`Ctx`, of a :class:`DriverHost` and of a client."""

    __slots__ = ()

    @abc.abstractmethod
    async def ping(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        """Sends a Ping, and returns its Pong. A failure is a Pong as well: check ``ok``, or call ``unwrap()``::

            total = (await ctx.ping("localhost:hits", "Ext<Add>", {"by": 3})).unwrap()

        Args:
            to: the recipient.
            method: a Method or its text, ``Ext<Add>``.
            body: what the handler gets: None, bool, int, float, str, bytes, and lists and maps of these.
            **options: how it is sent, see :class:`WaveOptions`: ``path``, ``headers``, ``wait`` (seconds), ``retries``,
                ``priority``, ``topic``. A handler never waits beyond the deadline of its own wave.

        Raises:
            ParseError: ``to`` or ``method`` is malformed.
            BadRequest: the body cannot be sent, an option has an invalid value, or there is no such option. In the last
                case it is a TypeError too.
        """

    @abc.abstractmethod
    async def signal(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        """Sends a Signal: a message without an answer.

        The arguments are those of :meth:`ping`. The options ``wait`` and ``retries`` do not exist, because nobody waits
        for the handler.

        Returns:
            a Pong with the status 202 when the Signal was accepted (authorised and queued at the recipient's star, or
            handed to a lane towards it), otherwise with the status of the refusal.
        """

    @abc.abstractmethod
    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        count: int | None = None,
        **options: Unpack[WaveOptions],
    ) -> list[Echo]:
        """Sends a Ripple: a request to many recipients. Returns their echoes, in order of arrival.

        The arguments are those of :meth:`ping`; the option ``retries`` does not exist.

        Args:
            to: a selector or its text, points, ``Stars()`` or ``Watchers(...)``.
            count: number of echoes that are enough; None for one from each recipient.
            **options: for each recipient that does not answer within ``wait`` seconds, the result has an echo with the
                status 408.

        Raises:
            BadRequest: ``to`` or ``count`` is invalid.
            TooLarge: ``to`` names more points than a Ripple may have recipients.
            Forbidden: the sender may not use the method.
        """

    def at(
        self, to: Recipients | Point | str | Sequence[Point], cls: Callable[..., T], **options: Unpack[WaveOptions]
    ) -> At[T]:
        """Returns a particle of a known class, for calls that type checkers can check::

            hits = client.at("localhost:hits", Counter)
            total = await hits.ask(Counter.add, by=3)

        Args:
            to: the particle; for :meth:`At.ask_all` also whatever :meth:`ripple` takes.
            cls: the class with the handlers: that of the driver, or one with the same handlers, such as
                ``hyperverse stubs`` writes. No wave is sent to check that the particle is of that class.
            **options: how its waves are sent, see :class:`WaveOptions`.

        Raises:
            BadRequest: ``cls`` is not a class.
        """
        return At(self, to, cls, options)


class Ctx(Sender):
    """What a handler may use. There is one for each wave. Do not keep it after the handler has ended."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def point(self) -> Point:
        """The particle's own point."""

    @property
    @abc.abstractmethod
    def agent(self) -> Point:
        """The agent in whose name the current wave was sent."""

    @property
    @abc.abstractmethod
    def wave(self) -> Directed:
        """The current wave. Do not modify it."""

    @property
    @abc.abstractmethod
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that adds the particle's point and the wave's id to each line."""

    @property
    @abc.abstractmethod
    def remaining(self) -> float:
        """Seconds until the deadline of the wave. The handler is then cancelled at its next ``await``."""

    @property
    @abc.abstractmethod
    def on_behalf(self) -> Ctx:
        """A Ctx whose waves have the agent of the caller, bounded by the scope of the current wave. It is valid until
        the handler ends: later calls raise Forbidden."""

    @abc.abstractmethod
    async def save(self) -> None:
        """Saves the particle's state. When this returns, the state survives a crash of the machine.

        When it raises, nothing was written. The handler may call it again. If the handler ends without having saved,
        the particle restarts from its saved state before its next wave, as after a handler that raised; see
        ``docs/explanation/delivery.md#all-or-nothing``.

        Raises:
            NotHostedHere: the particle now lives on another star; the handler should end.
            Unavailable: the registry cannot be reached or is full, or another handler of a concurrent particle failed
                meanwhile.
            Conflict: a handler that was called by this one's chain failed after a change.
            HandlerFailed: a field, which the message names, holds a value that could not be restored unchanged.
        """

    @abc.abstractmethod
    async def create(
        self,
        point: Point | str,
        kind: str,
        properties: Mapping[str, PropertyScalar] | None = None,
        *,
        strategy: Strategy = Strategy.COMMIT,
    ) -> ParticleRecord:
        """Registers a particle. Its owner is this particle, or with :attr:`on_behalf` the caller::

            record = await ctx.create(f"{ctx.point}:order-%", "Order")

        Args:
            point: its address. A ``%`` in the last segment stands for the next number of the parent's sequence.
            kind: its Kind, as text.
            properties: its properties by name: texts, numbers and bools.
            strategy: what to do when the point is registered already.

        Raises:
            Forbidden: the particle may not create anything there.
            Conflict: the point is registered, and the strategy does not allow that.
            NotFound: the parent is not registered.
            UnknownKind: no plugin serves the Kind.
            BadRequest: the Kind cannot be created there, or the properties do not fit it.
        """

    @abc.abstractmethod
    async def execute(self, command: Command | str) -> Pong:
        """Runs a ``command`` of the command language, such as ``select localhost+:**``, with this particle as
        agent, or with :attr:`on_behalf` the caller.

        Raises:
            ParseError: the text is malformed.
        """

    @abc.abstractmethod
    async def properties(self) -> Mapping[str, Property]:
        """Returns the particle's own properties, each with its value in the type that the pattern of the property
        implies::

        cents = (await ctx.properties())["price"].value      # an int, if the pattern is U64 or Range(0)

        Raises:
            Unavailable: the key of a secret is not on this machine.
        """

    @abc.abstractmethod
    async def matches(self, key: str, guess: str) -> bool:
        """Returns whether the particle's own property ``key`` has the value ``guess``; False if there is no such
        property. For passwords::

            if not await ctx.matches("password", given):
                raise Forbidden("wrong name or password")

        A wrong guess takes as long as the right one: some hundredths of a second for a hashed property.

        Args:
            key: the name of the property.
            guess: a text.

        Raises:
            Unavailable: the key of a secret is not on this machine.
        """

    @abc.abstractmethod
    def spawn(self, work: Coroutine[Any, Any, None], *, name: str = "") -> None:
        """Starts background work that outlives the wave. It is cancelled when the particle leaves memory. Exceptions
        are logged.

        Args:
            work: a coroutine.
            name: a name for logs.

        Raises:
            TooMany: the particle already runs 64 background tasks.
        """
