"""``hyperverse keys``: the public keys of machines that may connect."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import print_json, table

if TYPE_CHECKING:
    from ...fabric.cluster.key_ring import KeyRing
    from ...fabric.cluster.trusted_keys import TrustedKeys

__all__ = ["keys"]

_LONGEST: Final = 3600.0
"""Seconds that it may take to process all particles of a registry."""
_ROTATION: Final = 60.0
"""Seconds that it may take to replace the lanes to all other machines."""


@click.group()
def keys() -> None:
    """Show, allow and revoke the public keys of machines.

    Machines of one data directory trust each other. A machine with another data directory can connect after its key has
    been allowed here, and the key of this machine there. With a context on another computer, these commands ask the
    machine there. That requires the privilege machine:keys on GLOBAL::machine.
    """


@keys.command()
@common
def show() -> None:
    """Show the allowed keys, each as the command that allows it on another machine."""
    known = _asked("Ext<Keys>") if _is_elsewhere() else _trusted_keys().names()
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
    if _is_elsewhere():
        _asked("Ext<AllowKey>", {"machine": machine, "key": key})
    else:
        ring = _key_ring()
        ring.check(machine, key)
        with _audited("key allowed", machine, key):
            ring.allow(machine, key)
    if options().json:
        print_json({machine: key})
    elif not options().quiet:
        print(f"allowed: machine {machine}")


@keys.command()
@click.argument("machine")
@common
def remove(machine: str) -> None:
    """Revoke the key of MACHINE; open connections with it end within a second."""
    if _is_elsewhere():
        _asked("Ext<RemoveKey>", {"machine": machine})
    else:
        trusted = _trusted_keys()
        with _audited("key removed", machine, trusted.names().get(machine, "")):
            trusted.remove(machine)
    if not options().quiet and not options().json:
        print(f"removed: machine {machine}")


def _is_elsewhere() -> bool:
    """Whether the keys belong to a machine that can be reached only through a context. Otherwise they are files here,
    which can be changed even if no machine runs."""
    context = options().context()
    return context is not None and not context.data_dir


def _asked(method: str, body: dict[str, str] | None = None) -> Any:
    """Returns the answer of a running machine. Requires the privilege `machine:keys`."""
    return talk(lambda client: client.ask("GLOBAL::machine", method, body))


@keys.group()
def rotate() -> None:
    """Replace keys without stopping a machine."""


@rotate.command()
@common
def secrets() -> None:
    """Make a new key for secret properties, and encrypt all of them with it.

    The previous key is kept until the next rotation. A machine with another data directory and the same registry needs
    a copy of keys/properties.key.
    """
    from ..talk.connection import talk_to

    found: dict[str, Any] = talk_to(
        None, lambda client: client.ask("GLOBAL::machine", "Ext<RotateSecrets>", {}, wait=_LONGEST)
    )
    if options().json:
        print_json(found)
    elif not options().quiet:
        print(f"rotated: the key of secret properties is {found['key']}; particles changed: {found['changed']}")


@rotate.command()
@click.option("--keep", metavar="TIME", default="1h", help="How long the previous key stays valid; 1h by default.")
@click.option("--address", metavar="ADDRESS", default="", help="Address that proves the new key until the next start.")
@common
def clients(keep: str, address: str) -> None:
    """Make a new key that machines prove to clients, without stopping them.

    All machines of the data directory prove the new key from now on. The previous key stays valid for the time of
    --keep; then its sessions end, and programs that use the data directory reconnect by themselves. Your login and your
    contexts are updated. Other users need the new key, which `hyperverse context show` prints.
    """
    from ..access.users import seconds
    from ..talk.connection import follow_key, proving_machines, talk_to

    body = {"keep": seconds(keep), "address": address}
    machines, rows = proving_machines(), list[dict[str, str]]()
    if address and len(machines) > 1:
        raise click.UsageError(f"{len(machines)} machines run here, and one --address cannot serve them all")
    for name, before in machines:
        made: dict[str, str] = talk_to(
            name or None, lambda client: client.ask("GLOBAL::machine", "Ext<RotateClientsKey>", body)
        )
        follow_key(before, made["key"], made["address"])
        rows.append({"machine": name, **made})
    if options().json:
        print_json(rows)
    elif not options().quiet:
        for row in rows:
            print(f"rotated: {row['key']} is proved to clients at {row['address']}")
        print(f"the previous key stays valid for {keep}")


@rotate.command()
@click.argument("name", metavar="[MACHINE]", default="")
@click.option("--keep", metavar="TIME", default="1h", help="How long the previous key stays valid; 1h by default.")
@click.option("--address", metavar="ADDRESS", default="", help="Address that proves the new key until the next start.")
@click.option("--advertise", metavar="ADDRESS", default="", help="Address announced to other machines, if it differs.")
@common
def machine(name: str, keep: str, address: str, advertise: str) -> None:
    """Make a new key that MACHINE proves to other machines, without stopping any.

    All machines trust the new key before it is used, and both keys are valid for the time of --keep. Each lane is
    replaced only when its successor is up, so no wave is lost.
    """
    from ..access.users import seconds
    from ..talk.connection import proving_machines, talk_to

    body = {"keep": seconds(keep), "address": address, "advertise": advertise}
    running = [found for found, _ in proving_machines()]
    if not name and len(running) > 1:
        raise click.UsageError(f"{len(running)} machines run here: name one of {', '.join(running)}")
    made: dict[str, str] = talk_to(
        name or None, lambda client: client.ask("GLOBAL::machine", "Ext<RotateMachineKey>", body, wait=_ROTATION)
    )
    if options().json:
        print_json(made)
    elif not options().quiet:
        print(f"rotated: {made['key']} is proved to other machines at {made['address']}")
        print(f"the previous key stays valid for {keep}")


@contextlib.contextmanager
def _audited(event: str, machine: str, key: str) -> Iterator[None]:
    """Writes a change of keys to the audit log of the operator. If that fails, it raises Unavailable and the keys stay
    unchanged."""
    from ...data_dir.audit.files import OPERATOR, AuditPlace
    from ...data_dir.audit.writer import AuditWriter, Rotation
    from ...errors import Unavailable

    settings = options().load().config.audit
    place = AuditPlace.of(options().where(), OPERATOR, settings.directory)
    writer = AuditWriter(place, Rotation(settings.rotate_bytes, settings.rotate_age, settings.keep))
    row = {"event": event, "agent": f"uid {os.getuid()}", "target": machine, "details": {"key": key}}
    try:
        if settings.enabled:
            writer.append(row | {"outcome": "asked"})
    except OSError as exc:
        raise Unavailable(
            f"{event!r} must be in the audit log, which cannot be written: {exc.strerror or exc}",
            hint=f"free some space, or repair {str(place.directory)!r}",
        ) from exc
    try:
        yield
        if settings.enabled:
            writer.append(row | {"outcome": "done"})
    finally:
        writer.close()


def _command(machine: str, key: str) -> str:
    """Returns the command to run on the other machine, quoted for a shell."""
    end = ["--"] if key.startswith("-") else []
    return shlex.join(["hyperverse", "keys", "allow", machine, *end, key])


def _trusted_keys() -> TrustedKeys:
    """Returns the keys of the data directory. Raises NotFound if there is no such directory, because keys in a new one
    would admit no machine."""
    from ...config.default_transport import keys_folder
    from ...errors import NotFound
    from ...fabric.cluster.trusted_keys import TrustedKeys

    data_dir = options().where()
    if not data_dir.is_dir():
        raise NotFound(
            f"there is no data directory {str(data_dir)!r}",
            hint="name that of a machine with --data-dir, or start a machine with `hyperverse up --detach`",
        )
    return TrustedKeys(keys_folder(data_dir, options().load().config.on(data_dir).lanes.driver))


def _key_ring() -> KeyRing:
    """Returns them together with the check of names and keys. Raises the same errors as :func:`_trusted_keys`."""
    from ...config.setting_faults import faults_of_table
    from ...fabric.cluster.key_ring import KeyRing

    trusted, config = _trusted_keys(), options().load().config.on(options().where())
    with faults_of_table("lanes"):
        transport = options().plugins().transport(config.lanes.driver, config.transport_settings())
    return KeyRing(trusted, transport)
