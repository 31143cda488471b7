"""The kit for transports with something between finds what is wrong when that goes and comes back."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import pytest

from hyperverse_core.testing.lane_conformance import BrokerConformance
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_core.transport import Endpoint, LaneReceiver, Peer
from lanes.bus_transport import Bus, BusTransport


class LosableBus(Bus):
    """A bus that goes and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.users: weakref.WeakSet[Returning] = weakref.WeakSet()
        self.away = False
        self.kept: list[tuple[str, bytes, str]] = []

    def publish(self, subject: str, message: bytes, answer_to: str) -> None:
        if not self.away:
            super().publish(subject, message, answer_to)

    def _deliver(self, subject: str, message: bytes, answer_to: str) -> None:
        if not self.away:
            super()._deliver(subject, message, answer_to)

    def stop(self) -> None:
        self.away = True
        self.inboxes.clear()
        for user in tuple(self.users):
            user.lost()

    def start(self) -> None:
        self.away = False
        for user in tuple(self.users):
            user.back()


class Returning(BusTransport):
    """It keeps the contract."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: dict[str, tuple[Endpoint, LaneReceiver]] = {}
        self.bus.users.add(self)  # type: ignore[attr-defined]  # each test has a LosableBus

    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        address = await super().open(endpoint, receiver)
        self.opened[address] = endpoint, receiver
        return address

    def lost(self) -> None:
        """The bus is away."""
        for channel in self._pump.channels() if self._pump else ():
            self._pump.end(channel, "the bus is lost")  # type: ignore[union-attr]  # there are none without it

    def back(self) -> None:
        """The bus is there again."""
        if not self._ended:
            for address, (endpoint, receiver) in self.opened.items():
                self.bus.inboxes[address] = partial(self._greeted, endpoint, receiver)

    def _leave(self) -> None:
        self._ended = True
        while self._addresses:
            self.bus.inboxes.pop(self._addresses.pop(), None)


class _StaysClosed(Returning):
    def back(self) -> None:
        pass


class _ComesBackOnce(Returning):
    returned: ClassVar[int] = 0

    def back(self) -> None:
        if self.opened and type(self).returned == 0:
            type(self).returned += 1
            super().back()


class _NoticesNothing(Returning):
    def lost(self) -> None:
        pass


class _TellsTwice(Returning):
    def lost(self) -> None:
        channels = self._pump.channels() if self._pump else []
        super().lost()
        for channel in channels:
            channel.receiver.lane_down(channel.peer, "once more")


class _SaysOldThingsAgain(Returning):
    """What was sent before the loss is sent again by the next connection."""

    said: ClassVar[list[bytes]] = []

    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        super().send(peer, frame, priority=priority)
        self.said.append(frame)

    async def connect(self, *args: object, **options: object) -> Peer:
        peer: Peer = await super().connect(*args, **options)  # type: ignore[arg-type]
        for frame in self.said[:3]:
            super().send(peer, frame)
        return peer


class TestReturning(BrokerConformance):
    @pytest.fixture
    def between(self, monkeypatch: pytest.MonkeyPatch) -> LosableBus:
        bus = LosableBus()
        monkeypatch.setattr(BusTransport, "bus", bus)
        return bus

    @pytest.fixture
    def make_transport(self, between: LosableBus) -> Callable[[], BusTransport]:
        return Returning


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_StaysClosed, "test_an_endpoint_that_nobody_has_come_to_is_open_again_too"),
        (_ComesBackOnce, "test_an_endpoint_is_open_at_its_address_until_it_is_closed_however_often_it_goes"),
        (_NoticesNothing, "test_a_loss_ends_each_connection_once_on_both_sides"),
        (_NoticesNothing, "test_while_it_is_away_nobody_is_reached_and_that_is_said"),
        (_TellsTwice, "test_a_loss_ends_each_connection_once_on_both_sides"),
        (_SaysOldThingsAgain, "test_what_was_under_way_arrives_once_or_never_and_without_a_gap"),
    ],
)
async def test_it_finds_what_is_wrong(broken: type[Returning], test: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = LosableBus()
    monkeypatch.setattr(BusTransport, "bus", bus)
    kit, harness = BrokerConformance(), Harness(broken, str, 0.5)
    kit.patience = 0.5
    try:
        with pytest.raises((AssertionError, TimeoutError)):
            await getattr(kit, test)(harness, bus)
    finally:
        harness.end()
