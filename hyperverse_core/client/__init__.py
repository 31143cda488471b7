"""Client: what Python programs and the ``hyperverse`` command use to talk to a machine.

async with Client.connect(data_dir=Path("data")) as client:
    pong = await client.ping("localhost:hits", "Ext<Add>", {"by": 3}, expect=int)
    print(pong.body, pong.receipt)
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from ..errors import BadRequest, HyperverseError, PolicyError, ProtocolError, Unavailable, error_for_status
from ..protocol.messages import Echoes, Message
from ..scheduling.backoff import Backoff
from ..scheduling.guarded_log import guarded_log
from ..universe.address.point import ROOT, Point
from ..universe.address.surface import Surface
from ..universe.waves.arguments import LONGEST_WAIT
from ..universe.waves.wave import Ping, Pong, Signal
from .arguments import as_callback, as_point, as_token, type_named
from .command_session import CommandSession
from .configured import configured, on_top
from .connection import ClientConnection
from .connection_line import ConnectionLine
from .results import Result
from .search import NoMachine, Search, SearchTarget, is_alive
from .sender import ClientSender
from .serving import ClientServing, OnWave
from .transports import ClientTransports
from .verbs import GLOBAL_MACHINE
from .watching import ClientWatches, ParticleChange

if TYPE_CHECKING:
    from ..contracts.lane import LaneTransport

__all__ = ["Client", "CommandSession", "Connecting", "NoMachine", "ParticleChange", "Result"]

_log = guarded_log("hyperverse.client")
_KNOWN_SECONDS = 300.0
"""Seconds after a machine proved its key during which it is held responsible for a handshake that ends at its
address."""
_STOP_SECONDS = 15.0


class Client(ClientSender):
    """A connection to a Hyperverse from another process. Made by :meth:`connect`.

    When the connection is lost, the client reconnects, to the same machine or to another one of the data directory.
    A wave that was in flight then ends with status 503 and outcome ``unknown``, unless its ``retries`` allow sending it
    again. The machine handles a wave once, however often it arrives.

    Calling the constructor directly raises BadRequest.

    Attributes:
        machine: name of the machine to which the client is connected.
        surface: surface of the particle that represents this client. Others may send waves to it.
    """

    def __init__(
        self, search: Search | None = None, transports: ClientTransports | None = None, timeout: float = 5.0
    ) -> None:
        if not isinstance(search, Search) or transports is None:
            raise BadRequest(
                "a Client is made by Client.connect",
                hint="client = await Client.connect(...), or async with Client.connect(...) as client",
            )
        super().__init__()
        self._search = search
        self._timeout = timeout
        self._transports = transports
        self._connection: ClientConnection | None = None
        self._watches = ClientWatches(partial(self.ping, GLOBAL_MACHINE))
        self._serving = ClientServing(self._watches)
        self._keeper: asyncio.Task[None] | None = None
        self._chance = random.Random()
        self._proved: set[str] = set()
        self._connected_last = 0.0
        self._agent = ROOT
        self.machine = search.machine or ""
        self.surface = Surface(ROOT)

    # -- life ---------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    if not TYPE_CHECKING:  # type checkers must report the missing attribute

        def __enter__(self) -> NoReturn:
            raise _not_with()

        __exit__ = __enter__

    @classmethod
    def connect(
        cls,
        data_dir: Path | str | None = None,
        *,
        machine: str | None = None,
        address: str | None = None,
        server_key: str | None = None,
        token: str | None = None,
        timeout: float = 5.0,
        transport: LaneTransport | str | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Connecting:
        """Connects: ``async with Client.connect(...) as client``, or ``client = await Client.connect(...)`` followed by
        ``await client.close()``. A client that was awaited can also be entered: ``async with client``.

        Args:
            data_dir: data directory of the machine. When None: the one that the ``hyperverse`` command finds, starting
                from the working directory, from configuration files and environment variables.
            machine: name of the machine; None for any machine of the data directory.
            address: address that the machine listens on; by default it is read from the data directory.
            server_key: public key that the machine must prove; by default it is read from the data directory.
            token: token to authenticate with; when None, the one in the environment variable ``HYPERVERSE_TOKEN``, or
                else the one in the data directory.
            timeout: seconds allowed for connecting. When a program makes hundreds of connections at once, they queue,
                and the time limit of each starts when its turn comes.
            transport: name of a lane transport, or a transport object, which the caller closes.
            settings: settings of lane transports, by transport name, such as ``{"nats": {"max_frame": 67108864}}``.
                They override those that the machine has written to its data directory, which never include secrets.
                When ``data_dir`` is None they override those of the configuration too.

        Raises (when awaited or entered):
            BadRequest: an argument has the wrong type, or the token has white space around it.
            ConfigError: ``data_dir`` is None, and the configuration that was found is invalid.
            NoMachine: no machine listens there.
            Unauthorized: the token is rejected, or the machine does not prove its key.
            ProtocolError: the machine and this client have no version number of the wire protocol in common.
        """
        texts = {"machine": machine, "address": address, "server_key": server_key, "token": token}
        for argument, value in texts.items():
            if not isinstance(value, str | None):
                raise BadRequest(f"{argument} is {type_named(value)}, not a string")
        if token is not None:
            as_token(token)
        if not isinstance(data_dir, str | os.PathLike | None):
            raise BadRequest(f"data_dir is {type_named(data_dir)}, not a path")
        if isinstance(data_dir, str) and "://" in data_dir:
            raise BadRequest(
                f"data_dir is the address {data_dir!r:.80}, not a path",
                hint="Client.connect(address=..., server_key=..., token=...), or a data directory of this computer",
            )
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            said = f"{timeout!r:.40}" if isinstance(timeout, int | float) else type_named(timeout)
            raise BadRequest(f"timeout is {said}, not a number of seconds", hint="more than 0, such as timeout=5.0")
        if not isinstance(settings, Mapping | None):
            raise BadRequest(f"settings are {type_named(settings)}, not a map", hint="settings={'nats': {...}}")
        for one, table in (settings or {}).items():
            if not isinstance(table, Mapping):
                said = f"settings[{one!r}] is {type_named(table)}, not a map"
                raise BadRequest(said, hint="settings={'nats': {...}}")
        name = transport if isinstance(transport, str) else None
        given = transport if not isinstance(transport, str) else None
        where, found = configured() if data_dir is None else (Path(data_dir), {})
        search = Search(where, machine, address, server_key, token, name)
        return Connecting(cls, search, ClientTransports(given, on_top(found, settings)), min(timeout, LONGEST_WAIT))

    async def start(self) -> None:
        """Connects for the first time; :meth:`connect` calls it."""
        try:
            await self._connect()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Closes the connection and ends every wave that is in flight. May be called twice; no task remains."""
        if self._closed is None:
            self._closed = Unavailable("the client is closed", hint="connect a new one")
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        self._pending.give_up(self._closed)
        self._watches.close()
        await self._serving.close()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.standing = False
            await connection.transport.disconnect(connection.peer)
        await self._transports.close()

    @property
    def agent(self) -> Point:
        return self._agent

    @property
    def connected(self) -> bool:
        """Whether the client is currently connected."""
        return self._connection is not None

    # -- the connection -----------------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Connects when this client's turn among the clients of this program comes. Raises the error of a machine that
        rejected it."""
        async with ConnectionLine.of(self._loop).turn(self._timeout):
            await self._connect_to_any()

    async def _connect_to_any(self) -> None:
        """Connects to the first machine that accepts the client. Raises the error of one that rejected it."""
        targets = self._search.targets(self.machine)
        until = self._loop.time() + self._timeout
        failure: HyperverseError | None = None
        for position, target in enumerate(targets):
            share = (until - self._loop.time()) / (len(targets) - position)
            try:
                await self._connect_to(target, max(0.05, share))
                return
            except HyperverseError as exc:
                if failure is None or isinstance(exc, PolicyError):
                    failure = exc
        assert failure is not None
        if type(failure) is Unavailable:
            raise NoMachine(
                failure.message, hint=failure.hint or "check whether the machine is up", retry_after=1.0
            ) from failure
        raise failure

    async def _connect_to(self, target: SearchTarget, timeout: float) -> None:
        known = target.server_key in self._proved and self._loop.time() - self._connected_last < _KNOWN_SECONDS
        connection = ClientConnection(self, self._transports.of(target), target, known=known)
        await connection.open(self._search.token(), timeout)
        self._proved.add(target.server_key)
        welcome = connection.welcome
        if not connection.standing:
            raise Unavailable(f"{connection.name} welcomed the client and was lost", retry_after=1.0)
        self._agent = Point.parse(welcome.agent)
        self.surface = Surface.parse(welcome.surface)
        self.machine = welcome.machine
        self._connection = connection
        self._pending.connected(connection, welcome.waves, welcome.life)
        self._watches.connected_again()

    def lost(self, connection: ClientConnection, error: HyperverseError) -> None:
        """Called by ``connection`` when it has ended, with the ``error`` that caused it."""
        if self._connection is not connection:
            return
        self._connected_last = self._loop.time()
        self._connection = None
        _log.info("%s", error.message)
        self._pending.disconnected(error.message)
        self._keeper = self._loop.create_task(self._reconnect(connection), name="reconnect")

    async def _reconnect(self, old: ClientConnection) -> None:
        """Retries until it succeeds, or until a machine rejects the client permanently."""
        try:
            await old.transport.disconnect(old.peer)
        except HyperverseError:
            pass  # it has ended already
        backoff = Backoff(first=0.05, longest=2.0, chance=self._chance)
        while True:
            try:
                await self._connect()
                return
            except (PolicyError, ProtocolError) as exc:
                self._closed = exc
                self._pending.give_up(exc)
                self._watches.close(exc)
                return
            except HyperverseError as exc:
                _log.debug("no connection yet: %s", exc.message)
            except Exception:  # without retries every wave would wait until its deadline
                _log.exception("the client could not reconnect; it keeps trying")
            await asyncio.sleep(backoff.next_pause())

    def received(self, connection: ClientConnection, message: Message) -> None:
        """Called by ``connection`` when a ``message`` has arrived over it. Raises ProtocolError."""
        if type(message) is Pong:
            self._pending.answered(message)
        elif type(message) is Echoes:
            self._pending.echoed(message.id, message.echoes, last=message.last)
        elif type(message) is Ping or type(message) is Signal:
            self._serving.take(connection, message)
        else:
            raise ProtocolError(f"a machine does not send a {type(message).__name__}")

    def _watching(self) -> ClientWatches:
        return self._watches

    # -- serving, sessions and stopping the machine -------------------------------------------------------

    def on_wave(self, callback: OnWave | None) -> OnWave | None:
        """Sets the callback that handles the waves sent to :attr:`surface`; can be used as a decorator.

        Args:
            callback: receives the wave and returns the body of the reply or a Pong, or an awaitable of either; an
                exception that it raises becomes the reply. None stops serving. Cmd<Bounce> is answered without it.

        Raises:
            BadRequest: ``callback`` is not a function.
        """
        self._serving.callback = as_callback(callback)
        return callback

    async def open_session(self, working: Point | str = ROOT) -> CommandSession:
        """Opens a session of the command language, whose working point the machine keeps.

        Args:
            working: the point that relative points initially start from.

        Raises:
            BadRequest: ``working`` is not a point; ParseError for a string that is not a valid one.
            Unavailable: the machine cannot be reached.
        """
        start = as_point("working", working).text
        where = await self.ask(self.surface.point, "Ext<NewCliSession>", {"working": start})
        return CommandSession(self, Surface.parse(where))

    async def stop(self) -> None:
        """Stops the machine gracefully, and returns when it has stopped. Raises Forbidden for every agent but the
        hyperuser, and TimedOut if stopping takes more than 15 s."""
        connection = self._connection
        await super().stop()
        pid = connection.target.pid if connection is not None else 0
        until = self._loop.time() + _STOP_SECONDS
        while (connection is not None and connection.standing) or _is_another_living(pid):
            if self._loop.time() > until:
                raise error_for_status(408, f"machine {self.machine!r} has not stopped within {_STOP_SECONDS:g} s")
            await asyncio.sleep(0.02)


class Connecting:
    """What :meth:`Client.connect` returns: await it, or enter it with ``async with``. It connects once."""

    def __init__(self, cls: type[Client], search: Search, transports: ClientTransports, timeout: float) -> None:
        self._make: Callable[[], Client] = partial(cls, search, transports, timeout)
        self._client: Client | None = None

    def __await__(self) -> Generator[Any, None, Client]:
        return self._begin().__await__()

    async def _begin(self) -> Client:
        if self._client is None:
            client = self._make()
            await client.start()
            self._client = client
        return self._client

    async def __aenter__(self) -> Client:
        return await self._begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    if not TYPE_CHECKING:  # type checkers must report the missing attribute

        def __enter__(self) -> NoReturn:
            raise _not_with()

        __exit__ = __enter__

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(
                f"Client.connect(...) has no {name!r} before it is awaited: write client = await Client.connect(...), "
                "or async with Client.connect(...) as client"
            )


def _not_with() -> BadRequest:
    return BadRequest(
        "a Client needs `async with`, not `with`", hint="without an event loop: with BlockingClient(...) as client"
    )


def _is_another_living(pid: int) -> bool:
    return bool(pid) and pid != os.getpid() and is_alive(pid)
