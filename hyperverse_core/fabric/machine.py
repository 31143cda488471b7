"""Machine: one process of a Hyperverse. It owns the plugins, the registry, the stars and the parts between them.

async with Machine(Config(data_dir=Path("data"))) as machine:
    client = machine.client()
    await client.exec("create localhost<Space>")
"""

from __future__ import annotations

import asyncio
import random
import secrets
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from ..client.arguments import as_point, as_token
from ..config import Config, default_data_dir
from ..contracts.lane import LaneTransport
from ..contracts.policy import SecurityPolicy
from ..contracts.registry import Registry, Status
from ..data_dir.registry_in_use import registry_file
from ..errors import Unavailable
from ..plugins import PluginSet
from ..scheduling.backoff import Backoff
from ..scheduling.cancellation import ends_task
from ..scheduling.guarded_log import guarded_log
from ..universe.address.point import HYPERUSER, Point
from ..universe.address.star_key import StarKey
from .assembly import assemble
from .assembly.opening import open_parts
from .assembly.wrong_use import check_arguments, no_such_name, not_with
from .closing import ClosingStack
from .cluster.membership import StarTaken
from .delivery.local_client import LocalClient
from .forked_children import OwnFiles
from .parts import Given, Parts
from .services.reports.status import unstarted
from .services.sessions.gateways import CONTROL
from .services.sessions.session_client import SessionClient

__all__ = ["Machine"]

_log = guarded_log("hyperverse.machine")
_TRIES = 30
"""Number of times that a machine looks for free places for its stars if other machines keep taking them."""
_PAUSE = 0.1
"""Longest pause before another attempt, in seconds for each earlier attempt."""
_LONGEST_PAUSE = 2.0
"""Longest pause before another attempt to open again, in seconds."""


