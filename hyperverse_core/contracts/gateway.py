"""Gateway: a way into the Hyperverse for agents outside of it, such as the clients of the control gate, or a browser.

A gateway has no rights of its own. For each agent that comes in it opens a session, and everything that the agent does
goes through that session with the agent's rights.
"""

from __future__ import annotations

import abc
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from ..errors import BadRequest
from ..universe.address.point import Point
from ..universe.waves.origin import Origin
from ..universe.waves.wave import Directed, Echo, Ping, Pong, Ripple, Signal
from .driver import Particle, Sender
from .lane import LaneTransport
from .policy import Credentials

if TYPE_CHECKING:
    import asyncio

__all__ = ["Gateway", "GatewayHost", "HandOn", "Receive", "Replays", "Session", "SessionLimits", "Sessions"]

Receive: TypeAlias = Callable[[Directed], Awaitable[Pong | None]]
"""Gets a wave that was sent to a session's own point, and returns the answer; None for a Signal."""

HandOn: TypeAlias = Callable[[list[Echo]], Awaitable[None]]
"""Takes echoes of a Ripple as they come. No further recipients are asked while too many wait for it."""


@attrs.frozen
class SessionLimits:
    """What one session may use.

    Attributes:
        waves: waves that may be under way at once; more are answered 429.
        body: bytes of a wave's body as it is encoded in a frame; a larger one is answered 413.
    """

    waves: int
    body: int


class Session(Sender):
    """An agent that was let in. It sends waves with that agent's rights, from a point of its own, which others can
    send waves to.

    :meth:`ping`, :meth:`signal` and :meth:`ripple` are those of every sender, and keep the limits. A gateway that
    decodes waves itself makes them with ``origin``, checks them with :meth:`check`, and sends them with :meth:`ask`,
    :meth:`notify` and :meth:`spread`, which leave the counting to it.

    Attributes:
        agent: in whose name it acts.
        point: the session's own point.
        star: text of the star that its waves start at.
        origin: makes its waves.
        limits: what it may use.
        over: whether it has ended.
    """

    agent: Point
    point: Point
    star: str
    origin: Origin
    limits: SessionLimits
    over: bool

    @abc.abstractmethod
    def check(self, wave: Directed) -> None:
        """Checks that an agent from outside may send such a wave at all. Raises Forbidden.

        Args:
            wave: the wave, made with ``origin``.
        """

    def take(self, weight: int) -> None:
        """Counts a wave that begins, for all sessions of the agent together. A gateway that decodes waves itself calls
        it before it plans one, and :meth:`give` when that has ended. The default counts nothing.

        Args:
            weight: bytes of memory that it takes, about.

        Raises:
            TooMany: the agent has too much under way.
            Unavailable: the machine has.
        """

    def give(self, weight: int) -> None:
        """A wave that :meth:`take` has counted has ended.

        Args:
            weight: as it was given to :meth:`take`.
        """

    @abc.abstractmethod
    async def ask(self, wave: Ping, *, outlives: bool = False) -> Pong:
        """Sends a Ping, and returns its Pong, at the wave's deadline at the latest.

        Args:
            wave: the wave, which was checked.
            outlives: whether it goes on when the session ends, because its agent may come back for the answer.
        """

    @abc.abstractmethod
    async def authorise_again(self, wave: Ping) -> None:
        """Returns when the agent may still send a Ping that was answered before, so that the answer may be given once
        more. Raises Forbidden, NotFound, Unauthorized and Unavailable.

        Args:
            wave: the wave, which was checked.
        """

    @abc.abstractmethod
    async def notify(self, wave: Signal, wait: float) -> Pong:
        """Sends a Signal, and returns whether it was accepted.

        Args:
            wave: the wave, which was checked.
            wait: seconds after which the answer is 408.
        """

    @abc.abstractmethod
    async def spread(self, wave: Ripple, hand_on: HandOn | None = None) -> list[Echo]:
        """Sends a Ripple, and returns the echoes. Raises HyperverseError when it cannot tell who the recipients are.
        When the session ends meanwhile, there is an echo with the status 503 and the outcome ``unknown`` for each
        recipient that has been asked and has not answered.

        Args:
            wave: the wave, which was checked.
            hand_on: gets the echoes of a Ripple to very many as they come, some hundreds at a time, so that nobody
                has to keep all of them; only the last ones are returned then. None to have all returned.
        """

    @abc.abstractmethod
    def refusal(self, wave: Directed, error: BaseException) -> Pong:
        """Returns the reply to a wave that goes no further. Observers hear of it (``wave_refused``).

        Args:
            wave: the wave.
            error: why.
        """

    @abc.abstractmethod
    def end(self, reason: str) -> None:
        """Ends the session: what is under way is cut, and nothing is sent any more. May be called twice.

        Args:
            reason: why, for the log.
        """


