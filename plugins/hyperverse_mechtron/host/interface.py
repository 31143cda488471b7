"""The functions that components import from the interface ``cosmic:hyperverse/host``.

Bytes are passed as a string with one character for each byte, which is several times faster than a list of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from wasmtime import component

from ..providers import INTERFACE
from .faults import HostFault
from .host_functions import MOST_SENT, chance_here, services_here
from .waiting import GuestAnswer
from .waits import Asking, suspend
from .way import define_component_async, define_component_sync

__all__ = ["define_interface"]

_OK: Final = 200


def define_interface(linker: component.Linker) -> None:
    """Puts the interface into a linker, with its version and without."""
    for name in (f"{INTERFACE}@0.1.0", INTERFACE):
        with linker.root() as root, root.add_instance(name) as interface:
            for how in ("ping", "ping-bytes", "signal", "ripple"):
                define_component_async(interface, how, _asking(how))
            define_component_sync(interface, "state-get", _state_get, option=True)
            define_component_sync(interface, "header", _header, option=True)
            for function, call in _CALLS.items():
                define_component_sync(interface, function, call)


def _asking(how: str) -> Any:
    def call(args: Sequence[Any]) -> Any:
        services = services_here()
        to, method, text = args
        if len(text) > MOST_SENT:
            raise HostFault(f"the guest sends {len(text)} characters, and {MOST_SENT} are allowed")
        body = _as_bytes(text) if how == "ping-bytes" else text

        async def work(left: float) -> GuestAnswer:
            status, answer = await services.send(how.removesuffix("-bytes"), to, method, body, left)
            return GuestAnswer(status < 300, answer.decode("latin-1") if isinstance(answer, bytes) else answer)

        return suspend(Asking(work))

    return call


def _as_bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as exc:
        raise HostFault(
            f"the guest sends bytes as a string with the character {text[exc.start]!r}, which is no byte"
        ) from None


def _log(args: Sequence[Any]) -> None:
    services_here().log(args[0][:8192])


def _state_get(args: Sequence[Any]) -> str | None:
    found = services_here().get(args[0])
    return None if found is None else found.decode("utf-8", "replace")


def _state_set(args: Sequence[Any]) -> None:
    if services_here().put(args[0], args[1].encode()) != _OK:
        raise HostFault("the guest keeps more state than 1 MiB, or under a key of more than 256 characters")


def _header(args: Sequence[Any]) -> str | None:
    return services_here().header(args[0])


def _path(args: Sequence[Any]) -> str:
    return services_here().path()


def _agent(args: Sequence[Any]) -> str:
    return services_here().agent()


def _carries_bytes(args: Sequence[Any]) -> bool:
    return services_here().carries_bytes()


def _now(args: Sequence[Any]) -> int:
    return chance_here().now()


def _random(args: Sequence[Any]) -> str:
    if args[0] > 65536:
        raise HostFault(f"the guest wants {args[0]} random bytes, and 65536 are given at once")
    return chance_here().random(args[0]).decode("latin-1")


_CALLS: Final[dict[str, Any]] = {
    "log": _log,
    "state-set": _state_set,
    "path": _path,
    "agent": _agent,
    "carries-bytes": _carries_bytes,
    "now": _now,
    "random": _random,
}
