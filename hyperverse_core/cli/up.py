"""``hyperverse up``: starts a machine, in this terminal or detached."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..config import LoadedConfig
from ..errors import HyperverseError
from .detach import start_detached, tell_parent
from .failures import Stop, describe
from .log_setup import make_log_dir, set_up
from .options import common, options
from .output import plain
from .ready import print_ready

__all__ = ["up"]


@click.command()
@click.option("--name", help="Name of the machine.")
@click.option("--detach", "-d", is_flag=True, help="Run in the background; returns when it is ready.")
@click.option("--log-format", type=click.Choice(["text", "json"]), help="How log lines look.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="What is logged.")
@click.option("--ready-fd", type=int, hidden=True)
@common
def up(name: str | None, detach: bool, log_format: str | None, log_level: str | None, ready_fd: int | None) -> None:
    """Start a machine.

    Prints one line when it is ready. SIGTERM and Ctrl-C stop it gracefully, a second one at once.
    """
    flags = {"name": name, "log.format": log_format, "log.level": log_level}
    loaded = options().load(flags)
    if detach:
        _detached(loaded, flags)
    elif ready_fd is None:
        _here(loaded)
    else:
        _for_parent(loaded, ready_fd)


def _directory(loaded: LoadedConfig) -> Path:
    assert loaded.config.data_dir is not None  # load_config fills it in
    return make_log_dir(loaded.config.data_dir, loaded.config.name)


def _detached(loaded: LoadedConfig, flags: Mapping[str, str | None]) -> None:
    args = [f"--{key.replace('.', '-')}={value}" for key, value in flags.items() if value is not None]
    args.append(f"--data-dir={loaded.config.data_dir}")
    if options().config is not None:
        args.append(f"--config={options().config}")
    print_ready(start_detached(args, _directory(loaded)), as_json=options().json)


def _here(loaded: LoadedConfig) -> None:
    set_up(loaded.config.log, quiet=options().quiet)
    _serve(loaded, lambda status: print_ready(status, as_json=options().json))


def _for_parent(loaded: LoadedConfig, descriptor: int) -> None:
    """The detached process itself."""
    set_up(loaded.config.log, _directory(loaded))
    told = False

    def ready(status: Mapping[str, Any]) -> None:
        nonlocal told
        told = True
        tell_parent(descriptor, plain(status))

    try:
        _serve(loaded, ready)
    except HyperverseError as exc:
        if not told:
            tell_parent(descriptor, describe(exc))
        raise


def _serve(loaded: LoadedConfig, ready: Any) -> None:
    from .serve import serve

    code = serve(loaded.config, ready)
    if code:
        raise Stop(code)
