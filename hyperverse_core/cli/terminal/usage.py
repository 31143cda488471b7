"""Explains what is wrong with the words of a command line, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import click

from ...errors import did_you_mean
from .setting_words import where_set

__all__ = ["cure", "wrong"]

_OPTIONS: Final = {
    **dict.fromkeys(("-o", "-f", "--format", "--output", "--output-format"), "--json"),
    **dict.fromkeys(("-v", "-vv", "--verbose", "--trace", "--traceback"), "--debug"),
    **dict.fromkeys(("-s", "--silent", "--brief"), "--quiet"),
    **dict.fromkeys(("-p", "--port", "--host", "--listen", "--http", "--bind"), "--portal"),
    **dict.fromkeys(("-C", "-D", "--dir", "--directory", "--home", "--root", "--data", "--db"), "--data-dir"),
    **dict.fromkeys(("-c", "--conf", "--settings"), "--config"),
    **dict.fromkeys(("--daemon", "--background", "-b", "--daemonize", "--detached"), "--detach"),
    **dict.fromkeys(("-w", "--workers", "--replicas", "--count", "-j", "--processes", "--scale"), "--machines"),
    **dict.fromkeys(("--watch", "--autoreload", "--dev"), "--reload"),
    **dict.fromkeys(("-l", "--long"), "--wide"),
    **dict.fromkeys(("-F", "--tail"), "--follow"),
    **dict.fromkeys(("--assume-yes", "--no-input", "--confirm", "--force"), "--yes"),
    **dict.fromkeys(("--yes", "-y"), "--force"),
    **dict.fromkeys(("--preview", "--what-if", "--noop"), "--dry-run"),
    **dict.fromkeys(("--profile", "--cluster", "--environment", "-e"), "--context"),
    **dict.fromkeys(("-m", "--machine", "--node"), "--name"),
    **dict.fromkeys(("--expire", "--ttl", "--expires-in"), "--expires"),
    **dict.fromkeys(("--loglevel", "--level"), "--log-level"),
    **dict.fromkeys(("--fast", "--short"), "--quick"),
    **dict.fromkeys(("--destination", "--dest", "--target", "--folder"), "--into"),
}
"""Options of other tools, each with its name here, if the command has that option."""
_MACHINE: Final = frozenset({"up", "demo", "hyperverse"})
"""Commands that start a machine, and what comes before a command."""
_ELSEWHERE: Final = {
    **dict.fromkeys(("--token", "--password", "--api-key"), "run hyperverse login, or set HYPERVERSE_TOKEN"),
    **dict.fromkeys(("-u", "--user", "--as-user"), "hyperverse login acts as the user of a token"),
    **dict.fromkeys(("-L", "--depth", "--max-depth"), "name a POINT to show less"),
    **dict.fromkeys(("--no-color", "--no-colour", "--color", "--colour"), "set the variable NO_COLOR=1"),
}
"""Options of other tools, each with what to do here instead."""
_SAME: Final = (
    ("add", "create", "new", "make", "register", "insert"),
    ("remove", "delete", "del", "rm", "drop", "forget", "destroy"),
    ("list", "ls", "all", "index"),
    ("show", "get", "describe", "inspect", "info", "cat", "view", "print", "current"),
    ("use", "switch", "select", "activate"),
    ("revoke", "invalidate", "expire", "cancel", "remove", "delete", "rm"),
    ("rotate", "renew", "refresh", "regenerate"),
    ("check", "verify", "validate", "test", "lint"),
    ("backup", "save", "export", "dump", "copy"),
    ("restore", "load", "import"),
    ("allow", "add", "trust", "accept", "permit"),
    ("tail", "follow", "last", "watch"),
)
_ADVICE: Final = {
    **dict.fromkeys(
        (("config", "set"), ("config", "edit"), ("config", "add")),
        "write it into hyperverse.toml, or into a variable such as HYPERVERSE__NAME",
    ),
    ("config", "get"): "hyperverse config show",
    **dict.fromkeys((("plugins", "install"), ("plugins", "add")), "pip install NAME-OF-THE-DISTRIBUTION"),
    **dict.fromkeys((("plugins", "remove"), ("plugins", "uninstall")), "pip uninstall NAME-OF-THE-DISTRIBUTION"),
    **dict.fromkeys((("plugins", "disable"), ("plugins", "enable")), "write it into hyperverse.toml, below [plugins]"),
    **dict.fromkeys((("kinds", "list"), ("kinds", "ls")), "hyperverse kinds"),
    **dict.fromkeys((("kinds", "new"), ("kinds", "add"), ("kinds", "create")), "hyperverse new driver NAME"),
    **dict.fromkeys((("new", "plugin"), ("new", "kind"), ("new", "particle")), "hyperverse new driver NAME"),
    ("new", "project"): "hyperverse init",
    **dict.fromkeys((("token", "create"), ("token", "add"), ("token", "new")), "hyperverse user token NAME"),
    **dict.fromkeys((("user", "password"), ("user", "passwd"), ("user", "login")), "hyperverse user token NAME"),
    **dict.fromkeys((("keys", "list"), ("keys", "ls")), "hyperverse keys show"),
}
"""Commands that a group does not have, each with what to do instead."""
_WANTED: Final = {
    "POINT": "POINT is a particle such as localhost:shop; `hyperverse tree` lists all",
    "KIND": "KIND is a name such as Base; `hyperverse kinds` lists them",
    "MACHINE": "MACHINE is a name such as local; `hyperverse machines` lists them",
    "METHOD": "METHOD is a method such as 'Ext<Add>', in quotes; `hyperverse kinds show KIND` lists them",
    "SOURCE": "SOURCE is a folder or a zip file",
    "FILE": "FILE is the path of a file",
}
_EXTRA: Final = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)
_NO_CHOICE: Final = re.compile(r"'(.*?)' is not one of")
_NUMBER: Final = re.compile(r"('.*'|\S+) is not (?:a valid|in the range)")
_LONGEST: Final = 12
_INVITED: Final = re.compile(r"\W*inv_[\w-]{16,}\W*")


def looks_invited(word: str) -> bool:
    """Whether a word of the command line is probably an invitation, a secret that is quoted nowhere."""
    return _INVITED.fullmatch(word) is not None


def wrong(exc: click.UsageError) -> str:
    """Returns what is wrong, in our words instead of those of click."""
    if isinstance(exc, click.BadParameter) and exc.param is not None:
        kind, value = exc.param.type, _quoted(exc.message)
        if isinstance(kind, click.IntRange | click.FloatRange) and value:
            return f"Invalid value for {exc.param.get_error_hint(exc.ctx)}: {value} is not {_range(kind)}."
    if isinstance(exc, click.exceptions.NoSuchCommand) and cure(exc):
        return exc.message
    if isinstance(exc, click.NoSuchOption) and _setting(exc):
        return exc.message  # options with similar names are not meant
    said = exc.format_message()
    if isinstance(exc, click.MissingParameter):
        return " ".join(said.split())
    extra = _EXTRA.match(said)
    if extra and any(map(looks_invited, extra[1].split())):
        return "unexpected argument: an invitation, which all users of this computer can see in the process list."
    return f"unexpected argument {extra[1]!r}." if extra and " " not in extra[1] else said


def cure(exc: click.UsageError) -> str:
    """Returns what would be right; empty if that is unknown, or if the error already says it."""
    if exc.ctx is None or "\n  hint: " in exc.message:
        return ""
    if isinstance(exc, click.NoSuchOption):
        return _setting(exc) or (_option(exc.option_name, exc.ctx) if not exc.possibilities else "")
    if isinstance(exc, click.exceptions.NoSuchCommand):
        return _command(exc.command_name, exc.ctx)
    if isinstance(exc, click.MissingParameter):
        return _WANTED.get(exc.param.human_readable_name.upper(), "") if exc.param is not None else ""
    if isinstance(exc, click.BadParameter):
        return _choice(exc)
    extra = _EXTRA.match(exc.message)
    return _surplus(extra[1].split(), exc.ctx) if extra is not None else ""


def _quoted(message: str) -> str:
    """Returns the value with which a message about a number begins."""
    found = _NUMBER.match(message)
    return found[1] if found is not None else ""


def _range(kind: click.IntRange | click.FloatRange) -> str:
    number = "a whole number" if isinstance(kind, click.IntRange) else "a number"
    if kind.min is None or kind.max is None or kind.min_open:
        low = f"{'more than' if kind.min_open else 'at least'} {kind.min:g}" if kind.min is not None else ""
        high = f"at most {kind.max:g}" if kind.max is not None else ""
        return f"{number} of {' and '.join(bound for bound in (low, high) if bound)}"
    return f"{number} from {kind.min:g} to {kind.max:g}"


def _setting(exc: click.NoSuchOption) -> str:
    """Returns advice about an option that is a setting of the configuration."""
    name = exc.option_name.partition("=")[0]
    if exc.ctx is None or name in _OPTIONS or name in _ELSEWHERE:
        return ""
    # A misspelled option of the command is more likely than a misspelled setting.
    return where_set(name, of_machine=exc.ctx.command.name in _MACHINE, nearly=not exc.possibilities)


def _option(name: str, ctx: click.Context) -> str:
    known = [option for param in ctx.command.get_params(ctx) for option in param.opts if option.startswith("-")]
    ours = _OPTIONS.get(name.partition("=")[0], "")
    if ours in known:
        return f"here it is {ours}"
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    long = sorted(option for option in known if option.startswith("--") and option != "--help")
    return f"it has {', '.join(long)}" if 0 < len(long) <= _LONGEST else ""


def _command(word: str, ctx: click.Context) -> str:
    group = ctx.info_name or ""
    if (group, word.lower()) in _ADVICE:
        return _ADVICE[group, word.lower()]
    if group == "kinds" and word[:1].isupper():
        return f"hyperverse kinds show {word}"
    command = ctx.command
    names = command.list_commands(ctx) if isinstance(command, click.Group) else []
    for same in _SAME:
        if word.lower() in same:
            for name in same:
                if name in names:
                    return f"{ctx.command_path} {name}"
    near = did_you_mean(word, names).removeprefix("; ")
    return near or f"its commands are {', '.join(names)}"


def _choice(exc: click.BadParameter) -> str:
    kind = exc.param.type if exc.param is not None else None
    found = _NO_CHOICE.match(exc.message)
    if not isinstance(kind, click.Choice) or found is None:
        return ""
    by_small_letters = {str(one).lower(): str(one) for one in kind.choices}
    meant = by_small_letters.get(found[1].lower())
    return f"did you mean {meant!r}?" if meant else did_you_mean(found[1], by_small_letters.values()).removeprefix("; ")


def _surplus(words: Sequence[str], ctx: click.Context) -> str:
    """Returns advice about words after the last argument that a command takes."""
    params = ctx.command.get_params(ctx)
    taken = [param.human_readable_name.upper() for param in params if isinstance(param, click.Argument)]
    if any(map(looks_invited, words)):
        return "write it to a file and name that: `hyperverse up --invitation FILE`; or use HYPERVERSE_INVITATION"
    if len(words) == 1 and any("--name" in param.opts for param in params):
        return f"{ctx.command_path} --name {words[0]}"
    if not taken:
        return f"`{ctx.command_path}` takes options only, no arguments"
    return f"`{ctx.command_path}` takes {' '.join(taken)}; quote an argument that contains spaces, < or >"
