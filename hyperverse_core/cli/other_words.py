"""Words of other tools, and their counterparts here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final

from ..universe.commands.words import COMMAND_WORDS

__all__ = ["advice"]

_WORDS: Final = {
    **dict.fromkeys(("start", "serve", "run-machine", "boot", "daemon", "server", "launch", "worker", "agent"), "up"),
    **dict.fromkeys(("stop", "halt", "kill", "shutdown", "quit"), "down"),
    **dict.fromkeys(("scale", "replicas", "workers", "autoscale"), "up --machines 3"),
    **dict.fromkeys(("cordon", "evict", "rollout"), "drain MACHINE"),
    "restart": "down && hyperverse up --detach",
    **dict.fromkeys(("ps", "nodes", "cluster", "members"), "machines"),
    **dict.fromkeys(
        ("list", "dir", "particles", "actors", "pods", "containers", "jobs", "tasks", "queues", "namespaces"), "ls"
    ),
    **dict.fromkeys(("show", "info", "inspect", "describe-particle"), "describe POINT"),
    **dict.fromkeys(("run", "eval", "execute", "cmd", "command", "query", "apply"), "exec 'COMMAND'"),
    **dict.fromkeys(("shell", "repl", "console", "cli", "prompt", "connect", "attach", "sh"), "term"),
    **dict.fromkeys(("types", "schema", "schemas", "classes"), "kinds"),
    **dict.fromkeys(("log", "journal"), "logs"),
    **dict.fromkeys(("tail", "subscribe", "follow"), "watch POINT"),
    **dict.fromkeys(("monitor", "htop", "dashboard", "stats"), "top"),
    **dict.fromkeys(("scaffold", "generate", "template", "cookiecutter"), "new"),
    **dict.fromkeys(("project", "setup", "create-project", "startproject"), "init"),
    **dict.fromkeys(("backup", "restore"), "registry"),
    **dict.fromkeys(("settings", "configure", "env", "conf"), "config show"),
    **dict.fromkeys(("plugin", "extensions", "modules"), "plugins list"),
    **dict.fromkeys(("doctor", "check", "lint", "verify"), "plugins check"),
    **dict.fromkeys(("benchmark", "perf"), "bench"),
    **dict.fromkeys(("example", "tutorial", "try"), "demo"),
    **dict.fromkeys(("version", "ver", "about"), "--version"),
    **dict.fromkeys(("help", "man", "?", "usage", "commands"), "--help"),
    **dict.fromkeys(("health", "state", "ping-machine"), "status"),
    **dict.fromkeys(("rm", "remove", "del", "destroy", "unlink"), "exec 'delete localhost:a'"),
    **dict.fromkeys(("purge", "prune", "flush", "flushall", "flushdb", "clear"), "exec --dry-run 'delete localhost:a'"),
    **dict.fromkeys(("edit", "patch", "update", "annotate", "label"), "exec 'set localhost:a {+key=value}'"),
    **dict.fromkeys(("events", "attach-log"), "watch POINT"),
    **dict.fromkeys(("auth", "signin"), "login"),
    **dict.fromkeys(("signout", "logoff"), "logout"),
    **dict.fromkeys(("who", "id", "me"), "whoami"),
    **dict.fromkeys(("users", "adduser", "useradd"), "user --help"),
    **dict.fromkeys(("send", "call", "invoke", "ask", "submit", "task"), "exec 'ping localhost:a Ext<Add> 3'"),
    **dict.fromkeys(("add", "make", "mkdir"), "exec 'create localhost:a<Base>'"),
}
_POINT: Final = re.compile(r"[a-z][A-Za-z0-9.-]*(?::[A-Za-z0-9./_-]+)+")
"""A point with a colon: a name alone could be anything."""
_SORTS: Final = {
    **dict.fromkeys(("nodes", "node", "no", "machines"), "machines"),
    **dict.fromkeys(("kinds", "crd", "crds", "api-resources"), "kinds"),
    **dict.fromkeys(("all", "pods", "pod", "po", "deployments", "services", "svc", "actors", "particles"), "ls"),
    **dict.fromkeys(("events", "ev"), "watch POINT"),
    **dict.fromkeys(("users", "user"), "user list"),
}
"""The arguments of ``get``, as in kubectl."""


def advice(args: Sequence[str]) -> str:
    """Returns what to type instead of words that do not begin with a command of ours; empty if that is unknown."""
    word = args[0].lower()
    if word == "help" and len(args) > 1:
        return f"hyperverse {args[1]} --help"
    if word == "get" and len(args) > 1 and args[1].lower() in _SORTS:
        return f"hyperverse {_SORTS[args[1].lower()]}"
    if word in COMMAND_WORDS or word.rstrip("?!") in COMMAND_WORDS:
        text = " ".join([word, *args[1:]]) if len(args) > 1 else f"{word} ..."
        return f"hyperverse exec {shlex.quote(text)}"
    found = _WORDS.get(word)
    return f"hyperverse {_about(found, args[1:])}" if found else ""


def _about(form: str, others: Sequence[str]) -> str:
    """Returns a command of ours with the point that was typed, if there was one."""
    point = next((word for word in others if _POINT.fullmatch(word)), "")
    return form.replace("localhost:a", point).replace("POINT", point) if point else form
