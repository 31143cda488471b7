"""``hyperverse registry``: maintenance of the registry file, with or without running machines."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import attrs
import click

from hyperverse_core.commands import common, options
from hyperverse_core.errors import ConfigError, HyperverseError

from .settings import SqlSettings

__all__ = ["registry"]

_DRIVER = "sql"


@click.group()
@common
def registry() -> None:
    """Check, back up and restore the registry file."""


@registry.command()
@common
def check() -> None:
    """Check the registry for faults. The exit code is 1 if there are any."""
    try:
        settings = _settings()
        faults = asyncio.run(_check(settings))
    except HyperverseError as error:
        raise _told(error) from error
    path = settings.path
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
    """Copy a consistent snapshot of the registry to FILE, which must not exist."""
    try:
        settings = _settings()
        asyncio.run(_backup(settings, file))
    except HyperverseError as error:
        raise _told(error) from error
    path = settings.path
    if options().json:
        click.echo(json.dumps({"file": str(path), "copy": str(file)}))
    else:
        click.echo(f"{path}: copied to {file}")


@registry.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@common
def restore(file: Path) -> None:
    """Replace the registry with the backup FILE. No machine may be running; the old registry is kept."""
    from .restoring import restore as put

    try:
        path = _settings().path
        kept = put(file, path)
    except HyperverseError as error:
        raise _told(error) from error
    if options().json:
        click.echo(json.dumps({"file": str(path), "from": str(file), "kept": None if kept is None else str(kept)}))
    else:
        click.echo(f"{path}: restored from {file}" + (f"; the old one is kept as {kept.name}" if kept else ""))


def _settings() -> SqlSettings:
    """Returns the settings of the registry that a machine with the same config would open; never creates it. Raises
    ConfigError."""
    config = options().load().config
    if config.registry.driver != _DRIVER:
        raise ConfigError(
            f"the config selects the registry {config.registry.driver!r}, but this command works only with {_DRIVER!r}",
            hint="`hyperverse config show --origin` shows where it is set",
        )
    assert config.data_dir is not None  # load_config fills it in
    return attrs.evolve(SqlSettings.read(config.registry_settings(config.data_dir)), create=False)


async def _check(settings: SqlSettings) -> list[str]:
    # Imported here, so that `--help` does not wait for SQLAlchemy.
    from .registry import SqlRegistry

    async with SqlRegistry(settings) as opened:
        return await opened.check()


async def _backup(settings: SqlSettings, target: Path) -> None:
    from .registry import SqlRegistry

    async with SqlRegistry(settings) as opened:
        await opened.backup(target)


def _told(error: HyperverseError) -> click.ClickException:
    return click.ClickException(str(error))
