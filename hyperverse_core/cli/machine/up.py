"""``hyperverse up``: starts a machine, in this terminal or in the background."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ...config import Config, LoadedConfig
from ...config.secrets import masked
from ...config.url_schemes import registry_of_url
from ...errors import HyperverseError
from ..terminal.failures import Stop, describe
from ..terminal.options import common, options
from ..terminal.output import note, plain
from .detach import report_to_parent
from .invitation import INVITATION, InvitationFile, check_invitation, take_invitation
from .log_setup import make_log_dir, set_up
from .ready import print_ready
from .several import free_name, host_name, joined, more_names, start_more, stop_more

__all__ = ["up"]

_PRIVATE = 0o077
"""Only its owner may read the files of a machine, including its log and files of its drivers."""
_SCHEME = re.compile(r"(postgres|sqlite)[^/]*:", re.IGNORECASE)
"""How a URL of a registry begins."""
_PASSED = frozenset({"name", "log.format", "log.level"})
_PORTAL = "127.0.0.1:8080"
_AS_CONFIGURED = ""
"""The value of --portal without an address: the configured address, if there is one."""


@click.command()
@click.option("--name", help="Name of the machine.")
@click.option(
    "--join", metavar="WHERE", help="Hyperverse to join: data directory of a machine on this host, or registry URL."
)
@click.option(
    "--invitation",
    type=InvitationFile(),
    metavar="FILE",
    help="File with an invitation to a Hyperverse on other hosts; or put its text in HYPERVERSE_INVITATION.",
)
@click.option("--machines", type=click.IntRange(1, 64), default=1, help="Number of machines to start on this host.")
@click.option("--detach", "-d", is_flag=True, help="Run in the background; return when the machine is ready.")
@click.option("--log-format", type=click.Choice(["text", "json"]), help="Format of log lines.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Level from which messages are logged.",
)
@click.option("--reload", is_flag=True, help="Restart the machine when its local plugin changes.")
@click.option(
    "--portal",
    is_flag=False,
    flag_value=_AS_CONFIGURED,
    metavar="[HOST:PORT]",
    help=f"Serve browsers and programs over HTTP; by default at the address in [portal], or {_PORTAL}.",
)
@click.option("--ready-fd", type=int, hidden=True)
@common
def up(
    name: str | None,
    join: str | None,
    invitation: Path | None,
    machines: int,
    detach: bool,
    log_format: str | None,
    log_level: str | None,
    reload: bool,
    portal: str | None,
    ready_fd: int | None,
) -> None:
    """Start a machine.

    Prints one line when the machine is ready. SIGTERM, Ctrl-C or a terminal that closes stops it gracefully; a second
    SIGTERM or Ctrl-C stops it at once.
    """
    os.umask(_PRIVATE)
    flags: dict[str, Any] = {
        "name": name,
        "log.format": log_format,
        "log.level": log_level,
        "portal.address": portal or None,
    }
    if portal is not None:
        flags["portal.enabled"] = True
    if portal is not None and machines > 1:
        raise click.UsageError("--portal is for one machine: start the others with `hyperverse up --join DIR`")
    if join is not None:
        _check_join(join)
        flags |= joined(join)
        if masked(join) != join:
            note(
                "warning: all users of this computer can see the password in --join in the process list\n"
                "  hint: set the variable HYPERVERSE__REGISTRY__URL, or `url` in [registry], instead"
            )
    invited = take_invitation(invitation)
    if invited is not None:
        flags["invitation"] = invited
    loaded = _named(options().load(flags), flags, join)
    if "invitation" in flags:
        check_invitation(loaded.config, str(invitation or f"${INVITATION}"))
    if reload:
        _reloading(loaded, flags, detach or machines > 1)
    elif detach:
        _detached(loaded, flags, machines)
    elif ready_fd is None:
        _here(loaded, flags, machines)
    else:
        _for_parent(loaded, ready_fd)


def _named(loaded: LoadedConfig, flags: dict[str, Any], join: str | None) -> LoadedConfig:
    """Gives the machine a unique name, unless the user has named it."""
    config = loaded.config
    assert config.data_dir is not None  # load_config fills it in
    if flags["name"] is not None:
        return loaded
    if _shares_nothing(config, join):
        if loaded.origin("name").source != "default":
            return loaded
        flags["name"] = host_name()
    elif join is not None:
        flags["name"] = free_name(config.data_dir, config.name)
    else:
        return loaded
    return options().load(flags)


def _shares_nothing(config: Config, join: str | None) -> bool:
    """Whether the machine shares neither a data directory nor a file with those of other hosts."""
    url = str(config.registry.settings.get("url", ""))
    return bool(config.invitation) or (registry_of_url(url) == "postgres" and (join is None or "://" in join))


def _check_join(join: str) -> None:
    """Raises UsageError if --join is neither a directory nor a URL, or if --join and --data-dir name two data
    directories, because a machine has one."""
    if "://" not in join and (_SCHEME.match(join) or _may_be_url(join)):  # not quoted: it may have a password
        raise click.UsageError(
            "--join takes the data directory of a machine, or a URL: postgresql://USER@HOST/DATABASE"
        )
    given = options().data_dir
    if given is None or "://" in join or given.resolve() == Path(os.path.expanduser(join)).resolve():  # noqa: PTH111  # raises nothing
        return
    raise click.UsageError(
        f"--join {join} and --data-dir {given} name two data directories. --join DIR starts the machine in that of "
        "another machine; --data-dir names its own and goes with --join REGISTRY_URL."
    )


def _may_be_url(join: str) -> bool:
    """Whether the text may be a URL with a mistake in it: it looks like one and names no folder."""
    return ("//" in join or "@" in join) and not os.path.isdir(os.path.expanduser(join))  # noqa: PTH111, PTH112  # raise nothing


def _directory(loaded: LoadedConfig) -> Path:
    assert loaded.config.data_dir is not None  # load_config fills it in
    return make_log_dir(loaded.config.data_dir, loaded.config.name)


def _args(loaded: LoadedConfig, flags: Mapping[str, Any]) -> list[str]:
    """Returns the options of a command line that starts the same machine."""
    args = [f"--{key.replace('.', '-')}={value}" for key, value in flags.items() if value and key in _PASSED]
    args.append(f"--data-dir={loaded.config.data_dir}")
    if options().config is not None:
        args.append(f"--config={options().config}")
    return args


def _environ(flags: Mapping[str, Any]) -> dict[str, str]:
    """Returns variables for the remaining settings: a URL may contain a password, and everybody can see the process
    list."""
    keys = ("registry.url", "registry.create", "portal.address", "portal.enabled")
    named = {key: flags[key] for key in keys if flags.get(key) is not None}
    return {f"HYPERVERSE__{key.upper().replace('.', '__')}": json.dumps(value) for key, value in named.items()}


def _reloading(loaded: LoadedConfig, flags: Mapping[str, Any], more: bool) -> None:
    """Runs the machine in a process that is started again when the local plugin changes."""
    from .reloading import run_reloading

    plugins = loaded.config.plugins
    if more:
        raise click.UsageError("--reload is for one machine in this terminal: leave out --detach and --machines")
    if not plugins.local or plugins.folder is None:
        raise click.UsageError("--reload watches hyperverse_local.py: set `local = true` in [plugins]")
    os.environ.update(_environ(flags))
    common_words = [word for word, given in (("--json", options().json), ("--quiet", options().quiet)) if given]
    code = run_reloading([*_args(loaded, flags), *common_words], plugins.folder)
    if code:
        raise Stop(code)


def _detached(loaded: LoadedConfig, flags: Mapping[str, Any], machines: int) -> None:
    data_dir = loaded.config.data_dir
    assert data_dir is not None  # load_config fills it in
    names = more_names(loaded.config.name, machines)
    for status in start_more(names, _args(loaded, flags), data_dir, _environ(flags)):
        print_ready(status, as_json=options().json)


def _here(loaded: LoadedConfig, flags: Mapping[str, Any], machines: int) -> None:
    """Runs the first machine in this process and the others in the background; they stop when it stops."""
    data_dir = loaded.config.data_dir
    assert data_dir is not None  # load_config fills it in
    set_up(loaded.config.log, quiet=options().quiet)
    names = more_names(loaded.config.name, machines)
    others: list[Mapping[str, Any]] = []

    def ready(status: Mapping[str, Any]) -> None:
        print_ready(status, as_json=options().json, invite=sys.stdout.isatty())

    try:
        others += start_more(names[1:], _args(loaded, flags), data_dir, _environ(flags))
        for status in others:
            ready(status)
        _serve(loaded, ready)
    finally:
        if others:
            stop_more(others, data_dir)


def _for_parent(loaded: LoadedConfig, descriptor: int) -> None:
    """Runs the machine of a detached process, which reports to the process that started it."""
    set_up(loaded.config.log, _directory(loaded))
    reported = False

    def ready(status: Mapping[str, Any]) -> None:
        nonlocal reported
        reported = True
        report_to_parent(descriptor, plain(status))

    try:
        _serve(loaded, ready)
    except HyperverseError as exc:
        if not reported:
            report_to_parent(descriptor, describe(exc))
        raise


def _serve(loaded: LoadedConfig, ready: Any) -> None:
    from .serve import serve

    code = serve(loaded.config, ready)
    if code:
        raise Stop(code)
