"""Connects a command to a running machine."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..terminal.options import options

if TYPE_CHECKING:
    from ...client import Client
    from ...data_dir.contexts import Contexts, SavedContext

__all__ = [
    "destination",
    "forget_login",
    "keep_login",
    "login_token",
    "proven_key",
    "talk",
    "talk_to",
    "user_contexts",
]

_T = TypeVar("_T")


def talk(work: Callable[[Client], Awaitable[_T]]) -> _T:
    """Connects to a machine of the data directory, runs ``work`` with the client, and closes the client.

    Returns:
        The result of ``work``.

    Raises:
        NoMachine: no machine listens there.
    """
    return talk_to(None, work)


def talk_to(machine: str | None, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """Does the same as :func:`talk` with the machine of that name; None is any machine."""
    where = destination()  # reports a wrong configuration before the client is imported
    import asyncio

    from ...client import Client

    async def run() -> _T:
        async with Client.connect(machine=machine, **where) as client:
            return await work(client)

    return asyncio.run(run())


def destination(context: SavedContext | None = None, token: str | None = None) -> dict[str, Any]:
    """Returns the arguments of :meth:`Client.connect` that determine the destination of a command and its token.

    Args:
        context: the destination; None for the context or the data directory that the user has chosen.
        token: the token to present; None for the one that is saved.

    Raises:
        ConfigError: something in the configuration is wrong.
        NotFound: there is no such context.
        Unauthorized: the token of the context was made for another key.
    """
    context = context or options().context()
    if context is None:
        data_dir = options().where()
        kept = login_token(data_dir) if token is None else token
        return {"data_dir": data_dir, "settings": options().lane_settings(), "token": kept}
    if token is None and context.token and not _environment_has_a_token():
        _check_key(context)
        token, key = context.token, context.token_key
    else:
        key = context.server_key
    if context.data_dir:
        if token is None:
            token = login_token(Path(context.data_dir))
        return {"data_dir": Path(context.data_dir), "server_key": key or None, "token": token}
    if token is None and not _environment_has_a_token():
        token = ""  # the token of a data directory of this computer must not be sent elsewhere
    transport = context.transport or None
    # No file of the machine says how its transport is set up; only the user's own configuration does.
    settings = options().load().config.client_settings() if transport else {}
    where = {"address": context.address, "server_key": key, "transport": transport}
    return {**where, "settings": settings, "token": token}


def _check_key(context: SavedContext) -> None:
    """Raises Unauthorized if machines that run on the data directory of a context prove a different key than the one
    for which its token was saved."""
    proven = proven_key(context)
    if proven and proven != context.token_key and context.token_key not in _older_keys(context):
        from ...errors import Unauthorized

        raise Unauthorized(
            f"the token of the context {context.name!r} was not sent: it was saved for a different key than the one "
            "that the machine there proves",
            hint=f"if this is the right constellation, run: hyperverse login --context {context.name}",
        )


def _older_keys(context: SavedContext) -> set[str]:
    """Returns the replaced keys of that data directory that are still valid."""
    from ...data_dir.endpoint_file import endpoint_files_in

    return {file.older_key for file in endpoint_files_in(Path(context.data_dir))} if context.data_dir else set()


def proving_machines() -> list[tuple[str, str]]:
    """Returns the names of the machines that the user has chosen, each with the key that it proves to clients. A
    machine that a context reaches by its address has no name. Raises NoMachine if none runs."""
    from ...client.search import Search, is_alive
    from ...data_dir.endpoint_file import endpoint_files_in

    context = options().context()
    if context is not None and not context.data_dir:
        return [("", context.server_key)]
    data_dir = Path(context.data_dir) if context is not None else options().where()
    found = [file for file in endpoint_files_in(data_dir) if not file.local or is_alive(file.pid)]
    if not found:
        Search(data_dir).targets()  # which raises the error that no machine runs
    return [(file.name, file.server_key) for file in found]


def follow_key(before: str, after: str, address: str) -> None:
    """Changes the user's token and contexts that belong to a replaced key to the new key.

    Args:
        before: the replaced public key.
        after: the new one.
        address: the address that proves it.

    Raises ConfigError.
    """
    import attrs

    from ...data_dir.tokens import forget_token, keep_token, read_kept_token

    folder = _folder()
    if folder is None:
        return
    login = read_kept_token(before, folder)
    if login:
        keep_token(after, folder, login)
        forget_token(before, folder)
    contexts = user_contexts()
    for context in map(contexts.get, contexts.names()):
        if before not in (context.server_key, context.token_key):
            continue
        if context.server_key == before:
            context = attrs.evolve(context, server_key=after, address=address if context.address else "")
        if context.token_key == before:
            context = attrs.evolve(context, token_key=after)
        contexts.keep(context)


def proven_key(context: SavedContext) -> str:
    """Returns the key that the machines of a context prove; empty if it is unknown because none of them runs."""
    return context.server_key or _server_key(Path(context.data_dir))


def user_contexts() -> Contexts:
    """Returns the contexts of the user. Raises ConfigError if there is no folder for them."""
    from ...data_dir.contexts import Contexts
    from ...errors import ConfigError

    folder = _folder()
    if folder is None:
        raise ConfigError("there is no folder for your configuration", hint="set HOME or XDG_CONFIG_HOME")
    return Contexts(folder)


def _environment_has_a_token() -> bool:
    from ...data_dir.tokens import TOKEN_VARIABLE

    return bool(os.environ.get(TOKEN_VARIABLE, "").strip())


def login_token(data_dir: Path) -> str | None:
    """Returns the token that ``hyperverse login`` has saved for the machines of a data directory; None if there is
    none, or if the environment has one."""
    from ...data_dir.tokens import read_kept_token

    if _environment_has_a_token():
        return None
    folder = _folder()
    return (read_kept_token(_server_key(data_dir), folder) or None) if folder is not None else None


def keep_login(token: str) -> None:
    """Saves a token for the context or the data directory that the user has chosen. Raises ConfigError, NotFound."""
    import attrs

    from ...data_dir.tokens import keep_token
    from ...errors import ConfigError, NotFound

    context, folder = options().context(), _folder()
    where = context.name if context is not None else str(options().where())
    key = proven_key(context) if context is not None else _server_key(options().where())
    if not key:
        raise NotFound(f"no machine of {where!r} proves a key", hint="start one with `hyperverse up`")
    if folder is None:
        raise ConfigError("there is no folder for your configuration", hint="set HOME or XDG_CONFIG_HOME")
    if context is not None:
        user_contexts().keep(attrs.evolve(context, token=token, token_key=key))
    else:
        keep_token(key, folder, token)


def forget_login() -> bool:
    """Forgets the token that was saved for the context or the data directory that the user has chosen. Returns whether
    there was one. Raises ConfigError, NotFound."""
    import attrs

    from ...data_dir.tokens import forget_token

    context, folder = options().context(), _folder()
    if context is not None:
        user_contexts().keep(attrs.evolve(context, token="", token_key=""))
        return bool(context.token)
    key = _server_key(options().where())
    return folder is not None and bool(key) and forget_token(key, folder)


def _server_key(data_dir: Path) -> str:
    """Returns the key that the machines of a data directory prove to clients; empty while none runs."""
    from ...data_dir.endpoint_file import endpoint_files_in

    return next((file.server_key for file in endpoint_files_in(data_dir) if file.server_key), "")


def _folder() -> Path | None:
    from ...config.search import user_folder

    return user_folder()
