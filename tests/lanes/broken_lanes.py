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
from lanes.bent_lanes import Bent, Make, bending, plain

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


def _spoiling(spoil: Spoil) -> Make:
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


class _NeverDown(Bent):
    def lane_down(self, peer: Peer, reason: str) -> None:
        return


class _DownTwice(Bent):
    def lane_down(self, peer: Peer, reason: str) -> None:
        self.receiver.lane_down(peer, reason)
        self.receiver.lane_down(peer, reason)


class _DownWithoutReason(Bent):
    def lane_down(self, peer: Peer, reason: str) -> None:
        self.receiver.lane_down(peer, "")


class _UpTwice(Bent):
    def lane_up(self, peer: Peer) -> None:
        self.receiver.lane_up(peer)
        self.receiver.lane_up(peer)


BROKEN: Mapping[str, Make] = {
    "nothing": plain(LocalTransport),
    "loses a frame": _spoiling(lambda frames: frames[:-1] if len(frames) > 2 else frames),
    "changes the order": _spoiling(lambda frames: frames[::-1]),
    "repeats a frame": _spoiling(lambda frames: [*frames, frames[-1]]),
    "cuts frames off": _spoiling(lambda frames: [frame[:1000] for frame in frames]),
    "is not bounded": plain(_Unbounded),
    "never says that there is room": plain(_NeverDrained),
    "ignores priorities": plain(_NoPriorities),
    "cuts what is too large": plain(_NoLimit),
    "lets anybody in": plain(_LetsAnybodyIn),
    "believes any key": plain(_BelievesAnyKey),
    "has one default address": plain(_OneDefaultForAll),
    "has one default address for all machines": plain(_OneDefaultForAllMachines),
    "has another default address each time": plain(_AnotherDefaultEachTime),
    "has the default address of somebody else": plain(_DefaultOfSomebodyElse),
    "has a default address that is too long": plain(_LongDefault),
    "takes everything for local": plain(_EverythingIsLocal),
    "works everywhere": plain(_WorksEverywhere),
    "fails at a foreign address": plain(_ForeignAddressIsAnError),
    "refuses its own keys": plain(_RefusesItsOwnKeys),
    "takes any text for a key": plain(_TakesAnyTextForAKey),
    "trusts any endpoint": plain(_TrustsAnyEndpoint),
    "trusts any endpoint when no key is given": plain(_TrustsAnyEndpointWithoutAKey),
    "confuses receivers": plain(_SharedReceiver),
    "does not tell of an end": bending(_NeverDown),
    "tells of an end twice": bending(_DownTwice),
    "does not say why it ends": bending(_DownWithoutReason),
    "tells of a beginning twice": bending(_UpTwice),
}
"""What is wrong, and how to make transports that do it, all of one network."""
