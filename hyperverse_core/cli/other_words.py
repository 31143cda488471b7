"""Words of other tools, and what they are here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from ..universe.commands.words import COMMAND_WORDS

__all__ = ["advice"]

_WORDS: Final = {
    **dict.fromkeys(("start", "serve", "run-machine", "boot", "daemon", "server", "launch"), "up"),
    **dict.fromkeys(("stop", "halt", "kill", "shutdown", "quit"), "down"),
    "restart": "down && hyperverse up --detach",
    **dict.fromkeys(("ps", "nodes", "cluster", "members"), "machines"),
    **dict.fromkeys(("list", "dir", "particles"), "ls"),
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
    **dict.fromkeys(("rm", "remove", "del", "destroy"), "exec 'delete localhost:a'"),
    **dict.fromkeys(("send", "call", "invoke", "ask"), "exec 'ping localhost:a Ext<Add> 3'"),
    **dict.fromkeys(("add", "make", "mkdir"), "exec 'create localhost:a<Base>'"),
}


def advice(args: Sequence[str]) -> str:
    """Returns what to type instead of words that begin with no command of ours; empty when nobody can say."""
    word = args[0].lower()
    if word == "help" and len(args) > 1:
        return f"hyperverse {args[1]} --help"
    if word in COMMAND_WORDS or word.rstrip("?!") in COMMAND_WORDS:
        text = " ".join([word, *args[1:]]) if len(args) > 1 else f"{word} ..."
        return f"hyperverse exec {shlex.quote(text)}"
    found = _WORDS.get(word)
    return f"hyperverse {found}" if found else ""
