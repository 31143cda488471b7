"""Gateway: an entry into the Hyperverse for agents outside it, such as the clients of the control gate, or a browser.

A gateway has no rights of its own. It opens a session for each agent that it admits, and everything that the agent does
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
"""Receives a wave that was sent to a session's own point, and returns the answer; None for a Signal."""

HandOn: TypeAlias = Callable[[list[Echo]], Awaitable[None]]
"""Receives echoes of a Ripple as they arrive. No further recipients are asked while too many echoes wait for it."""


@attrs.frozen
class SessionLimits:
    """Limits of one session.

    Attributes:
        waves: maximum number of waves in progress at once; further waves are answered 429.
        body: maximum size in bytes of a wave's body as it is encoded in a frame; a larger body is answered 413.
    """

    waves: int
    body: int


class Session(Sender):
    """The session of an admitted agent. It sends waves with that agent's rights, from a point of its own, to which
    others can send waves.

    :meth:`ping`, :meth:`signal` and :meth:`ripple` are those of every sender, and enforce the limits. A gateway that
    decodes waves itself makes them with ``origin``, checks them with :meth:`check`, and sends them with :meth:`ask`,
    :meth:`notify` and :meth:`spread`, which leave the counting to the gateway.

    Attributes:
        agent: the agent in whose name it acts.
        point: the session's own point.
        star: text of the star at which its waves start.
        origin: makes its waves.
        limits: its limits.
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
        """Checks that an outside agent may send such a wave at all. Raises Forbidden.

        Args:
            wave: the wave, made with ``origin``.
        """

    def take(self, weight: int) -> None:
        """Counts a wave that begins, for all sessions of the agent together. A gateway that decodes waves itself calls
        this before it plans a wave, and :meth:`give` when the wave has ended. The default counts nothing.

        Args:
            weight: approximate bytes of memory that the wave takes.

        Raises:
            TooMany: the agent has too much in progress.
            Unavailable: the machine has too much in progress.
        """

    def give(self, weight: int) -> None:
        """Reports the end of a wave that :meth:`take` has counted.

        Args:
            weight: the value that was passed to :meth:`take`.
        """

    @abc.abstractmethod
    async def ask(self, wave: Ping, *, outlives: bool = False) -> Pong:
        """Sends a Ping, and returns its Pong, at the wave's deadline at the latest.

        Args:
            wave: the checked wave.
            outlives: whether the wave continues when the session ends, because its agent may come back for the answer.
        """

    @abc.abstractmethod
    async def authorise_again(self, wave: Ping) -> None:
        """Returns when the agent may still send a Ping that was answered before, so that the answer may be sent again.
        Raises Forbidden, NotFound, Unauthorized and Unavailable.

        Args:
            wave: the checked wave.
        """

    @abc.abstractmethod
    async def notify(self, wave: Signal, wait: float) -> Pong:
        """Sends a Signal, and returns whether it was accepted.

        Args:
            wave: the checked wave.
            wait: seconds after which the answer is 408.
        """

    @abc.abstractmethod
    async def spread(self, wave: Ripple, hand_on: HandOn | None = None) -> list[Echo]:
        """Sends a Ripple, and returns the echoes. Raises HyperverseError when the recipients cannot be determined. When
        the session ends meanwhile, the result has an echo with the status 503 and the outcome ``unknown`` for each
        recipient that was asked and has not answered.

        Args:
            wave: the checked wave.
            hand_on: receives the echoes of a Ripple to very many recipients as they arrive, some hundreds at a time, so
                that nobody has to keep all of them; only the last ones are returned then. None returns all.
        """

    @abc.abstractmethod
    def refusal(self, wave: Directed, error: BaseException) -> Pong:
        """Returns the reply to a refused wave. Observers are informed (``wave_refused``).

        Args:
            wave: the wave.
            error: the reason.
        """

    @abc.abstractmethod
    def end(self, reason: str) -> None:
        """Ends the session: cancels everything in progress, and sends nothing more. May be called twice.

        Args:
            reason: the reason, for the log.
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
        """Admits an agent.

        The session ends when :meth:`Session.end` is called, when the machine stops, or when its credentials are no
        longer valid: they are checked again whenever a token of the agent is added or revoked, or the agent is deleted.

        Args:
            credentials: what the agent presents.
            receive: receives the waves that are sent to the session's point; None when nobody receives them.
            particle: makes the particle at the session's point, in place of ``receive``. It is called with that point.
            ended: called with the reason when the session has ended without :meth:`Session.end`.

        Raises:
            Unauthorized: the policy does not know the credentials.
            TooMany: too many wrong tokens have come from there, or the agent has too many sessions.
            Unavailable: the policy has failed.
        """