class Sessions(abc.ABC):
    """Opens sessions."""

    @abc.abstractmethod
    async def open(
        self,
        credentials: Credentials,
        *,
        receive: Receive | None = None,
        particle: Callable[[Point], Particle] | None = None,
        ended: Callable[[str], None] | None = None,
    ) -> Session:
        """Lets an agent in.

        The session ends when :meth:`Session.end` is called, when the machine stops, or when its credentials do not
        count any more: they are checked again whenever a token of the agent is added or revoked, or the agent is
        deleted.

        Args:
            credentials: what the agent shows.
            receive: gets the waves that are sent to the session's point; None when nobody takes any.
            particle: makes the particle at the session's point, in place of ``receive``. It is given that point.
            ended: called with the reason when the session has ended for another reason than :meth:`Session.end`.

        Raises:
            Unauthorized: the policy does not know the credentials.
            TooMany: too many wrong tokens have come from there, or the agent has too many sessions.
            Unavailable: the policy has failed.
        """


class Replays(abc.ABC):
    """Replies that an agent may ask for again: a Ping that it sends a second time, perhaps over another connection,
    gets the answer of the first and is not handled again. What is still being handled is never forgotten.

    Only Pings whose agent may repeat them need it: those with ``retries``. The first attempt is sent with
    ``session.ask(wave, outlives=True)``, because its agent may come back for the answer on another connection.
    """

    @abc.abstractmethod
    def first(self, key: str, wave: Ping) -> asyncio.Future[Pong] | None:
        """Asks whether a Ping was sent before.

        Args:
            key: what its repeats have in common, such as the agent and the id of the wave. It has to name the agent,
                or one agent gets replies to another.
            wave: the wave.

        Returns:
            None for the first of its key: the caller handles it, and calls :meth:`settle`. Otherwise a future of the
            answer; several may wait for it, each by ``asyncio.shield``. It is cancelled when the first did not reach a
            handler. Its answer is a 409 when the first of the key was another wave, a 503 when the reply is not kept
            any more or there is no room, and a 429 when the agent has taken its share of the room.
        """

    @abc.abstractmethod
    def settle(self, key: str, reply: Pong | None, *, size: int = 0) -> None:
        """Keeps the reply to the first of a key. It does nothing when that is settled.

        Args:
            key: as it was given to :meth:`first`.
            reply: the reply; None when no handler ran, so that a repeat is handled anew.
            size: bytes of the reply, as far as the gateway knows them; they are limited.
        """


class GatewayHost(abc.ABC):
    """What a gateway may use of its machine.

    Attributes:
        machine: name of the machine.
        life: changes whenever the machine is started again.
        data_dir: directory of the machines of one host.
        directory: directory of this machine's own files.
        sessions: opens sessions.
        limits: of each session.
        transport: the transport for clients of the machine. A gateway may open endpoints of its own with it.
        transport_name: what the config calls it.
        transport_settings: its settings, without secrets.
        chance: the machine's source of randomness.
    """

    machine: str
    life: str
    data_dir: Path
    directory: Path
    sessions: Sessions
    limits: SessionLimits
    transport: LaneTransport
    transport_name: str
    transport_settings: Mapping[str, Any]
    chance: random.Random

    @abc.abstractmethod
    def plan(self, job: Callable[..., Coroutine[Any, Any, None]], *args: Any, priority: int = 3) -> None:
        """Has a worker of the machine run ``job(*args)``. The job has to answer for its own errors.

        Args:
            job: a coroutine function.
            *args: its arguments.
            priority: 0 (first) to 4 (last).

        Raises:
            Unavailable: too many jobs wait, or the machine stops.
        """

    @abc.abstractmethod
    def replays(self) -> Replays:
        """Returns a memory of replies for this gateway alone, empty."""


class Gateway(abc.ABC):
    """Contract of a gateway. The hook ``hyperverse_register_gateways`` registers ``factory(settings)``.

    Args:
        settings: the gateway's own table of the config, ``[gateways.NAME]``.

    Attributes:
        address: where agents connect; empty while it is closed.
        invitation: where the owner of the machine comes in once, without a token; empty when there is no such way.
            `hyperverse up` prints it. It is a secret, so it is in no log and no status.
    """

    address: str = ""
    invitation: str = ""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    @abc.abstractmethod
    async def open(self, host: GatewayHost) -> None:
        """Begins to let agents in. Called once, when the machine can serve.

        Args:
            host: what it may use.

        Raises:
            ConfigError: a setting is wrong.
            Unavailable: an address is in use.
        """

    async def rotate_key(self, keep: float, address: str = "") -> str:
        """Proves a new key to agents from now on. Sessions go on, and agents that know the key before it may still
        come in, until ``keep`` seconds have passed. The default is for gateways that prove no key.

        Args:
            keep: seconds for which the key before still counts.
            address: where to prove the new key; empty for a place that the gateway chooses.

        Returns:
            the new public key.

        Raises:
            BadRequest: the gateway proves no key, or ``address`` is not an address.
            Unavailable: the address is in use.
            ConfigError: the key cannot be kept.
        """
        raise BadRequest(f"a gateway of type {type(self).__name__} proves no key")

    @abc.abstractmethod
    async def close(self) -> None:
        """Lets nobody in any more, gives what is under way a moment, and ends every session. It may be called twice,
        and also when :meth:`open` has failed. It has two seconds."""
