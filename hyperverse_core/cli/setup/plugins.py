"""``hyperverse plugins``: the installed plugins, and the state of each with its reason."""

from __future__ import annotations

import traceback
from typing import Any

import click

from ...hookspecs import PROJECT
from ...plugins import PluginInfo, PluginSet
from ..terminal.failures import FAILED, Stop
from ..terminal.options import common, options
from ..terminal.output import colour, note, print_json, table

__all__ = ["plugins"]


@click.group()
def plugins() -> None:
    """List, show and check plugins.

    A plugin is installed with an entry point of the group "hyperverse".
    """


def _plain(info: PluginInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "distribution": info.distribution,
        "version": info.version,
        "state": info.state,
        "reason": info.reason,
        "registers": {thing: list(names) for thing, names in info.registers.items()},
    }


def _registers(info: PluginInfo) -> str:
    return "; ".join(f"{thing} {', '.join(names)}" for thing, names in info.registers.items())


@plugins.command("list")
@common
def list_() -> None:
    """List the installed plugins with version, state, and what each registers."""
    found = options().plugins()
    if options().json:
        print_json([_plain(info) for info in found.plugins])
        return
    rows = [(info.name, info.distribution, info.version, info.state, _registers(info)) for info in found.plugins]
    table(("name", "distribution", "version", "state", "registers"), rows, state=3)
    _explain(found.plugins, [*found.notes, *_passed_over(found)])


def _passed_over(found: PluginSet) -> list[str]:
    return [f"passed over: {text}" for text in found.passed_over]


def _explain(found: list[PluginInfo], notes: list[str]) -> None:
    for info in found:
        if info.reason:
            note(f"{info.name}: {info.reason}")
    for line in notes:
        note(line)


@plugins.command()
@click.argument("name")
@common
def show(name: str) -> None:
    """Show one plugin in detail."""
    found = options().plugins()
    info = found.info(name)
    if options().json:
        print_json(_plain(info))
    else:
        print(f"{info.name}: {colour(info.state, info.state)}")
        print(f"  from: {info.distribution or 'no distribution'} {info.version}".rstrip())
        if info.reason:
            print(f"  reason: {info.reason}")
        for thing, names in info.registers.items():
            print(f"  {thing}: {', '.join(names)}")
        hooks = found.pm.get_hookcallers(found.pm.get_plugin(name)) if found.pm.has_plugin(name) else []
        if hooks:
            print(f"  hooks of {PROJECT}: {', '.join(sorted(hook.name for hook in hooks))}")
    if info.error is not None and options().debug:
        traceback.print_exception(info.error)


@plugins.command()
@common
def check() -> None:
    """Load and check all plugins, and everything that they register. The exit code is 1 if a plugin is faulty and was
    not disabled on purpose."""
    found = options().plugins()
    for name, errors in found.verify().items():
        info = found.info(name)
        info.state = "failed"
        info.reason = "\n  ".join(f"{exc.message} ({exc.hint})" if exc.hint else exc.message for exc in errors)
        info.error = errors[0]
    bad = [info for info in found.plugins if info.trouble]
    wrong = [*bad, *found.notes]
    if options().json:
        said = {"ok": not wrong, "plugins": [_plain(info) for info in bad], "notes": found.notes}
        print_json(said | {"passed_over": found.passed_over})
    else:
        _explain(bad, [*found.notes, *_passed_over(found)])
        if not wrong and not options().quiet:
            print(f"{len(found.plugins)} plugins, all fine")
    if options().debug:
        for info in bad:
            if info.error is not None:
                traceback.print_exception(info.error)
    if wrong:
        raise Stop(FAILED)
