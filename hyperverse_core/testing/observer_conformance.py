"""Conformance kit of observers.

Subclass the kit in a test module::

    class TestSlowHandlers(ObserverConformance):
        def make(self):
            return SlowHandlers()
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Mapping

import pytest

from ..contracts.observer import Observer
from ..contracts.wave_end import WaveEnd
from ..hookspecs import hookimpl
from ..plugins.class_checks.factories import observer_mistakes, old_names
from ..universe.waves.wave import Directed, Outcome, Pong
from .fixtures import StartMachine

__all__ = ["ObserverConformance"]

_WAVES = 200
_LONGEST = 0.02
"""Seconds that one call of an observer may take on average: it is made in the event loop of the machine."""


class ObserverConformance:
    """The requirements for every observer. A subclass makes one."""

    def make(self) -> Observer:
        """Returns a new observer."""
        raise NotImplementedError("write `def make(self): return MyObserver()` in the test class")

    def whose_move(self) -> str:
        """The person who has to change something when a test fails."""
        return f"the author of the observer {type(self.make()).__qualname__}"

    def test_its_methods_can_be_called_as_the_contract_says(self) -> None:
        mistakes = [str(mistake) for mistake in observer_mistakes(self.make())]
        assert not mistakes, "; ".join(mistakes)

    def test_it_uses_no_old_names(self) -> None:
        old = list(old_names(self.make()))
        assert not old, "; ".join(old)

    def test_it_observes_something(self) -> None:
        cls = type(self.make())
        names = [name for name, _ in inspect.getmembers(Observer, inspect.isfunction) if not name.startswith("_")]
        seen = [name for name in names if getattr(cls, name) is not getattr(Observer, name)]
        assert seen, f"{cls.__name__} must override one of {', '.join(names)}, and overrides none"

    async def test_it_sees_waves_without_a_failure(
        self, start_machine: StartMachine, caplog: pytest.LogCaptureFixture
    ) -> None:
        observer = self.make()
        with caplog.at_level(logging.ERROR, "hyperverse"):
            machine = await start_machine(plugins=[_Brings(observer)])
            client = machine.client()
            await client.exec("create localhost<Space>; create localhost:one<Base>")
            for point in ("localhost:one", "localhost:nobody"):
                await client.ping(point, "Cmd<Bounce>")
                await client.signal(point, "Cmd<Bounce>")
            await client.ripple("localhost+:**", "Cmd<Bounce>")
            await client.exec("delete localhost:one")
            await asyncio.sleep(0)
            await machine.stop()
        # What an earlier test has left, such as an exporter that stops trying, may log errors of its own later.
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        said = [record.getMessage() for record in errors if record.name.startswith("hyperverse")]
        assert not said, f"an observer must not raise, and the log says: {said}"

    async def test_it_returns_at_once(self, start_machine: StartMachine) -> None:
        async def seconds(*plugins: object) -> float:
            machine = await start_machine(plugins=list(plugins))
            client = machine.client()
            await client.exec("create? localhost<Space>; create? localhost:one<Base>")
            began = time.perf_counter()
            for _ in range(_WAVES):
                await client.ping("localhost:one", "Cmd<Bounce>")
            took = time.perf_counter() - began
            await machine.stop()
            return took

        without, with_it = await seconds(), await seconds(_Brings(self.make()))
        each = (with_it - without) / _WAVES
        assert each < _LONGEST, f"an observer must return at once, and adds {each * 1000:.0f} ms to each wave"

    async def test_what_it_adds_to_waves_are_headers(self, start_machine: StartMachine) -> None:
        observer = self.make()
        if type(observer).wave_begins is not Observer.wave_begins:
            await self._check_headers(observer, start_machine)
            return
        if type(observer).wave_begun is Observer.wave_begun:
            pytest.skip("it adds nothing")
        given: list[object] = []
        begun: Callable[..., Mapping[str, str] | None] = observer.wave_begun

        def wave_begun(wave: object) -> Mapping[str, str] | None:
            headers = begun(wave)
            given.append(headers)
            return headers

        try:
            observer.wave_begun = wave_begun  # type: ignore[method-assign]  # to see what it returns
        except AttributeError:
            pytest.skip("its class has slots, so that nobody can look on")
        machine = await start_machine(plugins=[_Brings(observer)])
        await machine.client().exec("create localhost<Space>")
        for headers in given:
            fits = headers is None or all(
                isinstance(key, str) and isinstance(value, str)
                for key, value in dict(headers).items()  # type: ignore[call-overload]
            )
            assert fits, f"`wave_begun` must return headers, a map of texts, or None, and returned {headers!r}"

    async def _check_headers(self, observer: Observer, start_machine: StartMachine) -> None:
        put: list[object] = []
        begins: Callable[..., object] = observer.wave_begins

        def wave_begins(wave: object, headers: dict[str, str]) -> object:
            token = begins(wave, headers)
            put.append(dict(headers))
            return token

        try:
            observer.wave_begins = wave_begins  # type: ignore[method-assign]  # to see what it puts in
        except AttributeError:
            pytest.skip("its class has slots, so that nobody can look on")
        machine = await start_machine(plugins=[_Brings(observer)])
        await machine.client().exec("create localhost<Space>")
        for headers in put:
            fits = all(isinstance(text, str) for pair in dict(headers).items() for text in pair)  # type: ignore[call-overload]
            assert fits, f"`wave_begins` must put texts into the headers, and put {headers!r}"

    async def test_it_leaves_waves_as_they_are(self, start_machine: StartMachine) -> None:
        """All observers share one wave object: an observer that changes it changes what is delivered."""
        machine = await start_machine(plugins=[_Brings(self.make(), seen := _Seen())])
        client = machine.client()
        await client.exec("create localhost<Space>; create localhost:one<Base>")
        reply = await client.ping("localhost:one", "Cmd<Bounce>")
        await client.ping("localhost:nobody", "Cmd<Bounce>", [1, 2])
        await machine.stop()
        assert reply.ok, f"an observer must not change waves, and a Bounce is answered {reply.status}"
        changed = [body for body in seen.bodies if body != [1, 2]]
        assert not changed, f"an observer must not change bodies, and [1, 2] became {changed[0]}"

    async def test_it_takes_an_end_without_a_beginning(self, start_machine: StartMachine) -> None:
        """An end without a beginning is common: for a wave that reaches no handler, or that was on its way when the
        observer was added."""
        observer = self.make()
        machine = await start_machine(plugins=[_Brings(seen := _Seen())])
        await machine.client().ping("localhost:nobody", "Cmd<Bounce>", [1, 2])
        await machine.stop()
        wave = seen.waves[0]
        refused = WaveEnd.of(Pong(404, {"error": "nobody"}, outcome=Outcome.REJECTED), 0.0)
        for end in ("wave_ends", "handler_ends"):
            if getattr(type(observer), end) is getattr(Observer, end):
                continue
            try:
                getattr(observer, end)(wave, refused, None)
            except Exception as exc:
                pytest.fail(f"`{end}` must take None for what `begins` returned, and raised {exc!r}")


class _Seen(Observer):
    """Runs after another observer, and inspects the waves."""

    def __init__(self) -> None:
        self.bodies: list[object] = []
        self.waves: list[Directed] = []

    def wave_begins(self, wave: Directed, headers: dict[str, str]) -> None:
        """Records the body."""
        self._note(wave)

    def wave_ends(self, wave: Directed, end: WaveEnd, begun: object) -> None:
        """Records the body at the end."""
        self._note(wave)

    def _note(self, wave: Directed) -> None:
        if wave.to.text == "localhost:nobody":
            self.bodies.append(wave.body)
            self.waves.append(wave)


class _Brings:
    """A plugin with observers."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    @hookimpl
    def hyperverse_register_observers(self, register: Callable[[Observer], None]) -> None:
        """Registers them."""
        for observer in self._observers:
            register(observer)
