"""What a WASI guest is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

__all__ = ["GrantedFolder", "WasiGrants"]


@attrs.frozen
class GrantedFolder:
    """A folder of the computer that a guest may use.

    Attributes:
        host: its path on the computer.
        guest: its path for the guest.
        write: whether the guest may change what is in it.
    """

    host: str
    guest: str
    write: bool = False


@attrs.frozen
class WasiGrants:
    """What a WASI guest is given.

    Attributes:
        arguments: without the name of the program.
        environment: its environment variables.
        folders: the folders that it may use.
    """

    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = attrs.field(factory=dict)
    folders: Sequence[GrantedFolder] = ()
