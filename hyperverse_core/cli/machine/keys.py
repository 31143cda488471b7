"""``hyperverse keys``: which machines are let in."""

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
    """Show and allow the public keys of machines.

    Machines of one data directory know each other. A machine that runs elsewhere is let in when its key is allowed
    here, and this machine there.
    """


@keys.command()
@common
def show() -> None:
    """The public keys of the machines that are let in, each as the command that allows it elsewhere."""
    known = _keyring().names()
    if options().json:
        print_json(known)
    else:
        table(("machine", "to allow it elsewhere"), ((name, _command(name, key)) for name, key in known.items()))


@keys.command()
@click.argument("machine")
@click.argument("key")
@common
def allow(machine: str, key: str) -> None:
    """Let MACHINE in, which proves who it is by KEY. Before a KEY that begins with a hyphen say -- once."""
    keyring = _keyring()
    _check_name(machine)
    _check_key(key)
    keyring.allow(machine, key)
    if options().json:
        print_json({machine: key})
    elif not options().quiet:
        print(f"allowed: machine {machine}")


@keys.command()
@click.argument("machine")
@common
def remove(machine: str) -> None:
    """Let MACHINE in no more. A lane that stands goes on until it breaks or a machine starts again."""
    _keyring().remove(machine)
    if not options().quiet and not options().json:
        print(f"removed: machine {machine}")


def _command(machine: str, key: str) -> str:
    """What to type on the other side. Keys have characters that mean something to a shell."""
    end = ["--"] if key.startswith("-") else []
    return shlex.join(["hyperverse", "keys", "allow", machine, *end, key])


def _keyring() -> TrustedKeys:
    """The keys of the data directory. Raises NotFound when there is no such directory: keys in a new one would let
    nobody in anywhere."""
    from ...errors import NotFound
    from ...fabric.cluster.trusted_keys import TrustedKeys

    data_dir = options().where()
    if not data_dir.is_dir():
        raise NotFound(
            f"there is no data directory {str(data_dir)!r}",
            hint="--data-dir takes that of a machine; start one with `hyperverse up --detach`",
        )
    return TrustedKeys(data_dir)


def _check_name(machine: str) -> None:
    """Raises BadRequest for what no machine can be called."""
    from ...config import Config
    from ...errors import BadRequest, ConfigError

    try:
        Config(name=machine)  # the rule is the configuration's
    except ConfigError:
        raise BadRequest(
            f"{machine!r} is not the name of a machine",
            hint="a name has lower-case letters and digits, a letter first; it is what `hyperverse status` shows there",
        ) from None


def _check_key(key: str) -> None:
    """Raises BadRequest for a text that cannot be a public key of the configured transport."""
    from ...errors import BadRequest

    config = options().load().config
    transport = options().plugins().transport(config.lanes.driver, config.transport_settings())
    try:
        transport.check_key(key)
    except BadRequest as exc:
        raise BadRequest(
            f"{key!r} is not the public key of a machine: {exc.message}",
            hint=f"{exc.hint}; `hyperverse keys show` on the side of that machine prints its key",
        ) from exc
