"""The root of the command tree: the name and the help line of each command. The rest is imported on use."""

from __future__ import annotations

import importlib
import os
from typing import Any, Final

import click

from .terminal.options import common

__all__ = ["COMMANDS", "LazyGroup", "root"]

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "init": ("setup.init:init", "Write the files of a new project."),
    "up": ("machine.up:up", "Start a machine."),
    "down": ("machine.down:down", "Stop the machines of a data directory."),
    "status": ("machine.status:status", "Show the state of a machine, its stars and its drivers."),
    "exec": ("talk.execute:execute", "Run a command or a script of the command language."),
    "term": ("talk.term:term", "Type commands with history and completion."),
    "tree": ("look.tree:tree", "Show a particle and everything below it."),
    "ls": ("look.tree:ls", "List the children of a particle."),
    "describe": ("look.describe:describe", "Show a particle, and why it cannot run."),
    "machines": ("look.machines:machines", "List the machines, including those that are gone."),
    "stars": ("look.stars:stars", "List the stars."),
    "top": ("look.top:top", "Show what the machines are doing, live."),
    "drain": ("machine.drain:drain", "Move all particles off a machine before you stop it."),
    "rebalance": ("machine.rebalance:rebalance", "Move particles so that every star has its share."),
    "watch": ("look.watch:watch", "Print the changes of a particle."),
    "trace": ("look.trace:trace", "Send one wave and print its hops with times."),
    "dump": ("look.dump:dump", "Print what is in the memory of a machine."),
    "keys": ("machine.keys:keys", "Show, allow and revoke the keys of machines."),
    "user": ("access.users:user", "Add, list and remove users, and make tokens for them."),
    "token": ("access.tokens:token", "List, revoke and rotate tokens."),
    "login": ("access.login:login", "Save a token, so that your commands act as its user."),
    "logout": ("access.login:logout", "Forget the token that `login` saved."),
    "context": ("access.contexts:context", "Name several constellations, and choose one."),
    "whoami": ("access.tokens:whoami", "Print the agent that your commands act as."),
    "grant": ("access.grants:grant", "Grant agents access to particles."),
    "grants": ("access.grants:grants", "List grants."),
    "revoke": ("access.grants:revoke", "Revoke a grant."),
    "chown": ("access.grants:chown", "Give particles to another owner."),
    "explain": ("access.grants:explain", "Show what an agent may do on a particle, and why."),
    "access": ("access.grants:access", "List who may do what on a particle."),
    "kinds": ("look.kinds:kinds", "List the Kinds that can be created, or show one."),
    "stubs": ("look.stubs:stubs", "Write a class with the handlers of a Kind, for typed calls."),
    "plugins": ("setup.plugins:plugins", "List, show and check plugins."),
    "config": ("setup.config:config", "Show the configuration and where each value comes from."),
    "audit": ("look.audit:audit", "Read and check the audit log."),
    "logs": ("machine.logs:logs", "Read the log of a detached machine."),
    "demo": ("demo.command:demo", "Watch a Hyperverse survive kill -9."),
    "bench": ("bench.command:bench", "Measure the speed of this computer."),
    "completion": ("setup.completion:completion", "Print a shell completion script."),
    "new": ("setup.new:new", "Write the files of a new plugin."),
}
"""The module and the attribute of each command, within this package, and its line in the help, by its name."""


class LazyGroup(click.Group):
    """A group that imports a command when it is used. A name that is not in ``COMMANDS`` may be a plugin's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns all names, those of plugins last."""
        from .plugin_commands import listed

        return [*COMMANDS, *(name for name in listed() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports and returns the command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            from .plugin_commands import load

            return load(cmd_name)
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f".{module}", __package__), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolves the command as click does, and suggests the nearest names if there is no such command."""
        name = args[0] if args else ""
        command = self.get_command(ctx, name)
        if command is None and not name.startswith("-"):
            from ..errors import did_you_mean
            from ..universe.commands.words import COMMAND_WORDS
            from .other_words import advice

            said = advice(args) if name else ""
            if said:
                what = (
                    " of this program; it belongs to the command language" if name.rstrip("?!") in COMMAND_WORDS else ""
                )
                raise click.UsageError(f"no such command {name!r}{what}\n  hint: {said}", ctx)
            commands = self.list_commands(ctx)
            words = [word for word in COMMAND_WORDS if word not in commands]
            near = did_you_mean(name, [*commands, *words])
            meant = next((word for word in words if repr(word) in near), "")
            hint = f"\n  hint: {advice([meant, *args[1:]])}" if meant else ""
            raise click.UsageError(f"no such command {name!r}{near}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands into the help, without importing them."""
        from .plugin_commands import listed

        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        more = [(name, text or "(command of a plugin)") for name, text in listed().items() if name not in COMMANDS]
        if more:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(more)


def _version(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        from .version import print_version

        print_version()
        ctx.exit()


def _width() -> int:
    """The columns of a help text, as click computes them. Calling click for this would import shutil, which imports
    much more."""
    try:
        columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(1).columns
    except (ValueError, OSError):  # stdout is not a terminal, or COLUMNS is not a number
        columns = 80
    return max(min(columns or 80, 80) - 2, 50)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "terminal_width": _width()})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show versions.")
@common
def root() -> None:
    """Cosmic Hyperverse: hosts addressable particles, carries messages between them, and authorises each message.

    Run `hyperverse demo` to see it at work, `hyperverse up` to start a machine.
    """
