"""Lanes that break the contract, each in one way."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from hyperverse_core.contracts.lane import Endpoint, Identity, LaneReceiver, LaneTransport, Peer
from hyperverse_core.errors import BadRequest
from hyperverse_core.lanes.local.end import LocalEnd, Way
from hyperverse_core.lanes.local.transport import LocalHub, LocalTransport

__all__ = ["BROKEN"]

Spoil = Callable[[list[bytes]], list[bytes]]


class _SpoiltWay(Way):
    def __init__(self, loop: asyncio.AbstractEventLoop, spoil: Spoil) -> None:
        super().__init__(loop)
        self._spoil = spoil

    def deliver(self, target: LocalEnd, frames: Sequence[Any], size: int) -> None:
        super().deliver(target, self._spoil([bytes(frame) for frame in frames]), size)


class _SpoilingHub(LocalHub):
    def __init__(self, spoil: Spoil) -> None:
        super().__init__()
        self._spoil = spoil

    def way(self, source: LocalTransport, target: LocalTransport) -> Way:
        return _SpoiltWay(asyncio.get_running_loop(), self._spoil)


def _spoiling(spoil: Spoil) -> Callable[[], Callable[[], LaneTransport]]:
    def made() -> Callable[[], LaneTransport]:
        hub = _SpoilingHub(spoil)
        return lambda: LocalTransport(hub=hub)

    return made


class _Unbounded(LocalTransport):
    def __init__(self) -> None:
        super().__init__({"queue_frames": 10**12, "queue_bytes": 10**15})


class _NeverDrained(LocalTransport):
    async def drain(self, peer: Peer) -> None:
        await asyncio.Event().wait()


class _NoPriorities(LocalTransport):
    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        super().send(peer, frame)


class _NoLimit(LocalTransport):
    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        super().send(peer, frame[: self.max_frame], priority=priority)


class _LetsAnybodyIn(LocalTransport):
    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        return await super().open(attrs.evolve(endpoint, allow=None), receiver)


class _TrustsAnyEndpoint(LocalTransport):
    async def connect(self, address: str, receiver: LaneReceiver, **options: Any) -> Peer:
        opened = self.hub.endpoint(address)
        if opened is not None:
            options["server_key"] = opened.endpoint.identity.public
        return await super().connect(address, receiver, **options)


class _TrustsAnyEndpointWithoutAKey(LocalTransport):
    async def connect(self, address: str, receiver: LaneReceiver, **options: Any) -> Peer:
        opened = self.hub.endpoint(address)
        if opened is not None and not options.get("server_key"):
            options["server_key"] = opened.endpoint.identity.public
        return await super().connect(address, receiver, **options)


class _BelievesAnyKey(LocalTransport):
    def holds(self, identity: Identity) -> bool:
        return True


class _OneDefaultForAll(LocalTransport):
    def default_address(self, purpose: str, directory: Path) -> str:
        return f"local://{directory}"


class _OneDefaultForAllMachines(LocalTransport):
    def default_address(self, purpose: str, directory: Path) -> str:
        return f"local://{purpose}"


class _AnotherDefaultEachTime(LocalTransport):
    def default_address(self, purpose: str, directory: Path) -> str:
        return f"local://{purpose}-{uuid.uuid4()}"


class _DefaultOfSomebodyElse(LocalTransport):
    def default_address(self, purpose: str, directory: Path) -> str:
        return f"ipc://{directory}/{purpose}"


class _LongDefault(LocalTransport):
    """As a socket whose path may not be longer."""

    def default_address(self, purpose: str, directory: Path) -> str:
        return f"local://{directory}/{purpose}"

    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        if len(endpoint.address) > 150:
            raise BadRequest(f"the address {endpoint.address!r} is too long")
        return await super().open(endpoint, receiver)


class _EverythingIsLocal(LocalTransport):
    def is_local(self, address: str) -> bool:
        return True


class _ForeignAddressIsAnError(LocalTransport):
    def is_local(self, address: str) -> bool:
        if not address.startswith("local://"):
            raise BadRequest(f"not an address: {address!r}")
        return True


class _WorksEverywhere(LocalTransport):
    def works_elsewhere(self, address: str) -> bool:
        return True


class _RefusesItsOwnKeys(LocalTransport):
    def check_key(self, text: str) -> None:
        raise BadRequest(f"{text!r} is not a key", hint="a key has 52 characters")


class _TakesAnyTextForAKey(LocalTransport):
    def check_key(self, text: str) -> None:
        return


class _SharedReceiver(LocalTransport):
    """All endpoints tell the receiver of the first one."""

    _first: LaneReceiver | None = None

    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        self._first = self._first or receiver
        return await super().open(endpoint, self._first)


class _Bent:
    """Passes on what a receiver is told, but for what a subclass bends."""

    def __init__(self, receiver: LaneReceiver) -> None:
        self.receiver = receiver

    def lane_up(self, peer: Peer) -> None:
        self.receiver.lane_up(peer)

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        self.receiver.lane_frames(peer, frames)

    def lane_down(self, peer: Peer, reason: str) -> None:
        self.receiver.lane_down(peer, reason)


class _NeverDown(_Bent):
    def lane_down(self, peer: Peer, reason: str) -> None:
        return


class _DownTwice(_Bent):
    def lane_down(self, peer: Peer, reason: str) -> None:
        self.receiver.lane_down(peer, reason)
        self.receiver.lane_down(peer, reason)


class _DownWithoutReason(_Bent):
    def lane_down(self, peer: Peer, reason: str) -> None:
        self.receiver.lane_down(peer, "")


class _UpTwice(_Bent):
    def lane_up(self, peer: Peer) -> None:
        self.receiver.lane_up(peer)
        self.receiver.lane_up(peer)


def _bending(bent: type[_Bent]) -> Callable[[], Callable[[], LaneTransport]]:
    class Bending(LocalTransport):
        async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
            return await super().open(endpoint, bent(receiver))

        async def connect(self, address: str, receiver: LaneReceiver, **options: Any) -> Peer:
            return await super().connect(address, bent(receiver), **options)

    return lambda: Bending


def _plain(transport: type[LocalTransport]) -> Callable[[], Callable[[], LaneTransport]]:
    return lambda: transport


BROKEN: Mapping[str, Callable[[], Callable[[], LaneTransport]]] = {
    "nothing": _plain(LocalTransport),
    "loses a frame": _spoiling(lambda frames: frames[:-1] if len(frames) > 2 else frames),
    "changes the order": _spoiling(lambda frames: frames[::-1]),
    "repeats a frame": _spoiling(lambda frames: [*frames, frames[-1]]),
    "cuts frames off": _spoiling(lambda frames: [frame[:1000] for frame in frames]),
    "is not bounded": _plain(_Unbounded),
    "never says that there is room": _plain(_NeverDrained),
    "ignores priorities": _plain(_NoPriorities),
    "cuts what is too large": _plain(_NoLimit),
    "lets anybody in": _plain(_LetsAnybodyIn),
    "believes any key": _plain(_BelievesAnyKey),
    "has one default address": _plain(_OneDefaultForAll),
    "has one default address for all machines": _plain(_OneDefaultForAllMachines),
    "has another default address each time": _plain(_AnotherDefaultEachTime),
    "has the default address of somebody else": _plain(_DefaultOfSomebodyElse),
    "has a default address that is too long": _plain(_LongDefault),
    "takes everything for local": _plain(_EverythingIsLocal),
    "works everywhere": _plain(_WorksEverywhere),
    "fails at a foreign address": _plain(_ForeignAddressIsAnError),
    "refuses its own keys": _plain(_RefusesItsOwnKeys),
    "takes any text for a key": _plain(_TakesAnyTextForAKey),
    "trusts any endpoint": _plain(_TrustsAnyEndpoint),
    "trusts any endpoint when no key is given": _plain(_TrustsAnyEndpointWithoutAKey),
    "confuses receivers": _plain(_SharedReceiver),
    "does not tell of an end": _bending(_NeverDown),
    "tells of an end twice": _bending(_DownTwice),
    "does not say why it ends": _bending(_DownWithoutReason),
    "tells of a beginning twice": _bending(_UpTwice),
}
"""What is wrong, and how to make transports that do it, all of one network."""
