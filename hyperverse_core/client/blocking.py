"""The client without ``await``, for scripts, notebooks and threads."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar, Unpack

from ..contracts.driver import Answer, At
from ..contracts.lane import LaneTransport
from ..contracts.registry import Strategy
from ..errors import BadRequest, Unavailable
from ..universe.address.point import ROOT, Point
from ..universe.address.star_key import StarKey
from ..universe.address.surface import Surface
from ..universe.kind_defs.property_rules import PropertyScalar
from ..universe.kinds.kind import Kind
from ..universe.selectors.selector import Selector
from ..universe.waves.origin import WaveOptions
from ..universe.waves.wave import Body, Echo, Method, Pong, Recipients
from . import Client
from .blocking_session import BlockingSession
from .loop_thread import LoopThread
from .other_names import no_such_name
from .results import Result
from .serving import OnWave
from .tables import FactTable, Results, Rows
from .watching import ParticleChange
from .wrong_calls import tells_wrong_calls

__all__ = ["BlockingAt", "BlockingClient"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@tells_wrong_calls
class BlockingClient:
    """A :class:`Client` whose calls block. Arguments, results and errors are those of the methods of the same name::

        with BlockingClient("data") as client:
            client.create("localhost:hits", "Counter")
            print(client.ask("localhost:hits", "Ext<Add>", {"by": 3}))

    It runs an event loop in a separate thread, so it also works where an event loop is already running, as in a
    notebook, and several threads may use it at once. A call from inside its own :meth:`on_wave` callback raises
    BadRequest, because it would wait for itself.

    Args:
        data_dir, machine, address, server_key, token, timeout, transport, settings: as of :meth:`Client.connect`.

    Raises:
        NoMachine: no machine listens there.
        Unauthorized: the token is rejected, or the machine does not prove its key.
        BadRequest: an argument has the wrong type.
    """

    def __init__(
        self,
        data_dir: Path | str | None = None,
        *,
        machine: str | None = None,
        address: str | None = None,
        server_key: str | None = None,
        token: str | None = None,
        timeout: float = 5.0,
        transport: LaneTransport | str | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        connecting = Client.connect(
            data_dir,
            machine=machine,
            address=address,
            server_key=server_key,
            token=token,
            timeout=timeout,
            transport=transport,
            settings=settings,
        )
        thread = self._thread = LoopThread("hyperverse-client")
        try:
            self._client = thread.wait_for(connecting.__aenter__)
        except BaseException as exc:
            thread.close()
            if isinstance(exc, Unavailable) and _in_a_loop():
                exc.add_note("this thread runs an event loop: if the machine runs in it, use machine.client() instead")
            raise
        # Closes it even if the program does not, and before the end of the program, which would interrupt sends in
        # progress.
        self._finalizer = weakref.finalize(self, thread.close, self._client.close)

    # -- life ---------------------------------------------------------------------------------------------

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    if not TYPE_CHECKING:  # type checkers must report the missing attribute

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(no_such_name(self, name), name=name, obj=self)

        async def __aenter__(self) -> NoReturn:
            raise BadRequest("a BlockingClient needs `with`, not `async with`", hint="async with Client.connect(...)")

        async def __aexit__(self, *_: object) -> None: ...

    def close(self) -> None:
        """Closes the connection and ends every waiting call. May be called twice."""
        self._finalizer()

    @property
    def agent(self) -> Point:
        """The agent on whose behalf this client sends waves."""
        return self._client.agent

    @property
    def machine(self) -> str:
        """Name of the machine to which the client is connected."""
        return self._client.machine

    @property
    def surface(self) -> Surface:
        """Surface of the particle that represents this client. Others may send waves to it."""
        return self._client.surface

    @property
    def connected(self) -> bool:
        """Whether the client is currently connected."""
        return self._client.connected

    def __repr__(self) -> str:
        return f"<BlockingClient of machine {self.machine!r} as {self.agent}>"

    # -- waves --------------------------------------------------------------------------------------------

    def ping(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        expect: Any = None,
        **options: Unpack[WaveOptions],
    ) -> Pong:
        """See :meth:`Client.ping`."""
        return self._thread.wait_for(self._client.ping, to, method, body, expect=expect, **options)

    def ask(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        expect: Any = None,
        **options: Unpack[WaveOptions],
    ) -> Any:
        """See :meth:`Client.ask`."""
        return self._thread.wait_for(self._client.ask, to, method, body, expect=expect, **options)

    def signal(self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]) -> Pong:
        """See :meth:`Client.signal`."""
        return self._thread.wait_for(self._client.signal, to, method, body, **options)

    def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        count: int | None = None,
        **options: Unpack[WaveOptions],
    ) -> list[Echo]:
        """See :meth:`Client.ripple`."""
        return self._thread.wait_for(self._client.ripple, to, method, body, count=count, **options)

    def at(
        self, to: Recipients | Point | str | Sequence[Point], cls: Callable[..., T], **options: Unpack[WaveOptions]
    ) -> BlockingAt[T]:
        """See :meth:`Client.at`: ``client.at("localhost:hits", Counter).ask(Counter.add, by=3)``."""
        return BlockingAt(self._thread, self._client.at(to, cls, **options))

    # -- commands and verbs -------------------------------------------------------------------------------

    def exec(
        self,
        text: str,
        *,
        check: bool = True,
        keep_going: bool = False,
        working: Point | str | None = None,
        files: Mapping[str, bytes] | None = None,
        wait: float | None = None,
    ) -> Results:
        """See :meth:`Client.exec`."""
        return self._thread.wait_for(
            self._client.exec, text, check=check, keep_going=keep_going, working=working, files=files, wait=wait
        )

    def run(
        self,
        text: str,
        *,
        keep_going: bool = False,
        working: Point | str | None = None,
        files: Mapping[str, bytes] | None = None,
        wait: float | None = None,
        typed: bool = True,
    ) -> Iterator[Result]:
        """See :meth:`Client.run`."""
        return self._thread.walk(
            lambda: self._client.run(text, keep_going=keep_going, working=working, files=files, wait=wait, typed=typed)
        )

    def create(
        self,
        point: Point | str,
        kind: Kind | str,
        properties: Mapping[str, PropertyScalar] | None = None,
        *,
        strategy: Strategy | str = Strategy.COMMIT,
        wait: float | None = None,
    ) -> Point:
        """See :meth:`Client.create`."""
        return self._thread.wait_for(self._client.create, point, kind, properties, strategy=strategy, wait=wait)

    def delete(self, selector: Selector | Point | str, *, wait: float | None = None) -> Rows:
        """See :meth:`Client.delete`."""
        return self._thread.wait_for(self._client.delete, selector, wait=wait)

    def get(self, point: Point | str, keys: Iterable[str] | None = None, *, wait: float | None = None) -> Any:
        """See :meth:`Client.get`."""
        return self._thread.wait_for(self._client.get, point, keys, wait=wait)

    def set(
        self,
        target: Selector | Point | str,
        properties: Mapping[str, PropertyScalar | None],
        *,
        lock: bool = False,
        wait: float | None = None,
    ) -> Rows:
        """See :meth:`Client.set`."""
        return self._thread.wait_for(self._client.set, target, properties, lock=lock, wait=wait)

    def select(self, selector: Selector | Point | str, *, wait: float | None = None) -> Rows:
        """Returns all matching particles as a list. See :meth:`Client.select`."""
        return self._thread.wait_for(self._select, selector, wait)

    async def _select(self, selector: Selector | Point | str, wait: float | None) -> Rows:
        return await self._client.select(selector, wait=wait)

    def describe(self, point: Point | str, *, wait: float | None = None) -> FactTable:
        """See :meth:`Client.describe`."""
        return self._thread.wait_for(self._client.describe, point, wait=wait)

    def move(self, point: Point | str, star: StarKey | str, *, wait: float | None = None) -> None:
        """See :meth:`Client.move`."""
        self._thread.wait_for(self._client.move, point, star, wait=wait)

    def upgrade(
        self,
        point: Point | str,
        version: str = "",
        *,
        back: bool = False,
        force: bool = False,
        wait: float | None = None,
    ) -> FactTable:
        """See :meth:`Client.upgrade`."""
        return self._thread.wait_for(self._client.upgrade, point, version, back=back, force=force, wait=wait)

    def watch(self, point: Point | str, *aspects: str, values: bool = False) -> Iterator[ParticleChange]:
        """See :meth:`Client.watch`: ``for change in client.watch("localhost:hits"): ...``."""
        return self._thread.walk(lambda: aiter(self._client.watch(point, *aspects, values=values)))

    def on_wave(self, callback: OnWave | None) -> OnWave | None:
        """See :meth:`Client.on_wave`. The callback runs in the thread of this client, and must not call it."""
        return self._client.on_wave(callback)

    def open_session(self, working: Point | str = ROOT) -> BlockingSession:
        """See :meth:`Client.open_session`."""
        return BlockingSession(self._thread, self._thread.wait_for(self._client.open_session, working))

    # -- the machine --------------------------------------------------------------------------------------

    def status(self) -> FactTable:
        """See :meth:`Client.status`."""
        return self._thread.wait_for(self._client.status)

    def stars(self) -> Rows:
        """See :meth:`Client.stars`."""
        return self._thread.wait_for(self._client.stars)

    def kinds(self) -> Rows:
        """See :meth:`Client.kinds`."""
        return self._thread.wait_for(self._client.kinds)

    def rebalance(self, *, apply: bool = False) -> FactTable:
        """See :meth:`Client.rebalance`."""
        return self._thread.wait_for(self._client.rebalance, apply=apply)

    def stop(self) -> None:
        """See :meth:`Client.stop`."""
        self._thread.wait_for(self._client.stop)


class BlockingAt(Generic[T]):
    """A particle whose class is known, for blocking calls. Made by :meth:`BlockingClient.at`; see :class:`At`."""

    __slots__ = ("_at", "_thread")

    def __init__(self, thread: LoopThread, at: At[T]) -> None:
        self._thread = thread
        self._at = at

    @property
    def point(self) -> Point:
        """The particle. Raises ParseError if the address matches several particles."""
        return self._at.point

    def __repr__(self) -> str:
        return repr(self._at)

    if not TYPE_CHECKING:  # type checkers must report the missing attribute

        def __getattr__(self, name: str) -> NoReturn:
            return getattr(self._at, name)  # which also lacks it, and whose error lists what exists

    def ask(
        self, method: Callable[Concatenate[T, Any, P], Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """See :meth:`At.ask`."""
        found: R = self._thread.wait_for(self._at.ask, method, *args, **kwargs)
        return found

    def tell(
        self,
        method: Callable[Concatenate[T, Any, P], Coroutine[Any, Any, object]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """See :meth:`At.tell`."""
        self._thread.wait_for(self._at.tell, method, *args, **kwargs)

    def ask_all(
        self, method: Callable[Concatenate[T, Any, P], Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> list[Answer[R]]:
        """See :meth:`At.ask_all`."""
        return self._thread.wait_for(self._at.ask_all, method, *args, **kwargs)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