class Machine:
    """One process of a Hyperverse.

    Args:
        config: the settings; the defaults make a standalone Hyperverse.
        plugins: modules or objects to load as plugins, in addition to the installed ones.
        registry, transport, policy: replace the ones that the config names (for tests and simulations).

    Attributes:
        config, name, data_dir: the settings, and two values from them.
        state, cause: the state of the machine, and the cause if something is wrong.
        plugins: the loaded plugins.

    Raises:
        BadRequest: an argument has the wrong type.

    Enter it with ``async with`` to start it; the machine is ready once it is entered. If the machine cannot serve at
    all, entering raises ConfigError, Conflict (another machine uses the data directory), Unavailable (an address is in
    use) or PluginError.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        plugins: Sequence[object] = (),
        registry: Registry | None = None,
        transport: LaneTransport | None = None,
        policy: SecurityPolicy | None = None,
    ) -> None:
        check_arguments(config, plugins)
        self.config = config or Config()
        self.name = self.config.name
        self.data_dir: Path = (self.config.data_dir or default_data_dir()).absolute()
        self.state = Status.PENDING
        self.cause = ""
        self.plugins: PluginSet = PluginSet.load(self.config.plugins, extra=plugins, base=self.data_dir.parent)
        self.life = secrets.token_hex(8)  # never from the seeded generator, because two runs must not share an id
        self._given = (registry, transport, policy)
        self._closing = ClosingStack()
        self._parts: Parts | None = None
        self._stopped: asyncio.Event | None = None
        self._moving: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._clients: weakref.WeakSet[LocalClient] = weakref.WeakSet()

    # -- life ---------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Machine:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            raise not_with()

        __exit__ = __enter__

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(no_such_name(self, name))

    async def start(self) -> None:
        """Starts the machine, and returns when it is ready. If it raises, everything that it opened is closed again."""
        self.state = Status.INIT
        self._stopped = asyncio.Event()
        try:
            await self._start()
        except BaseException as exc:
            self.state, self.cause = Status.FATAL, str(exc)
            await self._close(0.0)
            raise
        self.state = Status.READY
        _log.info("machine %s is ready", self.name)

    async def _start(self) -> None:
        for info in self.plugins.plugins:
            if info.trouble:
                first, *more = info.trouble.splitlines()
                for line in more:
                    _log.warning("%s", line.strip(), extra={"plugin": info.name})
                _log.warning("%s", first, exc_info=info.error, extra={"plugin": info.name})
        for text in (*self.plugins.notes, *self.plugins.passed_over):
            _log.warning("plugins: %s", text)
        self.plugins.check_required()
        await self._open_in_free_places()

    async def _open_in_free_places(self) -> None:
        """Opens the parts. If other machines take the places of its stars meanwhile, it tries others."""
        tries = 0
        while True:
            try:
                return await self._open()
            except StarTaken as exc:
                # Machines with other data directories looked for free places at the same time.
                tries += 1
                if tries == _TRIES or any(self._given) or not self._may_move(exc.star):
                    raise
                _log.info("this machine takes other places: %s", exc.message)
            await self._begin_again(0.0)
            await asyncio.sleep(random.random() * _PAUSE * tries)

    async def _begin_again(self, grace: float) -> None:
        """Closes everything that is open, so that the machine can open again."""
        await self._closing.run(grace)
        self._closing = ClosingStack()
        self.life = secrets.token_hex(8)

    def _places_taken(self, error: StarTaken) -> None:
        """Another machine has taken a place of this one while this one had no lease, because its process was stopped
        or could not reach the registry."""
        if self._moving is None and self.state is Status.READY and not any(self._given) and self._may_move(error.star):
            _log.warning("this machine closes, and opens again in other places: %s", error.message)
            self._moving = asyncio.get_running_loop().create_task(self._move(), name="take other places")

    async def _move(self) -> None:
        """Closes the parts, whose particles were lost with the lease, and opens them again in free places. If that is
        impossible, :meth:`wait_stopped` raises the reason."""
        self.state, self.cause = Status.INIT, "another machine has taken its places"
        backoff = Backoff(first=_PAUSE, longest=_LONGEST_PAUSE, chance=random.Random())
        try:
            await self._begin_again(self.config.stop_deadline)
            while True:
                try:
                    await self._open_in_free_places()
                    break
                except (StarTaken, Unavailable) as exc:
                    _log.warning("this machine cannot open again yet: %s", exc)
                    await self._begin_again(0.0)
                    await asyncio.sleep(backoff.next_pause())
        except BaseException as exc:
            if ends_task(exc):
                raise  # the machine is stopped, which closes the rest
            self._moving, self._failure = None, exc
            self.state, self.cause = Status.FATAL, str(exc)
            _log.error("this machine cannot open again, and stops: %s", exc)
            await self._close(0.0)
            return
        for client in self._clients:
            client.reopened(self.parts.outbound, self.parts.surfaces.open)
        self._moving = None
        self.state, self.cause = Status.READY, ""
        _log.info("machine %s is ready again", self.name)

    def _may_move(self, star: StarKey) -> bool:
        """Whether the star may get another index: it may, unless the config assigns the star to a machine."""
        return any(template.name == star.name and not template.machine for template in self.config.stars)

    async def _open(self) -> None:
        registry, transport, policy = self._given
        given = Given(
            config=self.config.on(self.data_dir),
            data_dir=self.data_dir,
            plugins=self.plugins,
            life=self.life,
            chance=random.Random(self.config.seed),
            registry=registry,
            transport=transport,
            policy=policy,
            state=lambda: (self.state, self.cause),
            request_stop=self.request_stop,
            places_taken=self._places_taken,
        )
        files = OwnFiles(self.directory / "lock")
        if registry is None and self.config.registry.driver == "sql":
            database = registry_file(self.config.registry_settings(self.data_dir))
            if database is not None:
                files.has_database(database)
        self._closing.callback(files.forget)
        parts = self._parts = await assemble(given, self._closing)
        await open_parts(given, parts, self._closing)
        files.listens_at([*parts.gateways.addresses().values(), parts.board.address or ""])
        self._closing.leave("the plugins", self._tell_stopping)
        for info, exc in await self.plugins.call("hyperverse_machine_started", machine=self):
            _log.error("plugin %s: hyperverse_machine_started failed", info.name, exc_info=exc)

    async def wait_stopped(self) -> None:
        """Returns when the machine has stopped, or was asked to stop. If the machine had to open again, because another
        one had taken its places, and could not, raises the errors of :meth:`start`."""
        if self._stopped is None:
            raise self._unstarted()
        await self._stopped.wait()
        if self._failure is not None:
            raise self._failure

    def request_stop(self) -> None:
        """Asks the owner of the machine to stop it, by making :meth:`wait_stopped` return."""
        if self._stopped is None:
            raise self._unstarted()
        self._stopped.set()

    async def stop(self) -> None:
        """Stops the machine: it accepts no new clients, lets running work finish, saves and deactivates the particles,
        and closes drivers, stars, lanes and registry. Cancels whatever is not finished after ``stop_deadline``
        seconds. May be called twice."""
        moving, self._moving = self._moving, None
        if moving is not None:
            moving.cancel()
            await asyncio.wait([moving])
        elif self.state not in (Status.READY, Status.PANIC):
            return
        self.state, self.cause = Status.DONE, ""
        await self._close(self.config.stop_deadline)
        _log.info("machine %s has stopped", self.name)

    async def _tell_stopping(self) -> None:
        for info, exc in await self.plugins.call("hyperverse_machine_stopping", machine=self):
            _log.error("plugin %s: hyperverse_machine_stopping failed", info.name, exc_info=exc)

    async def _close(self, grace: float) -> None:
        """Closes everything that is open, in reverse order.

        Args:
            grace: seconds allowed for running work; 0 to cancel it at once.
        """
        if self._stopped is not None:
            self._stopped.set()
        await self._closing.run(grace)

    def _unstarted(self) -> Unavailable:
        return Unavailable(
            f"machine {self.name!r} was not started",
            hint="write `async with Machine(...) as machine`, or `await machine.start()`",
        )

    # -- faces --------------------------------------------------------------------------------------------

    @property
    def parts(self) -> Parts:
        """The parts of the machine; for tests, and not covered by SemVer. Raises Unavailable before the start."""
        if self._parts is None:
            raise self._unstarted()
        return self._parts

    @property
    def control(self) -> Any:
        """The gate for clients; None if the config turns it off. For tests, and not covered by SemVer."""
        return self.parts.gateways.get(CONTROL)

    @property
    def registry(self) -> Registry:
        """The registry of this Hyperverse."""
        return self.parts.registry

    @property
    def directory(self) -> Path:
        """The machine's own directory within the data directory."""
        return self.data_dir / "machines" / self.name

    def client(self, agent: Point | str = HYPERUSER) -> LocalClient:
        """Returns a client inside the process: no socket, no credentials, the rights of ``agent``. Raises BadRequest,
        and ParseError if the text is not a point."""
        parts = self.parts
        client = LocalClient(self.name, parts.outbound, as_point("agent", agent), parts.surfaces.open)
        self._clients.add(client)
        return client

    async def authenticate(self, token: str) -> SessionClient:
        """Returns a client inside the process for the holder of a token. It has the agent, scope and expiry of the
        token, and the limits of every session. Close it, or enter it with ``async with``::

            async with await machine.authenticate(token) as client:
                print(client.agent)

        Args:
            token: the secret itself, such as the content of the file ``token`` in the data directory.

        Raises:
            BadRequest: ``token`` is not a string, or has white space around it.
            Unauthorized: the token is unknown, expired or revoked.
            TooMany: there were too many attempts with wrong tokens, or the agent has too many sessions.
            Unavailable: the machine is not running, or the policy has failed.
        """
        return await SessionClient(self.name).enter(self.parts.sessions, as_token(token))

    def status(self) -> dict[str, Any]:
        """The state of the machine, its stars, drivers and plugins, with causes, as plain values."""
        if self._parts is None:
            return unstarted(self.config, self.data_dir, self.state, self.cause, self.plugins)
        return self.parts.status.machine()
