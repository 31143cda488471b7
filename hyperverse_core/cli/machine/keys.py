"""``hyperverse keys``: the public keys of machines that may connect."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ..terminal.options import common, options
from ..terminal.output import print_json, table

if TYPE_CHECKING:
    from ...fabric.cluster.trusted_keys import TrustedKeys

__all__ = ["keys"]


@click.group()
def keys() -> None:
    """Show, allow and revoke the public keys of machines.

    Machines of one data directory trust each other. A machine with another data directory can connect after its key has
    been allowed here, and the key of this machine there.
    """


@keys.command()
@common
def show() -> None:
    """Show the allowed keys, each as the command that allows it on another machine."""
    known = _trusted_keys().names()
    if options().json:
        print_json(known)
    else:
        table(("machine", "to allow it elsewhere"), ((name, _command(name, key)) for name, key in known.items()))


@keys.command()
@click.argument("machine")
@click.argument("key")
@common
def allow(machine: str, key: str) -> None:
    """Allow MACHINE to connect with KEY. Write -- before a KEY that begins with a hyphen."""
    trusted = _trusted_keys()
    _check_name(machine)
    _check_key(key)
    trusted.allow(machine, key)
    if options().json:
        print_json({machine: key})
    elif not options().quiet:
        print(f"allowed: machine {machine}")


@keys.command()
@click.argument("machine")
@common
def remove(machine: str) -> None:
    """Revoke the key of MACHINE; open connections with it end within a second."""
    _trusted_keys().remove(machine)
    if not options().quiet and not options().json:
        print(f"removed: machine {machine}")


def _command(machine: str, key: str) -> str:
    """Returns the command to run on the other machine, quoted for a shell."""
    end = ["--"] if key.startswith("-") else []
    return shlex.join(["hyperverse", "keys", "allow", machine, *end, key])


def _trusted_keys() -> TrustedKeys:
    """Returns the keys of the data directory. Raises NotFound when there is no such directory: keys in a new one would
    let no machine in."""
    from ...errors import NotFound
    from ...fabric.cluster.trusted_keys import TrustedKeys

    data_dir = options().where()
    if not data_dir.is_dir():
        raise NotFound(
            f"there is no data directory {str(data_dir)!r}",
            hint="give that of a machine with --data-dir, or start a machine with `hyperverse up --detach`",
        )
    return TrustedKeys(data_dir)


def _check_name(machine: str) -> None:
    """Raises BadRequest when ``machine`` cannot be the name of a machine."""
    from ...config import Config
    from ...errors import BadRequest, ConfigError

    try:
        Config(name=machine)  # the configuration has the rule
    except ConfigError:
        raise BadRequest(
            f"{machine!r} is not the name of a machine",
            hint="a name has lower-case letters and digits, a letter first; `hyperverse status` shows it over there",
        ) from None


def _check_key(key: str) -> None:
    """Raises BadRequest when ``key`` cannot be a public key of the configured transport."""
    from ...errors import BadRequest

    config = options().load().config
    transport = options().plugins().transport(config.lanes.driver, config.transport_settings())
    try:
        transport.check_key(key)
    except BadRequest as exc:
        raise BadRequest(
            f"{key!r} is not the public key of a machine: {exc.message}",
            hint=f"{exc.hint}; `hyperverse keys show` on that machine prints its key",
        ) from exc
