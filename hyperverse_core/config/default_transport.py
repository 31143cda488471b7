"""The transport of machines and clients whose users have named none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__ = ["DEFAULT_TRANSPORT", "default_transport", "keys_folder", "transport_before", "transport_of_address"]

DEFAULT_TRANSPORT: Final = "stream"
"""The lane transport of machines and clients that choose no other, on one host."""
_FIRST: Final = "zmq"  # the default before: that of older data directories, and of TCP (docs/decisions/0013)
_BY_SCHEME: Final = {"tcp": _FIRST, "ipc": _FIRST, "unix": DEFAULT_TRANSPORT}


def transport_of_address(address: Any) -> str | None:
    """The name of the transport that an address is for when nobody names one; None when the address says nothing."""
    return _BY_SCHEME.get(address.partition("://")[0]) if isinstance(address, str) and "://" in address else None


def default_transport(
    data_dir: Path, kept: str, address: Any = "", *, may_load: Callable[[str], bool] = lambda name: True
) -> str:
    """Returns the transport of a machine whose config names none. A data directory with keys of the transport that was
    the default before goes on with it: keys that others have written down stay true, and all of its machines reach each
    other, whatever their release. Where the config loads the plugin of one of the two only, it is that one.

    Args:
        data_dir: the data directory.
        kept: which of its keys count, as a pattern below the folder of the keys: those of lanes or of clients.
        address: where the machine is told to listen; empty when nobody has told it.
        may_load: whether the config lets the plugin of that name load.
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
    """Returns the transport that a machine had before it came to this one, for which it has no keys yet; empty when it
    has some, or had no other.

    Args:
        data_dir: the data directory.
        transport: the one that the machine uses now.
        machine: its name.
    """
    kept = f"machines/{machine}.secret"
    if (keys_folder(data_dir, transport) / kept).exists():
        return ""
    found = [_FIRST] if (data_dir / "keys" / kept).exists() else []
    found += [path.parent.parent.name for path in sorted((data_dir / "keys").glob(f"*/{kept}"))]
    return found[0] if found else ""


def keys_folder(data_dir: Path, transport: str) -> Path:
    """The folder with the keys of a transport. Those of the first transport lie where keys lay before there was
    another.

    Args:
        data_dir: the data directory.
        transport: what the config calls it.
    """
    folder = data_dir / "keys"
    return folder if transport == _FIRST else folder / transport
