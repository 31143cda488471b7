"""``hyperverse registry``: look after the registry's file, while machines use it or not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from hyperverse_core.cli.options import common, options
from hyperverse_core.errors import HyperverseError

from .settings import FILE_NAME

__all__ = ["registry"]


@click.group()
@common
def registry() -> None:
    """Check the registry's file, or make a backup of it. Machines may be running."""


@registry.command()
@common
def check() -> None:
    """Say whether the registry is in order. Exit code 1 when it is not."""
    path = options().where() / FILE_NAME
    try:
        faults = asyncio.run(_check(path))
    except HyperverseError as error:
        raise _told(error) from error
    if options().json:
        click.echo(json.dumps({"file": str(path), "ok": not faults, "faults": faults}))
    else:
        for fault in faults or [f"{path}: in order"]:
            click.echo(fault)
    if faults:
        raise click.exceptions.Exit(1)


@registry.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@common
def backup(file: Path) -> None:
    """Copy the registry, as it is at one moment, to FILE, which must not exist."""
    path = options().where() / FILE_NAME
    try:
        asyncio.run(_backup(path, file))
    except HyperverseError as error:
        raise _told(error) from error
    if options().json:
        click.echo(json.dumps({"file": str(path), "copy": str(file)}))
    else:
        click.echo(f"{path}: copied to {file}")


async def _check(path: Path) -> list[str]:
    # Imported here: it brings SQLAlchemy, and `--help` shall not wait for that.
    from .registry import SqlRegistry

    async with SqlRegistry({"path": path, "create": False}) as opened:
        return await opened.check()


async def _backup(path: Path, target: Path) -> None:
    from .registry import SqlRegistry

    async with SqlRegistry({"path": path, "create": False}) as opened:
        await opened.backup(target)


def _told(error: HyperverseError) -> click.ClickException:
    return click.ClickException(str(error))
