"""``hyperverse wasm``: looks at WebAssembly files, and runs one once, without a machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hyperverse_core.commands import common, options
from hyperverse_core.errors import BadRequest

from .sizes import told_size
from .stand_ins import stand_ins_given

if TYPE_CHECKING:
    from .binary import Reference
    from .inspection import Report

__all__ = ["wasm"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
@common
def wasm() -> None:
    """Look at WebAssembly files, and run one without a machine."""


@wasm.command()
@click.argument("module", type=_FILE)
@click.option("--start", default="_start", metavar="NAME", help="Function that runs a command.")
@click.option("--import", "imports", multiple=True, metavar="IMPORT=STAND-IN", help="What stands in for an import.")
@common
def inspect(module: Path, start: str, imports: tuple[str, ...]) -> None:
    """Show what MODULE is, what it imports and exports, and what would be refused."""
    from .checking import checked
    from .inspection import GuestKind

    try:
        report = checked(_read(module), start, stand_ins_given(imports))
    except BadRequest as exc:
        raise BadRequest(f"{module} cannot run: {exc.message}", hint=exc.hint) from None
    if options().json:
        click.echo(json.dumps(_as_json(module, report)))
        return
    click.echo(f"{module}: {report.kind.value}, {told_size(report.size)}")
    least, most = report.memory
    if least is not None:
        click.echo(f"memory: {told_size(least)} at the start, {_told_most(most)}")
    if report.kind is GuestKind.COMPONENT:
        _wit("imports", [(each, who.name or "nobody") for each, who in report.imports])
        _wit("exports", [(each, "") for each in report.exports])
    else:
        _table(report)
    if report.faults:
        click.echo("would be refused:")
        for fault in report.faults:
            click.echo(f"  - {fault.what}\n    hint: {fault.hint}")


def _told_most(size: int | None) -> str:
    return f"at most {told_size(size)}" if size else "no limit of its own"


def _table(report: Report) -> None:
    _list("imports", [[each.full_name, str(each), who.name or "nobody"] for each, who in report.imports])
    _list("exports", [[each.name, str(each)] for each in report.exports])


def _wit(title: str, items: list[tuple[Reference, str]]) -> None:
    """Imports or exports of a component, in the language of its types."""
    click.echo(f"{title}:" if items else f"{title}: none")
    for each, provider in items:
        first, *rest = str(each).splitlines()
        click.echo(f"  {each.name}: {first}" + (f"  # {provider}" if provider else ""))
        for line in rest:
            click.echo(f"  {line}")


@wasm.command()
@click.argument("module", type=_FILE)
@click.argument("arguments", nargs=-1)
@click.option("--arg", "args", multiple=True, metavar="TEXT", help="Argument of the guest. May be given several times.")
@click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="Environment variable of the guest.")
@click.option("--dir", "dirs", multiple=True, metavar="HOST::GUEST", help="Folder that the guest may read and write.")
@click.option("--read-dir", "read_dirs", multiple=True, metavar="HOST::GUEST", help="Folder that the guest may read.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(min=0.001), help="Longest run.")
@click.option("--memory", default=256, show_default=True, type=click.IntRange(1, 4096), help="Largest memory, in MiB.")
@click.option("--fuel", default=None, type=click.IntRange(min=1), help="Instructions, roughly; not counted by default.")
@click.option("--start", default="_start", metavar="NAME", help="Function that runs the command.")
@click.option("--import", "imports", multiple=True, metavar="IMPORT=STAND-IN", help="What stands in for an import.")
@common
def run(module: Path, arguments: tuple[str, ...], args: tuple[str, ...], start: str, **given: Any) -> None:
    """Run the WASI preview 1 command MODULE once, with its ARGUMENTS.

    Input, output and error output are those of this command, and so is the exit code: 124 after the longest run,
    134 after a trap.
    """
    from .running_once import run_once

    run_once(_read(module), module.name, (*args, *arguments), start, **given)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise BadRequest(f"{path} cannot be read: {exc.strerror}", hint="name a file that you may read") from None


def _list(title: str, rows: list[list[str]]) -> None:
    if not rows:
        click.echo(f"{title}: none")
        return
    click.echo(f"{title}:")
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _as_json(path: Path, report: Report) -> dict[str, Any]:
    return {
        "file": str(path),
        "kind": report.kind.name.lower(),
        "size": report.size,
        "memory": {"least": report.memory[0], "most": report.memory[1]},
        "imports": [
            {"module": each.module, "name": each.name, "type": str(each), "provider": who.name or None}
            for each, who in report.imports
        ],
        "exports": [{"name": each.name, "type": str(each)} for each in report.exports],
        "refused": [{"what": fault.what, "hint": fault.hint} for fault in report.faults],
    }
