"""The transport of machines and clients for which no transport is configured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__ = ["DEFAULT_TRANSPORT", "default_transport", "keys_folder", "transport_before", "transport_of_address"]

DEFAULT_TRANSPORT: Final = "stream"
"""The lane transport of machines and clients for which no other is configured, on one host."""
_FIRST: Final = "zmq"  # the former default, still used for older data directories and for TCP (docs/decisions/0013)
_BY_SCHEME: Final = {"tcp": _FIRST, "ipc": _FIRST, "unix": DEFAULT_TRANSPORT}


def transport_of_address(address: Any) -> str | None:
    """Returns the transport that an address implies; None when the address implies none."""
    return _BY_SCHEME.get(address.partition("://")[0]) if isinstance(address, str) and "://" in address else None


def default_transport(
    data_dir: Path, kept: str, address: Any = "", *, may_load: Callable[[str], bool] = lambda name: True
) -> str:
    """Returns the transport of a machine whose configuration names none. A data directory that has keys of the former
    default transport keeps using it: keys that others have recorded stay valid, and all of its machines can reach each
    other, whatever their release. If the configuration loads the plugin of only one of the two transports, that one is
    used.

    Args:
        data_dir: the data directory.
        kept: which of its keys count, as a pattern below the folder of the keys: those of lanes or those of clients.
        address: address that the machine is configured to listen on; empty for none.
        may_load: tells whether the configuration lets the plugin of that name load.
    """
    found = transport_of_address(address)
    if found is not None:
        return found
    loadable = [name for name in (DEFAULT_TRANSPORT, _FIRST) if may_load(name)]
    if len(loadable) == 1:
        return loadable[0]
    older, newer = [any(keys_folder(data_dir, name).glob(kept)) for name in (_FIRST, DEFAULT_TRANSPORT)]
    return _FIRST if older and not newer else DEFAULT_TRANSPORT


def transport_before(data_dir: Path, transport: str, machine: str) -> str:
    """Returns the transport that a machine used before its present one, if it has no keys for the present one yet;
    empty when it has some, or used no other.

    Args:
        data_dir: the data directory.
        transport: the transport that the machine uses now.
        machine: name of the machine.
    """
    kept = f"machines/{machine}.secret"
    if (keys_folder(data_dir, transport) / kept).exists():
        return ""
    found = [_FIRST] if (data_dir / "keys" / kept).exists() else []
    found += [path.parent.parent.name for path in sorted((data_dir / "keys").glob(f"*/{kept}"))]
    return found[0] if found else ""


def keys_folder(data_dir: Path, transport: str) -> Path:
    """Returns the folder with the keys of a transport. Those of the first transport remain where keys were before there
    was a second one.

    Args:
        data_dir: the data directory.
        transport: name of the transport in the configuration.
    """
    folder = data_dir / "keys"
    return folder if transport == _FIRST else folder / transport
