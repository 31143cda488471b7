"""What components may import of WASI preview 2, and what each import does.

The platform implements all of it: clocks, randomness and waiting, so that a guest ends at its deadline, and the rest,
so that nothing is granted unless a document says so. There are no folders and no network: a function that needs one of
them returns an error, or cannot be called because nothing returns the value that it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

__all__ = ["PREVIEW_2", "VERSION", "Interface", "fault_of_preview_2"]

VERSION: Final = "0.2.12"
"""The newest supported version. A component may import any version with the same beginning."""
_TRACK: Final = "0.2."


@attrs.frozen
class Interface:
    """One interface of WASI.

    Attributes:
        name: its name without a version.
        functions: the types of its callable functions.
        resources: the resource types that it declares, or uses from another interface.
        methods: methods of resource types that no guest can have, by the name of the type.
        provider: its provider, in words.
    """

    name: str
    functions: Mapping[str, str] = attrs.field(factory=dict)
    resources: tuple[str, ...] = ()
    methods: Mapping[str, str] = attrs.field(factory=dict)
    provider: str = "the platform, in place of WASI preview 2"

    def out_of_reach(self) -> list[str]:
        """Returns the functions that cannot be called."""
        return [f"[method]{owner}.{name}" for owner, names in self.methods.items() for name in names.split()]


_BROKEN: Final = "variant { last-operation-failed(own<error>), closed }"
_WRITTEN: Final = f"result<_, {_BROKEN}>"
_COUNTED: Final = f"result<u64, {_BROKEN}>"
_READ: Final = f"result<list<u8>, {_BROKEN}>"
_SOURCE, _SINK, _POLLABLE = "borrow<input-stream>", "borrow<output-stream>", "own<pollable>"
_TIME: Final = "() -> record { seconds: u64, nanoseconds: u32 }"
_FILE_ERROR: Final = (
    "enum { access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large, "
    "illegal-byte-sequence, in-progress, interrupted, invalid, io, is-directory, loop, too-many-links, message-size, "
    "name-too-long, no-device, no-entry, no-lock, insufficient-memory, insufficient-space, not-directory, not-empty, "
    "not-recoverable, unsupported, no-tty, no-such-device, overflow, not-permitted, pipe, read-only, invalid-seek, "
    "text-file-busy, cross-device }"
)
_NET_ERROR: Final = (
    "enum { unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout, concurrency-conflict, "
    "not-in-progress, would-block, invalid-state, new-socket-limit, address-not-bindable, address-in-use, "
    "remote-unreachable, connection-refused, connection-reset, connection-aborted, datagram-too-large, "
    "name-unresolvable, temporary-resolver-failure, permanent-resolver-failure }"
)
_FAMILY: Final = "(enum { ipv4, ipv6 })"
_NO_FOLDER: Final = "the platform, in place of WASI preview 2: no folder is granted"
_NO_NETWORK: Final = "the platform, in place of WASI preview 2: no network is granted"

_INTERFACES: Final = (
    Interface("wasi:io/error", {}, ("error",), {"error": "to-debug-string"}),
    Interface(
        "wasi:io/poll",
        {
            "[method]pollable.ready": "(borrow<pollable>) -> bool",
            "[method]pollable.block": "(borrow<pollable>) -> _",
            "poll": "(list<borrow<pollable>>) -> list<u32>",
        },
        ("pollable",),
    ),
    Interface(
        "wasi:io/streams",
        {
            "[method]input-stream.read": f"({_SOURCE}, u64) -> {_READ}",
            "[method]input-stream.blocking-read": f"({_SOURCE}, u64) -> {_READ}",
            "[method]input-stream.skip": f"({_SOURCE}, u64) -> {_COUNTED}",
            "[method]input-stream.blocking-skip": f"({_SOURCE}, u64) -> {_COUNTED}",
            "[method]input-stream.subscribe": f"({_SOURCE}) -> {_POLLABLE}",
            "[method]output-stream.check-write": f"({_SINK}) -> {_COUNTED}",
            "[method]output-stream.write": f"({_SINK}, list<u8>) -> {_WRITTEN}",
            "[method]output-stream.blocking-write-and-flush": f"({_SINK}, list<u8>) -> {_WRITTEN}",
            "[method]output-stream.flush": f"({_SINK}) -> {_WRITTEN}",
            "[method]output-stream.blocking-flush": f"({_SINK}) -> {_WRITTEN}",
            "[method]output-stream.subscribe": f"({_SINK}) -> {_POLLABLE}",
            "[method]output-stream.write-zeroes": f"({_SINK}, u64) -> {_WRITTEN}",
            "[method]output-stream.blocking-write-zeroes-and-flush": f"({_SINK}, u64) -> {_WRITTEN}",
            "[method]output-stream.splice": f"({_SINK}, {_SOURCE}, u64) -> {_COUNTED}",
            "[method]output-stream.blocking-splice": f"({_SINK}, {_SOURCE}, u64) -> {_COUNTED}",
        },
        ("input-stream", "output-stream", "error", "pollable"),
    ),
    Interface(
        "wasi:clocks/monotonic-clock",
        {
            "now": "() -> u64",
            "resolution": "() -> u64",
            "subscribe-instant": f"(u64) -> {_POLLABLE}",
            "subscribe-duration": f"(u64) -> {_POLLABLE}",
        },
        ("pollable",),
    ),
    Interface("wasi:clocks/wall-clock", {"now": _TIME, "resolution": _TIME}),
    Interface("wasi:random/random", {"get-random-bytes": "(u64) -> list<u8>", "get-random-u64": "() -> u64"}),
    Interface(
        "wasi:random/insecure",
        {"get-insecure-random-bytes": "(u64) -> list<u8>", "get-insecure-random-u64": "() -> u64"},
    ),
    Interface("wasi:random/insecure-seed", {"insecure-seed": "() -> tuple<u64, u64>"}),
    Interface(
        "wasi:cli/environment",
        {
            "get-environment": "() -> list<tuple<string, string>>",
            "get-arguments": "() -> list<string>",
            "initial-cwd": "() -> option<string>",
        },
    ),
    Interface("wasi:cli/exit", {"exit": "(result) -> _", "exit-with-code": "(u8) -> _"}),
    Interface("wasi:cli/stdin", {"get-stdin": "() -> own<input-stream>"}, ("input-stream",)),
    Interface("wasi:cli/stdout", {"get-stdout": "() -> own<output-stream>"}, ("output-stream",)),
    Interface("wasi:cli/stderr", {"get-stderr": "() -> own<output-stream>"}, ("output-stream",)),
    Interface("wasi:cli/terminal-input", resources=("terminal-input",)),
    Interface("wasi:cli/terminal-output", resources=("terminal-output",)),
    Interface(
        "wasi:cli/terminal-stdin", {"get-terminal-stdin": "() -> option<own<terminal-input>>"}, ("terminal-input",)
    ),
    Interface(
        "wasi:cli/terminal-stdout", {"get-terminal-stdout": "() -> option<own<terminal-output>>"}, ("terminal-output",)
    ),
    Interface(
        "wasi:cli/terminal-stderr", {"get-terminal-stderr": "() -> option<own<terminal-output>>"}, ("terminal-output",)
    ),
    Interface(
        "wasi:filesystem/preopens",
        {"get-directories": "() -> list<tuple<own<descriptor>, string>>"},
        ("descriptor",),
        provider=_NO_FOLDER,
    ),
    Interface(
        "wasi:filesystem/types",
        {"filesystem-error-code": f"(borrow<error>) -> option<{_FILE_ERROR}>"},
        ("descriptor", "directory-entry-stream", "input-stream", "output-stream", "error"),
        {
            "descriptor": "read-via-stream write-via-stream append-via-stream advise sync-data get-flags get-type "
            "set-size set-times read write read-directory sync create-directory-at stat stat-at set-times-at link-at "
            "open-at readlink-at remove-directory-at rename-at symlink-at unlink-file-at is-same-object metadata-hash "
            "metadata-hash-at",
            "directory-entry-stream": "read-directory-entry",
        },
        _NO_FOLDER,
    ),
    Interface(
        "wasi:sockets/network",
        {"network-error-code": f"(borrow<error>) -> option<{_NET_ERROR}>"},
        ("network", "error"),
        provider=_NO_NETWORK,
    ),
    Interface(
        "wasi:sockets/instance-network",
        {"instance-network": "() -> own<network>"},
        ("network",),
        provider=_NO_NETWORK,
    ),
    Interface(
        "wasi:sockets/ip-name-lookup",
        {
            "resolve-addresses": f"(borrow<network>, string) -> result<own<resolve-address-stream>, {_NET_ERROR}>",
        },
        ("resolve-address-stream", "network", "pollable"),
        {"resolve-address-stream": "resolve-next-address subscribe"},
        _NO_NETWORK,
    ),
    Interface(
        "wasi:sockets/tcp-create-socket",
        {"create-tcp-socket": f"{_FAMILY} -> result<own<tcp-socket>, {_NET_ERROR}>"},
        ("tcp-socket", "network"),
        provider=_NO_NETWORK,
    ),
    Interface(
        "wasi:sockets/tcp",
        {},
        ("tcp-socket", "network", "input-stream", "output-stream", "pollable"),
        {
            "tcp-socket": "start-bind finish-bind start-connect finish-connect start-listen finish-listen accept "
            "local-address remote-address is-listening address-family set-listen-backlog-size keep-alive-enabled "
            "set-keep-alive-enabled keep-alive-idle-time set-keep-alive-idle-time keep-alive-interval "
            "set-keep-alive-interval keep-alive-count set-keep-alive-count hop-limit set-hop-limit receive-buffer-size "
            "set-receive-buffer-size send-buffer-size set-send-buffer-size subscribe shutdown",
        },
        _NO_NETWORK,
    ),
    Interface(
        "wasi:sockets/udp-create-socket",
        {"create-udp-socket": f"{_FAMILY} -> result<own<udp-socket>, {_NET_ERROR}>"},
        ("udp-socket", "network"),
        provider=_NO_NETWORK,
    ),
    Interface(
        "wasi:sockets/udp",
        {},
        ("udp-socket", "incoming-datagram-stream", "outgoing-datagram-stream", "network", "pollable"),
        {
            "udp-socket": "start-bind finish-bind stream local-address remote-address address-family unicast-hop-limit "
            "set-unicast-hop-limit receive-buffer-size set-receive-buffer-size send-buffer-size set-send-buffer-size "
            "subscribe",
            "incoming-datagram-stream": "receive subscribe",
            "outgoing-datagram-stream": "check-send send subscribe",
        },
        _NO_NETWORK,
    ),
)
PREVIEW_2: Final[Mapping[str, Interface]] = {each.name: each for each in _INTERFACES}
"""The interfaces, by name without a version."""
_OUT_OF_REACH: Final = {each.name: frozenset(each.out_of_reach()) for each in _INTERFACES}


def fault_of_preview_2(
    name: str, version: str, functions: Mapping[str, str], resources: Mapping[str, str]
) -> tuple[str, str]:
    """Returns why an interface of WASI cannot be provided, and what to do about it; both are empty when it can.

    Args:
        name: its name without a version.
        version: its version; empty for none.
        functions: the types of the functions imported from it.
        resources: the resource types imported from it, each with the name under which it was first imported.
    """
    from hyperverse_core.errors import did_you_mean

    known = PREVIEW_2.get(name)
    if known is None:
        return (
            f"this is not a supported WASI interface{did_you_mean(name, PREVIEW_2)}",
            "the reference lists the interfaces for components; send waves to reach anything else",
        )
    if not version.startswith(_TRACK):
        told = f"version {version} of WASI" if version else "WASI without a version"
        return f"{told} is not supported", f"build it for WASI {_TRACK}x, which is preview 2"
    for function, types in functions.items():
        if function in _OUT_OF_REACH[name]:
            continue  # no guest can have the value of its first parameter
        declared = known.functions.get(function)
        if declared is None:
            near = did_you_mean(function, known.functions)
            return f"the interface has no {function!r}{near}", f"build it for WASI {VERSION} or older"
        if types != declared:
            return f"{function} is imported as {types}, but is {declared}", "declare it with that type"
    for resource, first in resources.items():
        if resource not in known.resources:
            return f"the interface has no type {resource!r}", f"build it for WASI {VERSION} or older"
        if first != resource:
            return f"its type {resource!r} is the same as {first!r}", "build it with the interfaces of WASI"
    return "", ""
