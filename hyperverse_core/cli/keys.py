"""``hyperverse keys``: which machines are let in."""

from __future__ import annotations

import click

from .options import common, options
from .output import print_json, table

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
    """The public keys of the machines that are let in, by name."""
    from ..fabric.keyring import Keyring

    known = Keyring(options().where()).names()
    if options().json:
        print_json(known)
    else:
        table(("machine", "key"), known.items())


@keys.command()
@click.argument("machine")
@click.argument("key")
@common
def allow(machine: str, key: str) -> None:
    """Let MACHINE in, which proves who it is by KEY. Before a KEY that begins with a hyphen say -- once."""
    from ..fabric.keyring import Keyring

    Keyring(options().where()).allow(machine, key)
    if options().json:
        print_json({machine: key})
    elif not options().quiet:
        print(f"allowed: machine {machine}")


@keys.command()
@click.argument("machine")
@common
def remove(machine: str) -> None:
    """Let MACHINE in no more. A lane that stands goes on until it breaks or a machine starts again."""
    from ..fabric.keyring import Keyring

    Keyring(options().where()).remove(machine)
    if not options().quiet and not options().json:
        print(f"removed: machine {machine}")
