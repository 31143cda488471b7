"""Names of methods that clients of other systems have, and their counterparts here."""

from __future__ import annotations

from typing import Final

from ..errors import did_you_mean

__all__ = ["no_such_name"]

_NAMES: Final = {
    **dict.fromkeys(("send", "call", "invoke", "request", "rpc", "remote"), "ask(point, 'Ext<Add>', {'by': 3})"),
    **dict.fromkeys(("publish", "emit", "notify", "cast", "tell", "delay"), "signal(point, 'Ext<Add>', {'by': 3})"),
    **dict.fromkeys(("broadcast", "multicast"), "ripple('localhost:**', 'Ext<Add>')"),
    **dict.fromkeys(("actor", "get_actor", "entity", "grain", "proxy", "ref"), "at(point, Counter)"),
    **dict.fromkeys(("subscribe", "listen", "stream", "events", "on"), "watch(point)"),
    **dict.fromkeys(("ls", "list", "find", "search", "query", "all", "scan", "keys"), "select('localhost:*')"),
    **dict.fromkeys(("remove", "rm", "destroy", "drop"), "delete(point)"),
    **dict.fromkeys(("read", "load", "fetch", "state"), "get(point)"),
    **dict.fromkeys(("put", "update", "write", "patch"), "set(point, {'title': 'Mine'})"),
    **dict.fromkeys(("register", "new", "add", "make", "spawn"), "create(point, 'Counter')"),
    **dict.fromkeys(("execute", "command", "cmd", "eval"), "exec('select localhost:*')"),
    **dict.fromkeys(("inspect", "info", "explain"), "describe(point)"),
    **dict.fromkeys(("disconnect", "quit"), "close()"),
    **dict.fromkeys(("shutdown", "terminate", "kill"), "stop()"),
}


def no_such_name(client: object, name: str) -> str:
    """Returns the error text for an attribute that a client does not have."""
    said = f"a client has no {name!r}"
    if name in _NAMES:
        return f"{said}: write client.{_NAMES[name]}"
    near = did_you_mean(name, [known for known in dir(type(client)) if not known.startswith("_")])
    return said + near
