"""WASI preview 2 for components: implemented by the platform, so that nothing is granted beyond the document.

A guest that waits is suspended: it ends at its deadline and holds no thread. It gets the platform's clocks and
randomness, its variables and arguments, an empty input, and outputs that go to the log of the particle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from wasmtime import component

from ..preview_2 import PREVIEW_2, VERSION
from .faults import HostFault
from .host_functions import chance_here, services_here
from .preview_2_guest import Preview2
from .running import current
from .typed_values import U32, EnumCase, Fields, Own, VariantCase
from .waiting import GuestAnswer, Waiting
from .waits import Sleep, suspend
from .way import define_component_async, define_component_sync, define_resource

__all__ = ["define_preview_2"]

_KINDS: Final = {
    name: number for number, name in enumerate(sorted({each for one in PREVIEW_2.values() for each in one.resources}))
}
"""The number of each resource type."""
_MOST_POLLED: Final = 4096
_MOST_WRITTEN: Final = 64 * 1024
_MOST_RANDOM: Final = 1024 * 1024
_OUT, _ERR = 1, 2
_DONE: Final = GuestAnswer(True, None)
_CLOSED: Final = GuestAnswer(False, VariantCase("closed"))
_DENIED: Final = GuestAnswer(False, EnumCase("access-denied"))

Call = Callable[[Sequence[Any]], Any]


def define_preview_2(linker: component.Linker) -> None:
    """Defines WASI preview 2 in a linker. A component that imports an older version gets the same functions."""
    for interface in PREVIEW_2.values():
        with linker.root() as root, root.add_instance(f"{interface.name}@{VERSION}") as instance:
            for name in interface.resources:
                define_resource(instance, name, _KINDS[name], _dropped(name))
            for name, types in interface.functions.items():
                waits = _WAITS.get(name)
                if waits is not None:
                    define_component_async(instance, name, waits)
                else:
                    call = _CALLS[interface.name].get(name, _out_of_reach)
                    define_component_sync(instance, name, call, option=" -> option<" in types)
            for name in interface.out_of_reach():
                define_component_sync(instance, name, _out_of_reach)


def _here() -> Preview2:
    guest = current.guest
    if guest is None or guest.preview_2 is None:
        raise HostFault("no component is running in this thread")
    return guest.preview_2


def _dropped(kind: str) -> Callable[[int], None]:
    def dropped(number: int) -> None:
        guest = current.guest
        if guest is not None and guest.preview_2 is not None:
            guest.preview_2.let_go()
            if kind == "pollable":
                guest.preview_2.timers.pop(number, None)

    return dropped


def _out_of_reach(_args: Sequence[Any]) -> Any:
    raise HostFault("the guest uses a value of WASI that it was not given")


def _own(kind: str, number: int = 0) -> Call:
    def call(_args: Sequence[Any]) -> Own:
        _here().hold()
        return Own(_KINDS[kind], number)

    return call


def _always(value: Any) -> Call:
    return lambda _: value


# -- waiting ----------------------------------------------------------------------------------------------


def _timer(end: int) -> Own:
    here = _here()
    here.hold()
    return Own(_KINDS["pollable"], here.timer(end))


def _left(numbers: Sequence[int]) -> list[int]:
    """Returns after how many nanoseconds each pollable is ready. One that is not a timer is a stream of the platform,
    which is always ready."""
    now, timers = time.monotonic_ns(), _here().timers
    return [max(0, timers.get(number, 0) - now) for number in numbers]


def _poll(args: Sequence[Any]) -> Waiting:
    polled = args[0]
    if not 0 < len(polled) <= _MOST_POLLED:
        raise HostFault(f"the guest polls {len(polled)} pollables at once, but 1 to {_MOST_POLLED} are allowed")
    left = _left(polled)
    first = min(left)
    return suspend(Sleep(first / 1e9), [U32(place) for place, each in enumerate(left) if each <= first])


def _block(args: Sequence[Any]) -> Waiting:
    (left,) = _left(args)
    return suspend(Sleep(left / 1e9), None)


def _ready(args: Sequence[Any]) -> bool:
    return _left(args) == [0]


_WAITS: Final[Mapping[str, Callable[[Sequence[Any]], Waiting]]] = {"poll": _poll, "[method]pollable.block": _block}


# -- streams ----------------------------------------------------------------------------------------------


def _write(args: Sequence[Any]) -> GuestAnswer:
    which, data = args
    if len(data) > _MOST_WRITTEN:
        raise HostFault(f"the guest writes {len(data)} bytes at once, but at most {_MOST_WRITTEN} are accepted")
    _here().write(which, data, services_here().log)
    return _DONE


def _write_zeroes(args: Sequence[Any]) -> GuestAnswer:
    which, size = args
    return _write((which, bytes(min(size, _MOST_WRITTEN + 1))))


# -- time, randomness, and the guest's environment ----------------------------------------------------------


def _wall_clock(_args: Sequence[Any]) -> Fields:
    seconds, rest = divmod(chance_here().now(), 10**9)
    return Fields(seconds=seconds, nanoseconds=U32(rest))


def _random_bytes(args: Sequence[Any]) -> bytes:
    if args[0] > _MOST_RANDOM:
        raise HostFault(f"the guest asks for {args[0]} random bytes at once, but at most {_MOST_RANDOM} are given")
    return chance_here().random(args[0])


def _random_number(_args: Sequence[Any] = ()) -> int:
    return int.from_bytes(chance_here().random(8), "little")


def _exit(args: Sequence[Any]) -> None:
    status = args[0]
    code = status if isinstance(status, int) else int(not status.ok)
    raise HostFault(f"the guest exited with code {code}")


_CALLS: Final[Mapping[str, Mapping[str, Call]]] = {
    "wasi:io/error": {},
    "wasi:io/poll": {"[method]pollable.ready": _ready},
    "wasi:io/streams": {
        "[method]input-stream.read": _always(_CLOSED),
        "[method]input-stream.blocking-read": _always(_CLOSED),
        "[method]input-stream.skip": _always(_CLOSED),
        "[method]input-stream.blocking-skip": _always(_CLOSED),
        "[method]input-stream.subscribe": _own("pollable"),
        "[method]output-stream.check-write": _always(GuestAnswer(True, _MOST_WRITTEN)),
        "[method]output-stream.write": _write,
        "[method]output-stream.blocking-write-and-flush": _write,
        "[method]output-stream.flush": _always(_DONE),
        "[method]output-stream.blocking-flush": _always(_DONE),
        "[method]output-stream.subscribe": _own("pollable"),
        "[method]output-stream.write-zeroes": _write_zeroes,
        "[method]output-stream.blocking-write-zeroes-and-flush": _write_zeroes,
        "[method]output-stream.splice": _always(_CLOSED),
        "[method]output-stream.blocking-splice": _always(_CLOSED),
    },
    "wasi:clocks/monotonic-clock": {
        "now": lambda _: time.monotonic_ns(),
        "resolution": _always(1),
        "subscribe-instant": lambda args: _timer(args[0]),
        "subscribe-duration": lambda args: _timer(time.monotonic_ns() + args[0]),
    },
    "wasi:clocks/wall-clock": {"now": _wall_clock, "resolution": _always(Fields(seconds=0, nanoseconds=U32(1000)))},
    "wasi:random/random": {"get-random-bytes": _random_bytes, "get-random-u64": _random_number},
    "wasi:random/insecure": {"get-insecure-random-bytes": _random_bytes, "get-insecure-random-u64": _random_number},
    "wasi:random/insecure-seed": {"insecure-seed": lambda _: (_random_number(), _random_number())},
    "wasi:cli/environment": {
        "get-environment": lambda _: list(_here().environment.items()),
        "get-arguments": lambda _: _here().arguments,
        "initial-cwd": _always(None),
    },
    "wasi:cli/exit": {"exit": _exit, "exit-with-code": _exit},
    "wasi:cli/stdin": {"get-stdin": _own("input-stream")},
    "wasi:cli/stdout": {"get-stdout": _own("output-stream", _OUT)},
    "wasi:cli/stderr": {"get-stderr": _own("output-stream", _ERR)},
    "wasi:cli/terminal-input": {},
    "wasi:cli/terminal-output": {},
    "wasi:cli/terminal-stdin": {"get-terminal-stdin": _always(None)},
    "wasi:cli/terminal-stdout": {"get-terminal-stdout": _always(None)},
    "wasi:cli/terminal-stderr": {"get-terminal-stderr": _always(None)},
    "wasi:filesystem/preopens": {"get-directories": _always([])},
    "wasi:filesystem/types": {},
    "wasi:sockets/network": {},
    "wasi:sockets/instance-network": {"instance-network": _own("network")},
    "wasi:sockets/ip-name-lookup": {"resolve-addresses": _always(_DENIED)},
    "wasi:sockets/tcp-create-socket": {"create-tcp-socket": _always(_DENIED)},
    "wasi:sockets/tcp": {},
    "wasi:sockets/udp-create-socket": {"create-udp-socket": _always(_DENIED)},
    "wasi:sockets/udp": {},
}
"""The implementation of each callable function. The others need a value that no guest is given."""