class Replays(abc.ABC):
    """Replies that an agent may ask for again: a Ping that it sends a second time, perhaps over another connection,
    gets the answer of the first and is not handled again. A Ping that is still being handled is never forgotten.

    Only Pings that their agent may repeat need it: those with ``retries``. The first attempt is sent with
    ``session.ask(wave, outlives=True)``, because its agent may come back for the answer on another connection.
    """

    @abc.abstractmethod
    def first(self, key: str, wave: Ping) -> asyncio.Future[Pong] | None:
        """Asks whether a Ping was sent before.

        Args:
            key: what its repeats have in common, such as the agent and the id of the wave. It must include the agent;
                otherwise one agent gets the replies to another.
            wave: the wave.

        Returns:
            None for the first Ping of its key: the caller handles it, and calls :meth:`settle`. Otherwise a future of
            the answer; several callers may wait for it, each with ``asyncio.shield``. It is cancelled when the first
            Ping did not reach a handler. Its answer is a 409 when the first Ping of the key was another wave, a 503
            when the reply is no longer kept or there is no room, and a 429 when the agent has used its share of the
            room.
        """

    @abc.abstractmethod
    def settle(self, key: str, reply: Pong | None, *, size: int = 0) -> None:
        """Keeps the reply to the first Ping of a key. Does nothing when that is settled already.

        Args:
            key: the value that was passed to :meth:`first`.
            reply: the reply; None when no handler ran, so that a repeat is handled anew.
            size: bytes of the reply, as far as the gateway knows them; their total is limited.
        """


class GatewayHost(abc.ABC):
    """What a gateway may use of its machine.

    Attributes:
        machine: name of the machine.
        life: changes whenever the machine is restarted.
        data_dir: directory of the machines of one host.
        directory: directory of this machine's own files.
        sessions: opens sessions.
        limits: limits of each session.
        transport: the transport for clients of the machine. A gateway may open endpoints of its own with it.
        transport_name: its name in the configuration.
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
        """Makes a worker of the machine run ``job(*args)``. The job must handle its own errors.

        Args:
            job: a coroutine function.
            *args: its arguments.
            priority: 0 (first) to 4 (last).

        Raises:
            Unavailable: too many jobs wait, or the machine is stopping.
        """

    @abc.abstractmethod
    def replays(self) -> Replays:
        """Returns a new, empty memory of replies for this gateway alone."""


class Gateway(abc.ABC):
    """Contract of a gateway. The hook ``hyperverse_register_gateways`` registers ``factory(settings)``.

    Args:
        settings: the gateway's own table of the configuration, ``[gateways.NAME]``.

    Attributes:
        address: where agents connect; empty while it is closed.
        invitation: where the owner of the machine can connect once, without a token; empty when the gateway offers no
            such address. `hyperverse up` prints it. It is a secret, so no log and no status contains it.
    """

    address: str = ""
    invitation: str = ""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    @abc.abstractmethod
    async def open(self, host: GatewayHost) -> None:
        """Begins to admit agents. Called once, when the machine can serve.

        Args:
            host: what it may use.

        Raises:
            ConfigError: a setting is wrong.
            Unavailable: an address is in use.
        """

    async def rotate_key(self, keep: float, address: str = "") -> str:
        """Proves a new key to agents from now on. Sessions continue, and agents that know the previous key may still
        connect until ``keep`` seconds have passed. The default is for gateways that prove no key.

        Args:
            keep: seconds for which the previous key remains valid.
            address: where to prove the new key; empty for an address that the gateway chooses.

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
        """Admits no more agents, gives waves in progress a moment, and ends every session. May be called twice, and
        also when :meth:`open` has failed. It has two seconds."""
